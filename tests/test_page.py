"""The page of ``backproof explain --html``, in a real browser, without a network.

The browser is the Chromium of the system; CONTRIBUTING.md says how to get one. Without it, or
without playwright, these tests are skipped.
"""

from __future__ import annotations

import re
import shutil
from functools import cache

import numpy as np
import pytest
from click.testing import CliRunner

import backproof
from backproof.adapters.loading import FRAMEWORKS, MissingFramework, load
from backproof.cli import main
from backproof.comparisons import environment
from backproof.comparisons.cases import CaseError
from backproof.comparisons.ledger.explanation import explanation, problem_of
from backproof.comparisons.ledger.live import updated
from backproof.comparisons.ledger.networks import SMALL
from backproof.comparisons.ledger.problem import named
from backproof.comparisons.ledger.steps import record
from backproof.comparisons.networks import NETWORKS
from backproof.explain_live import page_data
from backproof.explain_page import page as written
from backproof.reference import discovery
from backproof.reference.tree import leaves, tree_map

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIETLY = ["--no-sandbox", "--disable-gpu", "--disable-background-networking",
           "--disable-component-update", "--disable-sync", "--no-first-run"]  # fmt: skip
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 320, "height": 640}
NODES, TENSORS = ("lesson", "mazur", "mlp", "layer-norm"), ("attention", "cnn")
LIMIT = 500_000  # bytes of a page
SETTLED = """new Promise((done, failed) => {
  setTimeout(() => failed(new Error("the page shows nothing after 20 seconds")), 20000);
  const settled = () => globalThis.backproof?.waiting === null;
  const look = () => (settled() ? done() : requestAnimationFrame(look));
  look();
})"""


