"""``backproof explain``: forward mode and second order, what it prints, and wrong usage."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import backproof
from backproof.adapters.loading import load
from backproof.cli import main
from backproof.comparisons import environment
from backproof.comparisons.ledger.explanation import explanation, problem_of
from backproof.comparisons.ledger.modes import forward_mode, gradient, second_order
from backproof.comparisons.mutants import mutants, substitute
from backproof.reference import discovery
from backproof.reference.tree import leaves

GUIDE = Path(__file__).parents[1] / "docs" / "ledger.md"
SMALL = ("mlp", "layer-norm", "attention")


def run(*args, width=120):
    return CliRunner().invoke(main, ["explain", *args], env={"COLUMNS": str(width)})


# Forward mode and second order


@pytest.mark.parametrize("name", SMALL)
def test_forward_mode_agrees(name, framework, explained):
    """Every tangent between layers, and reverse mode's answer for the loss."""
    mode = forward_mode(explained.problem(name), {framework.name: framework})
    assert mode.disagreement < 1e-12
    assert mode.rates[framework.name] == pytest.approx(mode.by_gradient, rel=1e-12)
    matched, steps = mode.ledger.matched(framework.name, passes=True)
    assert matched == steps >= 4


@pytest.mark.parametrize("name", SMALL)
def test_second_order_agrees(name, framework, explained):
    second = second_order(explained.problem(name), {framework.name: framework})
    assert second.agrees
    assert max(second.off(framework.name).values()) < 1e-12
    off = dataclasses.replace(second, tolerance=1e-20)
    assert not off.agrees


def test_second_order_without_complex_numbers(explained, monkeypatch):
    """Where the reference cannot run on them, differences of its gradient will do, less well."""
    from backproof.adapters.protocols import Unsupported
    from backproof.comparisons.ledger import modes

    right = second_order(explained.problem("mlp"), {})

    def refuse(*args):
        raise Unsupported("no complex numbers")

    monkeypatch.setattr(modes, "moved_along", refuse)
    second = second_order(explained.problem("mlp"), {})
    assert "differences" in second.how
    assert second.agrees
    for (_, a), (_, b) in zip(
        leaves(second.products["numpy"]), leaves(right.products["numpy"]), strict=True
    ):
        assert np.abs(a - b).max() < second.tolerance * np.abs(b).max()


@pytest.mark.parametrize("mutant", ["D11", "X17", "X01", "E01"])
def test_a_wrong_gradient_is_noticed_without_a_right_one(mutant, explained):
    """Forward and reverse mode disagree, or the Hessian is not symmetric: no framework needed."""
    name = {"D11": "mazur", "E01": "layer-norm"}.get(mutant, "mlp")
    p, m = explained.problem(name), mutants()[mutant]
    network, loss = (substitute(s, m.target, m.make) for s in (p.network, p.loss))
    wrong = dataclasses.replace(p, network=network, loss=loss)
    assert forward_mode(wrong, {}).disagreement > 1e-3
    assert any("disagree" in line for line in explanation(wrong, {}, jvp=True, hvp=True).wrong)


@pytest.mark.parametrize("name", ["LayerNorm", "Softmax", "GELU", "Conv2d", "Maxout"])
def test_layers_are_explained_by_themselves(name, framework):
    found = explanation(problem_of(name), {framework.name: framework})
    assert found.wrong == []
    assert found.ledger.gradients(framework.name)[0] >= 1


def test_draws_are_generic(explained):
    """P1: a batch of one shows a delta and a bias's gradient as the same numbers."""
    for name in (*SMALL, "mazur", "lesson"):
        for params, x, target in explained.problem(name).draws:
            assert len(x) == len(target) >= 3
            assert all(len(np.unique(w)) == w.size for _, w in leaves(params))


# A network of the user's