@pytest.fixture(scope="session")
def browser():
    """A browser, for all tests."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser is installed: none of {', '.join(BROWSERS)}")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=QUIETLY)
        yield started
        started.close()


@cache
def told_of(name):
    """What is told of a network, with every framework that is installed."""
    tracers = {n: load(n) for n in FRAMEWORKS if not environment.lacking(n)}
    return explanation(problem_of(name), tracers, update=True)


@cache
def page_of(name):
    return written(told_of(name))


@cache
def data_of(name):
    return page_data(told_of(name))


class Opened:
    """A page in a window of its own, and what a user finds in it."""

    def __init__(self, browser, path, **how):
        self.context = browser.new_context(offline=True, **{"viewport": DESKTOP, **how})
        self.page, self.trouble, self.asked = self.context.new_page(), [], []
        self.page.on("console", lambda message: self.trouble.append(message.text))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("dialog", lambda dialog: self.trouble.append(dialog.message))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())
        self.settle()

    def settle(self):
        """Wait for the next frame, in which the page shows what it has computed."""
        self.page.evaluate(SETTLED)

    def text(self, place):
        return self.page.inner_text(place)

    def slide(self, label, value):
        """Put a slider somewhere, as the browser tells the page of it."""
        slider = self.page.get_by_label(label, exact=True)
        slider.evaluate("(s, v) => { s.value = v; s.dispatchEvent(new Event('input')); }", value)
        self.settle()

    def arrays(self):
        """The numbers of every step, and those that are given, by name."""
        model = "backproof.model.arrays"
        found = self.page.evaluate(f"backproof.data.steps.map((s) => [...{model}[s.array].data])")
        given = self.page.evaluate(
            f"Object.entries(backproof.data.given).map(([n, i]) => [n, [...{model}[i].data]])"
        )
        return found, dict(given)


@pytest.fixture
def opened(browser, tmp_path):
    """Open a page; at the end, nothing may have gone wrong in it, nor been asked of a network."""
    all_opened = []

    def open_page(name="mazur", text=None, **how):
        path = tmp_path / f"{name}.html"
        path.write_text(text or page_of(name), encoding="utf-8")
        all_opened.append(Opened(browser, path, **how))
        return all_opened[-1]

    yield open_page
    for found in all_opened:
        found.context.close()
        assert found.trouble == []
        assert [url for url in found.asked if not url.startswith("file:")] == []
        assert len(found.asked) == 1


# Its numbers


def by_numpy(told, given):
    """The same steps by the reference, from the parameters, input and rate that the page has."""
    paths = iter(dict(leaves(named(*told.problem.shown))))

    def replaced(array):
        path = next(paths)
        return np.reshape(np.asarray(given[path], float), array.shape) if path in given else array

    params, x, target = (tree_map(replaced, tree) for tree in told.problem.shown)
    program = record(told.problem.network, told.problem.loss, params, x, target)
    by_key = {step.key: step.value for step in program.steps}
    rows = [row for row in told.ledger.rows if row.is_step or row.passes]
    gradients = {step.leaf: step.value for step in program.steps if step.leaf}
    changed = told.problem.__class__(
        **{**vars(told.problem), "shown": (params, x, target), "rate": given["lr"][0]}
    )
    return [by_key[row.step.key] for row in rows] + list(updated(changed, gradients).values())


def assert_same(found, right):
    assert len(found) == len(right)
    for mine, its in zip(found, right, strict=True):
        scale = np.abs(its).max() or 1.0
        np.testing.assert_allclose(mine, its.ravel(), rtol=0, atol=1e-12 * scale)


def number(text):
    """A number as the page writes it, and half a unit of its last digit."""
    plain = text.replace("−", "-").replace("∂", "").strip()
    mantissa, _, exponent = plain.partition("e")
    decimals = len(mantissa.partition(".")[2])
    return float(plain), 0.5001 * 10.0 ** (int(exponent or 0) - decimals)


def assert_shown(text, right):
    value, half = number(text)
    assert abs(value - right) <= half, (text, right)


SETTINGS = [
    {},
    {"weight": -0.45},
    {"weight": 0.8, "input": 0.35},
    {"weight": 0.8, "input": -0.9, "learning rate": 1.2},
]


@pytest.mark.parametrize("name", [*NODES, *TENSORS])
def test_numbers_are_numpys(name, opened):
    """Every step at several settings of the sliders and after several updates, and what is read."""
    told, shown, before = told_of(name), opened(name), None
    loss = next(i for i, step in enumerate(data_of(name)["steps"])
                if (step["path"], step["role"]) == ("loss", "y"))  # fmt: skip
    for i, setting in enumerate(SETTINGS):
        for label, value in setting.items():
            shown.slide(label, value)
        for _ in range(i):
            shown.page.click("#once")
        shown.settle()
        found, given = shown.arrays()
        right = by_numpy(told, given)
        assert_same(found, right)
        assert found != before, "nothing has changed"
        before = found
        assert_shown(shown.text("#loss"), right[loss].sum())
        assert_step_is_shown(shown, len(right) // 2, right)
    shown.page.click("#restart")
    shown.settle()
    assert_same(shown.arrays()[0], by_numpy(told, dict(_flat(named(*told.problem.shown), told))))


def _flat(tree, told):
    return [*((k, v) for k, v in leaves(tree) if v.dtype.kind == "f"), ("lr", [told.problem.rate])]


def assert_step_is_shown(shown, at, right):
    """What is written of one step are NumPy's numbers, to the last digit."""
    shown.page.evaluate(f"backproof.go({at})")
    shown.settle()
    entry = int(shown.page.input_value("#entry"))
    plugged = shown.text("#plugged")
    assert_shown(plugged.rpartition("= ")[2], right[at].ravel()[entry])
    cells = shown.page.locator(".matrix button").all_inner_texts()
    start = shown.page.evaluate("backproof.panel.seen.start")
    for cell, value in zip(cells, right[at].ravel()[start:], strict=False):
        assert_shown(cell, value)


def test_the_graph_shows_numpys_numbers(opened):
    """Values, gradients and weights of 2-2-2, as they are drawn and as they are in the table."""
    told, shown = told_of("mazur"), opened("mazur")
    shown.slide("weight", 0.31)
    shown.page.evaluate("backproof.go(backproof.data.steps.length - 1)")
    shown.page.click("#numbers-table summary")
    shown.settle()
    right = by_numpy(told, shown.arrays()[1])
    data = data_of("mazur")
    at = {step["array"]: i for i, step in enumerate(data["steps"])}
    values = [v for c in data["graph"]["columns"][1:] for v in right[at[c["value"]]].ravel()]
    gradients = [v for c in data["graph"]["columns"] for v in right[at[c["gradient"]]].ravel()]
    drawn = shown.page.locator(".node .value").all_text_contents()
    assert len(drawn) == 2 + len(values) + 1
    for text, value in zip(drawn[2:], values, strict=False):
        assert_shown(text, value)
    for text, value in zip(shown.page.locator(".node .gradient").all_text_contents(), gradients,
                           strict=False):  # fmt: skip
        assert_shown(text, value)
    rows = [row.split("\t") for row in
            shown.page.locator("#numbers-table tbody tr").all_inner_texts()]  # fmt: skip
    assert len(rows) == 2 + len(values) + 8
    for (_, value, gradient), v, g in zip(rows, [0.05, 0.1, *values], gradients, strict=False):
        assert_shown(value, v)
        assert_shown(gradient, g)
    weights = right[next(i for i, s in enumerate(data["steps"]) if s["leaf"] == "d0.W")]
    assert rows[10][:2] == ["0.W [0, 0]", "0.31"]
    assert_shown(rows[10][2], weights[0, 0])


SIGNS = {"×": "*", "−": "-", "√": "sqrt", "²": "**2", "^": "**"}
FUNCTIONS = {name: getattr(np, name) for name in ("exp", "log", "tanh", "sqrt", "abs")}


@pytest.mark.parametrize("name", ["mazur", "mlp", "layer-norm"])
def test_the_numbers_plugged_in_are_a_true_equation(name, opened):
    """What stands between the signs of equality, worked out, is what stands behind the last."""
    shown, worked_out = opened(name), 0
    for at in range(len(data_of(name)["steps"])):
        shown.page.evaluate(f"backproof.go({at})")
        shown.settle()
        _, *middle, last = shown.text("#plugged").split(" = ")
        for text in (t for t in middle if "…" not in t):  # long sums are cut short
            for sign, python in SIGNS.items():
                text = text.replace(sign, python)
            text = re.sub(r"\|([^|]*)\|", r"abs(\1)", text)
            value = eval(text, {"max": max, "min": min, **FUNCTIONS})
            assert value == pytest.approx(number(last)[0], rel=2e-4, abs=2e-6), text
            worked_out += 1
    assert worked_out > 15


def test_every_layer_and_network_runs_in_the_page(opened):
    """The program of each of them, in JavaScript, on numbers of its own: the same as in NumPy."""
    shown = opened("lesson")
    model = "const m = new backproof.model.constructor(data);"
    run = f"""([data, given]) => {{ {model}
      for (const name in given) m.given(name).data.set(given[name]);
      m.run();
      return data.steps.map((s) => [...m.arrays[s.array].data]
        .map((v) => (Number.isFinite(v) ? v : `${{v}}`.replace("Infinity", "inf")))); }}"""
    rng, ran = np.random.default_rng(0), 0
    for name in [*discovery.layers(), *SMALL, "digits-cnn"]:
        try:
            told = explanation(problem_of(name), {})
        except (CaseError, MissingFramework):  # several outputs; its data are not here
            continue
        data = page_data(told)
        assert not data["why"], data["why"]
        given = {k: np.ravel(v) + 0.1 * rng.standard_normal(np.size(v))
                 for k, v in _flat(named(*told.problem.shown), told)}  # fmt: skip
        found = shown.page.evaluate(run, [data, {k: v.tolist() for k, v in given.items()}])
        right = by_numpy(told, given)
        assert_same([np.array(one, float) for one in found], right)
        ran += 1
    assert ran > 80


def test_an_operation_that_the_page_lacks_is_noticed(monkeypatch):
    from backproof import explain_live

    monkeypatch.setattr(explain_live, "page_operations", lambda: frozenset({"add", "view"}))
    why = page_data(explanation(problem_of("mazur"), {}))["why"]
    assert why.startswith("This page cannot recompute mazur: it does not know absolute, ")


# Steps, sliders, frameworks