MINE = '''
from dataclasses import dataclass
import numpy as np
import backproof as bp
from backproof.comparisons.named_network import NamedNetwork

@dataclass(frozen=True)
class Mine:
    """y = x W

    Derivation. dx = dy Wᵀ and dW = xᵀ dy.
    """

    right: bool

    def init(self, rng):
        return {"W": rng.standard_normal((3, 3))}

    def forward(self, params, x):
        return x @ params["W"], (x, params["W"])

    def backward(self, residuals, dy):
        x, W = residuals
        dx = dy @ (W.T if self.right else W)
        return dx, {"W": x.T @ dy}

def data():
    return np.random.default_rng(0).standard_normal((6, 3)), np.zeros((6, 3))

def network(right):
    layers = bp.Sequential(bp.Dense(3, 3), Mine(right))
    return lambda: NamedNetwork("mine", "mine", layers, bp.MeanSquaredError(), data)

right, wrong, number = network(True), network(False), 3

def vjp(network, params, x, dy):
    y, residuals = network.forward(params, x)
    dx, dparams = network.backward(residuals, dy)
    dparams[0]["b"] = dparams[0]["b"] * 2
    return y, dx, dparams

def translate(layer, p, x):
    return x @ p["W"]
'''
TRANSLATED = """
from backproof.adapters.{module}.registry import apply
apply.register(Mine, translate)
"""
MODULES = {"torch": "torch_autograd", "jax": "jax_grad"}


@pytest.fixture
def mine(tmp_path):
    """A file with a layer of the user's, which a framework has a translation of."""

    def write(framework=None):
        path = tmp_path / "mine.py"
        more = TRANSLATED.format(module=MODULES[framework.name]) if framework else ""
        path.write_text(MINE + more, encoding="utf-8")
        return path

    return write


def test_a_users_derivation_is_judged(mine, framework):
    path = mine(framework)
    right = run(f"{path}:right", "--adapter", framework.name)
    assert (right.exit_code, "Wrong" in right.output) == (0, False)
    assert "dx = dy Wᵀ" in right.output
    wrong = run(f"{path}:wrong", "--adapter", framework.name)
    assert wrong.exit_code == 1
    assert re.search(r"Wrong: \w+ has not the numbers of step \d+, dx of 1 Mine", wrong.output)


def test_a_candidate_of_the_users_is_judged(mine, installed):
    shown = run("mlp", "--candidate", f"{mine()}:vjp").output
    assert "it is 2 times the right value" in shown
    assert shown.count("db of 0 Dense") == max(1, len(installed) - 1)


# What is printed


@pytest.mark.parametrize("width", [80, 160])
def test_the_ledger_fits_the_terminal(width, installed):
    result = run("mazur", width=width)
    assert result.exit_code == 0
    body = result.output.partition("Steps with")[0].splitlines()[2:]
    assert max(map(len, body)) <= width
    for text in ("2 Dense", "dx = dy y (1 - y)", "layers/sigmoid.py:", "0.138498562"):
        assert text in result.output
    for name in installed[1:]:
        assert len(re.findall(rf"\b{name}  ", result.output)) >= 10


def test_one_step_in_full(installed):
    shown = run("mazur", "--step", "11").output
    assert "Derivation" in shown
    assert "Parts of the expression" in shown
    assert "σ'(x) = e^-x / (1 + e^-x)² = σ(x) (1 - σ(x))" in shown
    assert all(name in shown for name in installed[1:])


def test_json_is_as_documented():
    """Every field that there is stands in the guide, and every step has them all."""
    result = run("residual", "--format", "json", "--jvp", "--hvp", "--mutant", "X06")
    data = json.loads(result.output)
    assert data["schema"] == 1
    assert data["adapters"] == [n for n in ("torch", "jax") if not environment.lacking(n)]
    documented = set(re.findall(r"`(\w+)`", GUIDE.read_text(encoding="utf-8")))
    fields = {*data, *data["steps"][0], *data["layers"][0], *data["steps"][0]["value"]}
    fields |= {*data["forward_mode"], *data["second_order"], *data["bug"]}
    for step in data["steps"]:
        assert step.keys() == data["steps"][0].keys()
        for match in step["matches"].values():
            fields |= match.keys()
    for wrong in data["bug"]["first_wrong"].values():
        fields |= wrong.keys()
    assert fields <= documented
    numbers = [s["number"] for s in data["steps"] if s["kind"] != "part"]
    assert numbers == list(range(1, len(numbers) + 1))
    (fork,) = (s for s in data["steps"] if s["fork"])
    assert fork["layer"] == "Residual"
    assert all(match["fork"] for match in fork["matches"].values())