def test_a_pass_by_keyboard_alone(opened):
    shown = opened("mazur")
    press, steps = shown.page.keyboard.press, len(data_of("mazur")["steps"])
    for _ in range(9):
        press("Tab")
        if shown.page.evaluate("document.activeElement.id") == "next":
            break
    assert shown.page.evaluate("document.activeElement.id") == "next"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert shown.page.evaluate(outline) == "solid"
    seen = [shown.text("#said")]
    for key in ["Enter", *["ArrowRight"] * (steps - 2)]:
        press(key)
        shown.settle()
        seen.append(shown.text("#said"))
    assert len(set(seen)) == steps
    assert "backward" in seen[len(seen) // 2]
    assert shown.text("#count") == f"Step {steps} of {steps}"
    assert shown.page.get_attribute("#explorer", "data-phase") == "update"
    before = shown.text("#loss")
    press("ArrowRight")  # the update is made
    shown.settle()
    assert shown.text("#count") == f"Step 1 of {steps}"
    assert number(shown.text("#loss"))[0] < number(before)[0]
    press("ArrowLeft")  # and taken back
    shown.settle()
    assert (shown.text("#loss"), shown.text("#updates")) == (before, "0 updates")


def tab_to(shown, place):
    """Press Tab until the focus is there."""
    for _ in range(30):
        shown.page.keyboard.press("Tab")
        if shown.page.evaluate(f"document.activeElement.matches('{place}')"):
            return
    raise AssertionError(f"Tab does not lead to {place}")


def press(shown, *keys):
    """Press keys; what is said of the part of the graph that then has the focus."""
    for key in keys:
        shown.page.keyboard.press(key)
    shown.settle()
    return shown.page.evaluate("document.activeElement.getAttribute('aria-label')")


def test_the_graph_by_keyboard_alone(opened):
    """A weight and an input to their sliders."""
    shown = opened("mazur")
    tab_to(shown, ".network [role=button]")
    ring = "getComputedStyle(document.activeElement.querySelector('.ring, .touch')).stroke"
    rings = [shown.page.evaluate(ring)]
    assert press(shown) == "input x, unit 1: 0.05"
    assert press(shown, "ArrowRight") == "weight 0.W[0, 0] from unit 1 to unit 1: 0.15"
    rings.append(shown.page.evaluate(ring))
    assert rings[0] == rings[1] not in ("none", "rgba(0, 0, 0, 0)")
    assert press(shown, "ArrowDown").startswith("weight 0.W[0, 1] from unit 1 to unit 2: 0.25")
    press(shown, "Enter")
    slider = shown.page.get_by_label("weight, as a number")
    assert slider.input_value() == "0.25"
    assert shown.text("#said") == "the weight slider moves 0.W[0, 1], which is 0.25"
    assert shown.page.get_attribute(":focus", "aria-current") == "true"
    shown.slide("weight", -0.75)
    assert press(shown) == "weight 0.W[0, 1] from unit 1 to unit 2: −0.75"
    press(shown, "Home", "ArrowDown", " ")
    assert shown.page.get_by_label("input, as a number").input_value() == "0.1"
    assert shown.text("#count").startswith("Step 1 of"), "the arrow keys stay in the graph"
    shown.page.keyboard.press("Tab")
    assert shown.page.evaluate("document.activeElement.closest('.network')") is None
    shown.page.keyboard.press("Shift+Tab")
    assert press(shown).startswith("input x, unit 2: 0.1"), "Tab comes back to where it was"


def test_what_is_said_of_the_graph_is_numpys(opened):
    """Of its parts in each phase, after a change of a weight; and which entry is looked at."""
    told, shown, data = told_of("mazur"), opened("mazur"), data_of("mazur")
    shown.slide("weight", -0.75)
    right = by_numpy(told, shown.arrays()[1])
    of = {step["array"]: value.ravel() for step, value in zip(data["steps"], right, strict=True)}
    columns = data["graph"]["columns"]

    def said(pattern, number_of, *keys):
        found = re.fullmatch(pattern, press(shown, *keys))
        assert_shown(found[1], number_of)

    shown.page.focus(".network [tabindex='0']")
    said(r"0 Dense, unit 2: (\S+), bias 0.35", of[columns[1]["value"]][1],
         "ArrowRight", "ArrowDown", "ArrowRight")  # fmt: skip
    said(r"loss: (\S+)", of[data["loss"]].sum(), "End")
    shown.page.evaluate("backproof.jump((step) => step.phase === 'backward')")
    gradient = of[columns[-1]["gradient"]][1]
    said(r"3 Sigmoid, unit 2: .*, target 0.99, gradient (\S+)", gradient,
         "ArrowLeft", "ArrowDown", "Enter")  # fmt: skip
    assert shown.page.input_value("#entry") == "1"
    assert_shown(shown.text("#said").rpartition("[0, 1] is ")[2], gradient)
    shown.page.evaluate("backproof.jump((step) => step.array === backproof.data.updated['2.W'])")
    assert press(shown, "ArrowLeft").startswith("2 Dense, unit 2: ")
    said(r"weight 2.W\[1, 1\] from unit 2 to unit 2: 0.55, becomes (\S+)",
         of[data["updated"]["2.W"]][3], "ArrowLeft")  # fmt: skip
    press(shown, "Enter")
    assert shown.page.input_value("#entry") == "3"


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["wide", "narrow"])
@pytest.mark.parametrize("name", NODES)
def test_arrow_keys_go_where_they_point(name, viewport, opened):
    """From each part of the graph, in each direction; and every part can be reached."""
    shown = opened(name, viewport=viewport)
    moves = shown.page.evaluate("""[...backproof.picture.walk.parts.values()].flatMap((part) =>
      Object.entries({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1],
        ArrowDown: [0, 1] }).map(([key, [x, y]]) => {
          const { walk } = backproof.picture;
          walk.here = part;
          const to = walk.next(key);
          return [part.says, to.says, (to.x - part.x) * x + (to.y - part.y) * y];
        }))""")
    ways = {}
    for start, end, along in moves:
        assert along > 0 or start == end, (start, end)
        ways.setdefault(start, set()).add(end)
    reached, new = set(), {next(iter(ways))}
    while new:
        reached |= new
        new = set().union(*(ways[part] for part in new)) - reached
    assert reached == set(ways)
    weights = sum(w.size for path, w in leaves(told_of(name).problem.shown[0]) if path[-1] == "W")
    assert sum(part.startswith("weight") for part in reached) == weights


def test_the_graph_keeps_its_place_when_it_is_turned(opened):
    """As when a page is zoomed: drawn anew from top to bottom, the focus is where it was."""
    shown = opened("mazur")
    tab_to(shown, ".network [role=button]")
    before = press(shown, "ArrowRight", "ArrowDown")
    shown.page.set_viewport_size(PHONE)
    while not shown.page.evaluate("backproof.picture.tall"):
        shown.settle()
    assert press(shown) == before
    assert press(shown, "ArrowDown").startswith("0 Dense, unit 2")


def test_tiles_are_one_stop(opened):
    """The tile of the step; the arrow keys go from step to step, and the focus with them."""
    shown = opened("attention")
    tab_to(shown, ".tile")
    current = "document.activeElement.getAttribute('aria-current')"
    assert press(shown).startswith("step 1, ")
    assert press(shown, "ArrowRight", "ArrowRight").startswith("step 3, ")
    assert shown.page.evaluate(current) == "step"
    assert shown.text("#count").startswith("Step 3 of")
    press(shown, "Tab")
    assert shown.page.evaluate("document.activeElement.closest('.tiles')") is None
    shown.page.click(".tile >> nth=8")
    shown.settle()
    assert press(shown, "ArrowLeft").startswith("step 8, ")


def test_a_slider_is_dragged(opened):
    told, shown = told_of("mazur"), opened("mazur")
    shown.page.locator(".edge").nth(4).click(force=True)  # its weight goes to the slider
    shown.settle()
    slider = shown.page.get_by_label("weight", exact=True)
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    y, losses = box["y"] + box["height"] / 2, []
    shown.page.mouse.move(box["x"] + box["width"] * 0.56, y)
    shown.page.mouse.down()
    for part in (0.6, 0.7, 0.85):
        shown.page.mouse.move(box["x"] + box["width"] * part, y, steps=4)
        shown.settle()
        losses.append(shown.text("#loss"))
    shown.page.mouse.up()
    assert len(set(losses)) == 3
    found, given = shown.arrays()
    assert given["0.W"][2] > 0.5
    assert given["0.W"][:2] == [0.15, 0.25]
    assert_same(found, by_numpy(told, given))
    shown.page.get_by_label("weight, as a number").fill("-0.125")
    shown.page.keyboard.press("Enter")
    assert shown.arrays()[1]["0.W"][2] == -0.125
    shown.page.get_by_label("weight, as a number").fill("-0.0000125")
    shown.page.keyboard.press("Enter")
    shown.settle()
    assert "−1.25e−5" in shown.page.locator(".label .value").all_text_contents()