class Balanced(HTMLParser):
    """Which elements are open, and every element and attribute that there is."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.links = [], set(), []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.links += [v for k, v in attributes if k in ("src", "href")]
        if tag not in ("meta", "br", "link", "img", "input"):  # these are never closed
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing(tmp_path):
    path = tmp_path / "ledger.html"
    result = run("residual", "--jvp", "--hvp", "--mutant", "X06", "--output", str(path))
    assert (result.exit_code, result.output) == (0, "")
    text = path.read_text(encoding="utf-8")
    page = Balanced()
    page.feed(text)
    assert page.open == []
    assert not page.links
    assert not page.tags & {"link", "img", "iframe"}
    assert "default-src 'none'" in text
    assert "url(" not in text
    assert "@import" not in text
    assert len(text) < 500_000
    for needed in ("color-scheme: light dark", "@media print", '<html lang="en">', "viewport"):
        assert needed in text
    assert "Residual" in text
    assert "it has the numbers of step" in text


def test_without_frameworks_the_derivation_is_told(monkeypatch):
    monkeypatch.setattr(environment, "lacking", lambda name: "" if name == "numpy" else "not here")
    result = run("mlp", "--jvp", "--hvp", "--mutant", "X01")
    assert result.exit_code == 0
    assert "Skipped: torch: not here" in result.output
    assert "dx = dy (1 - y²)" in result.output
    assert "it is 0.2 times the right value" in result.output


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["mzaur"], "Did you mean mazur?"),
        (["none.py:x"], "none.py does not exist"),
        (["LSTM"], "LSTM has several outputs"),
        (["mlp", "--step", "99"], "mlp has 18 steps"),
        (["mlp", "--step", "1", "--format", "json"], "json holds every step in full"),
        (["mlp", "--format", "json", "--output", "x.html"], "x.html is html: choose one"),
        (["mlp", "--output", "no/such/x.json"], "there is no folder"),
        (["mlp", "--html", "no/such/x.html"], "Invalid value for --html: cannot write no/such"),
        (["mlp", "--html", "x.html", "--format", "json"], "already says which format"),
        (["mlp", "--adapter", "complex_step"], "cannot tell what it computes on the way"),
        (["mlp", "--mutant", "ZZ"], "backproof mutants lists them"),
        (["mlp", "--mutant", "D25"], "mlp has no LayerNorm"),
        (["mlp", "--mutant", "D25", "--candidate", "x.py:y"], "choose one"),
        (["mlp", "--candidate", "x"], "no FILE.py:NAME"),
    ],
)
def test_wrong_usage(args, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*args)
    assert result.exit_code == 2
    assert message in " ".join(result.output.replace("│", " ").split())


# A trap on the way to opening fused operations

TORCH = importlib.metadata.version("torch") if not environment.lacking("torch") else ""


@pytest.mark.xfail(
    TORCH.startswith("2.13."), strict=True,
    reason="torch 2.13, CPU: core_aten_decompositions gives wrong gradients of attention",
)  # fmt: skip
def test_torchs_decomposition_of_attention(framework):
    """Why a fused kernel is opened by formulas of ours and not by torch's own decompositions."""
    if framework.name != "torch":
        pytest.skip("it is torch's")
    import torch
    import torch.nn.functional as F
    from torch._decomp import core_aten_decompositions
    from torch.fx.experimental.proxy_tensor import make_fx

    layer = discovery.layers()["ScaledDotProductAttention"]()
    rng = np.random.default_rng(0)
    *x, dy = (rng.standard_normal((2, 2, 4, 3)) for _ in range(4))
    _, residuals = layer.forward({}, tuple(x))
    right, _ = layer.backward(residuals, dy)

    def gradients(*parts):
        y = F.scaled_dot_product_attention(*parts)
        return torch.autograd.grad((y * torch.tensor(dy)).sum(), parts)

    tensors = [torch.tensor(part, requires_grad=True) for part in x]
    opened = make_fx(gradients, decomposition_table=core_aten_decompositions())(*tensors)
    for mine, got in zip(right, opened(*tensors), strict=True):
        np.testing.assert_allclose(got.detach().numpy(), mine, rtol=1e-9, atol=1e-12)


def test_the_reference_of_that_trap_is_right():
    """Its hand-derived gradient is the one that complex step gives: the trap is torch's."""
    layer = discovery.layers()["ScaledDotProductAttention"]()
    rng = np.random.default_rng(0)
    *x, dy = (rng.standard_normal((2, 2, 4, 3)) for _ in range(4))
    _, residuals = layer.forward({}, tuple(x))
    got = load("complex_step").vjp(layer, {}, tuple(x), dy)
    for mine, its in zip(layer.backward(residuals, dy)[0], got.dx, strict=False):
        np.testing.assert_allclose(mine, its, rtol=1e-9, atol=1e-12)


def test_gradient_is_the_references(explained):
    p = explained.problem("mlp")
    _, dparams = gradient(p, *p.shown)
    assert {leaf for leaf, _ in leaves(dparams)} == {"0.W", "0.b", "2.W", "2.b"}


# For programs and notebooks


def test_explained_is_printed_as_by_the_command_line(explained, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    told = backproof.explain("mlp")
    assert str(told) == run("mlp").stdout
    assert [r.label for r in told.ledger.rows] == [r.label for r in explained.ledger("mlp").rows]


def test_explained_in_part():
    told = backproof.explain("lesson", adapters=[])
    part = told.only("backward", "Sigmoid")
    assert list(part.table().place) == ["3", "1"]
    assert set(part.table()["pass"]) == {"backward"}
    assert list(told.only(layer="loss").table()["pass"]) == [*["forward"] * 3, "backward"]
    slopes = told.table().set_index("quantity").value
    assert float(slopes["d2.W"][0, 0]) == pytest.approx(-0.0226726123, abs=5e-11)
    with pytest.raises(ValueError, match=r"no step of Tanh in the backward pass: .*3 Sigmoid"):
        told.only("backward", "Tanh")


def test_explained_table_names_what_computes_a_step(framework):
    told = backproof.explain("lesson", adapters=[framework.name]).only("backward")
    table = told.table()
    assert table[framework.name].astype(bool).all()
    assert table[f"{framework.name} off"].max() < 1e-15
    html = told._repr_html_()
    assert html.count("<tr>") == 1 + len(table)
    assert html.count(f'data-of="{framework.name}"') == len(table)
    assert "1 / (1 + e^-x)" in html
    assert "<script" not in html


def test_explained_says_what_is_not_installed(monkeypatch):
    monkeypatch.setattr(environment, "lacking", lambda name: f"{name} <is> not installed")
    told = backproof.explain("lesson")
    assert "Skipped: torch: torch <is> not installed" in str(told)
    assert "Skipped: torch: torch &lt;is&gt; not installed" in told._repr_html_()
    assert "torch" not in told.table().columns


def test_explains_a_network_of_ones_own():
    rng = np.random.default_rng(0)
    network = backproof.Sequential(backproof.Dense(2, 1), backproof.Tanh())
    mine = backproof.NamedNetwork(
        "mine", "2-1", network, backproof.MeanSquaredError(),
        lambda: (rng.standard_normal((3, 2)), rng.standard_normal((3, 1))),
    )  # fmt: skip
    assert list(backproof.explain(mine, adapters=[]).only("backward").table().quantity) == [
        "dp", "dx", "dx", "d0.W", "d0.b"
    ]  # fmt: skip