def test_the_loss_of_updates_is_drawn(opened):
    shown = opened("mazur")
    shown.page.click("#ten")
    shown.page.click("#ten")
    shown.settle()
    assert shown.text("#updates") == "20 updates"
    points = shown.page.get_attribute(".curve", "points").split()
    heights = [float(p.partition(",")[2]) for p in points]
    assert len(points) == 21
    assert heights == sorted(heights), "the loss falls"
    assert "at update 20" in shown.page.text_content(".plot title")
    shown.page.click("#restart")
    shown.settle()
    assert shown.text("#updates") == "0 updates"


def test_each_framework_shows_the_step(opened, installed):
    """The line of code, the autograd node or the equation, and where it is in its program."""
    at = next(i for i, s in enumerate(data_of("mazur")["steps"]) if s["leaf"] == "d2.W")
    shown = opened("mazur")
    shown.page.evaluate(f"backproof.go({at})")
    shown.settle()
    marked = "#listing li.now code"
    assert shown.text(marked).strip().startswith('dparams = {"W": residuals[0]')
    assert "layers/dense.py:" in shown.text("#found")
    words = {"torch": ("PyTorch", "Addmm.*mm", "add_"), "jax": ("JAX", "dot_general", "= add 2.W")}
    for name in installed[1:]:
        label, of_step, of_update = words[name]
        shown.page.locator("#frameworks").get_by_label(label).check()
        shown.settle()
        assert re.search(of_step, shown.text(marked))
        assert "held as d2.W; largest difference" in shown.text("#found")
        shown.page.evaluate("backproof.go(backproof.data.steps.length - 1)")
        shown.settle()
        assert of_update in shown.text(marked)
        shown.page.evaluate(f"backproof.go({at})")


def test_a_fused_operation_is_shown_around_a_step(opened, need_adapter):
    """x @ W is inside of addmm, which adds the bias as well."""
    need_adapter("torch")
    shown = opened("mazur")
    shown.page.locator("#frameworks").get_by_label("PyTorch").check()
    for at, line in ((0, 3), (3, 7)):
        shown.page.evaluate(f"backproof.go({at})")
        shown.settle()
        assert shown.text("#found") == "no counterpart; inside addmm"
        assert shown.text("#listing li.around").split() == [f"{line}addmm", "(1×2)"]


def test_a_missing_framework_is_named(opened):
    told = explanation(problem_of("mazur"), {})
    told.skipped["torch"] = "torch is not installed: pip install 'backproof[torch]'"
    shown = opened(text=written(told))
    shown.page.locator("#frameworks").get_by_label("PyTorch (skipped)").check()
    shown.settle()
    assert "pip install 'backproof[torch]'" in shown.text("#found")


# For everybody, everywhere


@pytest.mark.parametrize("name", ["mazur", "attention"])
def test_no_barriers(name, opened):
    """What axe, the checker of accessibility, can find: nothing, light or dark."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing")
    shown = opened(name, reduced_motion="reduce")
    shown.page.focus("#picture [tabindex='0']")
    for scheme, phases in {"light": ("forward", "update"), "dark": ("update", "backward")}.items():
        shown.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for phase in phases:
            shown.page.click(f"[data-to={phase}]")
            shown.settle()
            found = axe.Axe().run(shown.page)
            assert found.violations_count == 0, found.generate_report()


def test_dark_or_light_by_a_switch(opened):
    shown = opened("mazur", color_scheme="dark")
    colour = "getComputedStyle(document.body).backgroundColor"
    seen = [shown.page.evaluate(colour)]
    for pressed in ("false", "true"):
        shown.page.click("#theme")
        shown.settle()
        assert shown.page.get_attribute("#theme", "aria-pressed") == pressed
        seen.append(shown.page.evaluate(colour))
    assert seen[0] == seen[2] != seen[1]


@pytest.mark.parametrize("name", [*NODES, *TENSORS])
def test_a_narrow_window_needs_no_sideways_scrolling(name, opened):
    shown = opened(name, viewport=PHONE, has_touch=True, is_mobile=True)
    for phase in ("forward", "backward", "update"):
        shown.page.tap(f"[data-to={phase}]")
        shown.settle()
        assert shown.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_motion_only_where_it_is_wanted(motion, opened):
    shown = opened("lesson", reduced_motion=motion)
    style = "getComputedStyle(document.querySelector('.node rect')).transitionDuration"
    assert (shown.page.evaluate(style) == "0s") == (motion == "reduce")


@pytest.mark.parametrize("name", [*SMALL, *NETWORKS])
def test_pages_are_small(name):
    try:
        told = explanation(problem_of(name), {})
    except MissingFramework as error:
        pytest.skip(str(error))
    assert len(written(told).encode()) < LIMIT * 0.7  # the frameworks' programs are to come


# What comes from a user's file

USERS = """
from dataclasses import dataclass
import numpy as np
import backproof as bp
from backproof.comparisons.named_network import NamedNetwork

@dataclass(frozen=True)
class Turned:
    "y = x W"
    def init(self, rng):
        return {"<b>W</b>": rng.standard_normal((3, 3))}
    def forward(self, params, x):
        W = params["<b>W</b>"]
        return np.einsum("ni,io->no", x, W) if EINSUM else x @ W, (x, W)
    def backward(self, residuals, dy):
        x, W = residuals
        return dy @ W.T, {"<b>W</b>": x.T @ dy}

def data():
    return np.random.default_rng(0).standard_normal((6, 3)), np.zeros((6, 3))

network = NamedNetwork(
    "<img src=x onerror=alert(1)>", "</script><script>alert(2)</script><!-- data -->",
    bp.Sequential(bp.Dense(3, 3), Turned()), bp.MeanSquaredError(), data)
"""


def users_page(tmp_path, einsum):
    file, out = tmp_path / "mine.py", tmp_path / "mine.html"
    file.write_text(USERS.replace("EINSUM", str(einsum)), encoding="utf-8")
    result = CliRunner().invoke(main, ["explain", f"{file}:network", "--html", str(out)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return out.read_text(encoding="utf-8")


def test_a_page_by_a_program(opened):
    """Of the whole ledger, or of a part of it, which has neither a graph nor a loss."""
    told = backproof.explain("mazur", adapters=[])
    assert opened("whole", told.page()).page.locator(".node").count() == 11
    part = opened("part", told.only("backward").page())
    assert part.page.locator(".tile").count() == len(told.only("backward").table()) + 2
    part.slide("weight", 0.4)
    assert part.text("#loss") == "not a number"


def test_names_are_text_and_nothing_else(opened, tmp_path):
    shown = opened(text=users_page(tmp_path, einsum=False))
    assert shown.text("h1") == "<img src=x onerror=alert(1)>"
    assert "</script><script>alert(2)</script><!-- data -->" in shown.text("header")
    assert shown.page.locator("img, b").count() == 0
    assert "1.<b>W</b>" in shown.text(".knobs")
    shown.slide("weight", 0.7)
    assert shown.arrays()[1]["0.W"][0] == 0.7


def test_what_cannot_be_computed_is_shown_as_recorded(opened, tmp_path):
    shown = opened(text=users_page(tmp_path, einsum=True))
    assert "np.einsum is none of the operations" in shown.text("#knobs")
    assert shown.page.locator("#knobs input").count() == 0
    assert shown.page.is_disabled("#once")
    steps = shown.page.evaluate("backproof.data.steps.length")
    for _ in range(steps - 1):
        shown.page.click("#next")
    shown.settle()
    assert shown.page.is_disabled("#next")
    assert len(shown.page.locator(".matrix button").all_inner_texts()) == 9
