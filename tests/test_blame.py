"""``backproof blame``: what it prints, exit codes, captum's word on it, trees and pictures."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

import backproof
from backproof.adapters.numpy_reference import NumpyReference
from backproof.cli import main
from backproof.comparisons.attribution.findings import blame
from backproof.comparisons.attribution.path import complete_path, shares
from backproof.comparisons.attribution.prepared import prepared
from backproof.comparisons.attribution.subject import subject
from backproof.comparisons.attribution.surrogate import surrogate_tree
from backproof.comparisons.networks import named
from backproof.images import image_of
from backproof.reference.tree import tree_map

REFERENCE = NumpyReference()


def run(*args, columns=120):
    return CliRunner().invoke(main, ["blame", *map(str, args)], env={"COLUMNS": str(columns)})


@pytest.fixture(scope="module")
def mazur():
    return run("mazur", "--no-compare")


# The command


def test_everything_is_told(mazur):
    assert mazur.exit_code == 0, mazur.output
    out = mazur.stdout
    for text in (
        "Explained is the loss, 0.298371: +0.00066539 from its value at the baseline.",
        "y1    0.751365  0.274811  92.1 %",
        "they lack 2.2e-08 with 1,",
        "IF x2 decreases 5 % THEN y2 decreases 0.00725 %.",
        "Exactly, it decreases 0.00725 %. First order is within 10 % of that for every decrease",
        "raising x1 raises y1 everywhere in [0, 1]^2: proved, slope in [0.006524, 0.007843]",
    ):
        assert text in out, text
    assert "Compared" not in out


def test_limits_stand_with_every_figure(mazur):
    titles = ("Loss, split", "Nodes", "Weights", "Inputs", "Slopes", "Rules", "Monotone")
    words = ("Exact.", "sensitivity: local, and no share", "no weight is lowered",
             "Shares are integrated gradients", "None is causal", "True of this network near",
             "for every input in the box")  # fmt: skip
    places = [mazur.stdout.index(title) for title in titles] + [len(mazur.stdout)]
    for word, start, end in zip(words, places, places[1:], strict=False):
        assert word in mazur.stdout[start:end], word


def test_it_is_compared(installed):
    result = run("lesson", *(f"--adapter={name}" for name in installed))
    assert result.exit_code == 0, result.output
    for name in installed:
        assert f"\n{name} " in result.stdout.partition("Compared")[2]
    assert result.stdout.count("38 match") == len(installed)


def test_a_mismatch_is_told(monkeypatch):
    class Wrong(NumpyReference):
        def vjp(self, network, params, x, dy):
            found = super().vjp(network, params, x, dy)
            return found._replace(dx=found.dx * 1.001)

    monkeypatch.setattr("backproof.comparisons.cases.load", lambda name: Wrong())
    result = run("lesson", "--adapter", "numpy")
    assert result.exit_code == 1
    assert "numpy, blame x: mismatch: " in result.stdout


def test_json(mazur):
    result = run("mazur", "--no-compare", "--json", "--tree", 2)
    found = json.loads(result.stdout)
    assert found["explained"] == pytest.approx(0.2983711087600027, rel=1e-15)
    assert found["rules"][3]["sentence"].startswith("IF x2 decreases 5 % THEN y2")
    assert found["monotone"]["finding"] == [["rises", "rises"], ["rises", "rises"]]
    assert found["tree"]["fidelity"] > 0.5
    assert set(found["limits"]) >= {"loss", "nodes", "inputs", "rules", "monotone", "tree"}
    assert len(found["nodes"]) == 8


def test_it_fits_a_narrow_terminal():
    result = run("mazur", "--no-compare", columns=80)
    tables = [line for line in result.stdout.splitlines() if not line.startswith("  ")]
    assert max(map(len, tables)) <= 80


def test_an_output_and_a_larger_network():
    pytest.importorskip("sklearn", reason="its data is scikit-learn's")
    result = run("digits-mlp", "--no-compare", "--steps", 50, "--output", 3, "--sample", 3,
                 "--top", 2, "--around", 0.001)  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "Explained is the output class 3, " in result.stdout
    assert "in tenths of its largest number" in result.stdout
    assert "Of 640 slopes: " in result.stdout
    assert "the box of 64 sides" in result.stdout


NETWORK = """
import numpy as np, backproof as bp
def make():
    return bp.NamedNetwork(
        "mine", "a line", bp.Sequential(bp.Dense(2, 1)), bp.MeanSquaredError(),
        lambda: (np.array([[1.0, 2.0]]), np.array([[3.0]])),
        params=({"W": np.array([[1.0], [2.0]]), "b": np.array([0.5])},),
    )
made, number = make(), 3
def fails():
    raise RuntimeError("out of luck")
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(NETWORK)
    return path


@pytest.mark.parametrize("name", ["make", "made"])
def test_a_network_of_the_user_s(mine, name):
    result = run(f"{mine}:{name}", "--no-compare")
    assert result.exit_code == 0, result.output
    assert "mine: a line" in result.stdout
    assert "Explained is the loss, 6.25" in result.stdout
    assert "raising x1 raises y1 everywhere in [0, 1]^2: proved, slope in [1, 1]" in result.stdout


def test_wrong_usage(mine, tmp_path):
    mazur = ["mazur", "--no-compare"]
    for args, message in (
        (["mazor"], "unknown network 'mazor'. Did you mean mazur?"),
        ([f"{tmp_path}/none.py:made"], "none.py does not exist"),
        ([f"{mine}:other"], "mine.py defines no other"),
        ([f"{mine}:number"], "number of "),
        ([f"{mine}:fails"], "raises RuntimeError: out of luck"),
        ([*mazur, "--sample", 1], "sample 1 is not there: the data has 0 to 0"),
        ([*mazur, "--output", "z"], "'z' is no y1, y2, ... and no class"),
        ([*mazur, "--output", "y3"], "output 2 is not there: the prediction has 2"),
        ([*mazur, "--step", 0], "a number other than 0 is needed"),
        ([*mazur, "--box", 1, 0], "no corners of a box"),
        ([*mazur, "--picture", "a.jpg"], "unknown suffix '.jpg', use .png, .svg, .pdf"),
        ([*mazur, "--picture", f"{tmp_path}/no/a.png"], "there is no directory"),
        (["lesson", "--adapter", "pytorch"], "unknown adapter 'pytorch'. Did you mean torch?"),
        (["gpt", "--no-compare", "--steps", 0, "--tree", 2], "a tree would split their codes"),
        (["gpt", "--no-compare", "--steps", 0, "--box", 0, 1], "there is no box of them"),
    ):
        result = run(*args)
        assert result.exit_code == 2, args
        assert message in " ".join(result.stderr.split()), args
        assert "Traceback" not in result.output


# captum


@pytest.fixture(scope="module")
def anchor():
    """A network in our form and as a torch module, and captum."""
    captum = pytest.importorskip("captum.attr", reason="captum not installed: it is in group dev")
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(7)
    network = backproof.Sequential(
        backproof.Dense(3, 5), backproof.Tanh(), backproof.Dense(5, 4), backproof.Sigmoid(),
        backproof.Dense(4, 2),
    )  # fmt: skip
    params = tree_map(lambda w: w + 0.4 * rng.standard_normal(w.shape), network.init(rng))
    x, baseline = rng.standard_normal((1, 3)), rng.standard_normal((1, 3))
    made = subject(network, backproof.MeanSquaredError(), params, x, np.zeros((1, 2)),
                   baseline=baseline, output=(0, 1))  # fmt: skip
    layers = []
    for layer, p in zip(network.layers, params, strict=True):
        if p:
            dense = torch.nn.Linear(layer.n_in, layer.n_out, dtype=torch.float64)
            dense.weight.data = torch.tensor(p["W"].T.copy())
            dense.bias.data = torch.tensor(p["b"])
            layers.append(dense)
        else:
            layers.append(torch.nn.Tanh() if "Tanh" in str(layer) else torch.nn.Sigmoid())
    module = torch.nn.Sequential(*layers)
    given = {"inputs": torch.tensor(x), "baselines": torch.tensor(baseline), "target": 1}
    return captum, module, given, made


def test_captum_s_integrated_gradients(anchor):
    """To 1e-7: captum keeps the weights of its quadrature in float32."""
    captum, module, given, made = anchor
    theirs = captum.IntegratedGradients(module).attribute(
        **given, method="gausslegendre", n_steps=60
    )
    ours = shares(REFERENCE, made, complete_path(made)).parts["x"]
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-7)


@pytest.mark.parametrize("k", [0, 1, 2, 3])
def test_captum_s_conductance(anchor, k):
    """captum takes differences along the path: it comes nearer with its steps, by their square."""
    captum, module, given, made = anchor
    ours = shares(REFERENCE, made, complete_path(made)).parts[made.names[k + 1]]
    apart = []
    for steps in (50, 500):
        theirs = captum.LayerConductance(module, module[k]).attribute(
            **given, method="riemann_trapezoid", n_steps=steps
        )
        apart.append(np.max(np.abs(theirs.detach().numpy() - ours)))
    assert apart[1] < 1e-2 * np.max(np.abs(ours))
    assert apart[1] < max(apart[0] / 5, 1e-12)  # of what is linear, both are exact


def test_captum_s_gradients(anchor):
    captum, module, given, made = anchor
    found = blame(made)
    inputs, target = given["inputs"].clone().requires_grad_(), given["target"]
    ours = found.values["input x gradient", ""]
    theirs = captum.InputXGradient(module).attribute(inputs, target=target)
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-12)
    for k in (1, 3):
        name = made.names[k + 1]
        effect = captum.LayerGradientXActivation(module, module[k]).attribute(inputs, target=target)
        np.testing.assert_allclose(
            -found.values["first order if silenced", name], effect.detach().numpy(), rtol=1e-12
        )
    ablated = captum.FeatureAblation(module).attribute(given["inputs"], target=target)
    whole = found.explained
    for i in range(3):
        x = made.x.copy()
        x[0, i] = 0
        ours = whole - blame(made.at(x)).explained
        assert ours == pytest.approx(float(ablated[0, i]), rel=1e-12)


# The tree


@pytest.fixture(scope="module")
def digits():
    pytest.importorskip("sklearn", reason="scikit-learn not installed")
    return prepared(named("digits-mlp"), steps=100)


def test_fidelity_and_accuracy_are_told_apart(digits):
    """A deeper tree says more often what the network says; both are measured on other samples."""
    network, params = digits.named.network, digits.params
    trees = [
        surrogate_tree(network, params, digits.x, digits.target, depth=d, seed=1) for d in (2, 6)
    ]
    assert trees[0].fidelity < trees[1].fidelity < 1
    for tree in trees:
        assert tree.held_out == round(0.3 * len(digits.x))
        assert tree.network_accuracy > tree.accuracy
    assert trees[0].text.count("class:") == 4
    wrong = np.roll(digits.target, 1)  # labels have no say in the tree, only in its accuracy
    other = surrogate_tree(network, params, digits.x, wrong, depth=2, seed=1)
    assert (other.text, other.fidelity) == (trees[0].text, trees[0].fidelity)
    assert other.accuracy < trees[0].accuracy / 2


def test_a_tree_of_numbers():
    pytest.importorskip("sklearn", reason="scikit-learn not installed")
    network = backproof.Sequential(backproof.Dense(2, 1, bias=False), backproof.ReLU())
    params = ({"W": np.array([[1.0], [0.0]])}, {})
    x = np.random.default_rng(0).uniform(-1, 1, (400, 2))
    tree = surrogate_tree(network, params, x, classes=False, depth=5, names=["first", "second"])
    assert tree.fidelity > 0.98
    assert tree.accuracy is None
    assert "first <= " in tree.text
    assert "second <= " not in tree.text.partition("\n")[0]


def test_bad_trees_are_said(digits):
    network, params = digits.named.network, digits.params
    for change, message in (
        ({"x": digits.x[:5]}, "a tree fitted to 5 samples says nothing"),
        ({"labels": digits.target[:3]}, "3 labels do not belong to 1797 samples"),
        ({"depth": 0}, "depth of 1 or more"),
    ):
        with pytest.raises(backproof.CaseError, match=message):
            surrogate_tree(network, params, **({"x": digits.x} | change))


def test_without_scikit_learn(digits, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.tree", None)
    with pytest.raises(backproof.MissingFramework, match=r"pip install 'backproof\[datasets\]'"):
        surrogate_tree(digits.named.network, digits.params, digits.x)


# Pictures


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_a_picture_is_drawn(tmp_path, suffix):
    pytest.importorskip("matplotlib", reason="pip install 'backproof[pictures]'")
    path = tmp_path / f"a{suffix}"
    result = run("mazur", "--no-compare", "--picture", path)
    assert result.exit_code == 0, result.output
    assert f"Drawn: {path}" in result.stderr
    head = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[suffix]
    assert path.read_bytes().startswith(head)


def test_a_digit_is_drawn_as_an_image(tmp_path, digits):
    pytest.importorskip("matplotlib", reason="pip install 'backproof[pictures]'")
    from backproof.pictures import draw

    path = tmp_path / "digit.svg"
    draw(blame(digits.subject(0)), str(path), "a digit")
    content = path.read_text(encoding="utf-8")
    assert content.count("<image") >= 4


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    result = run("mazur", "--no-compare", "--picture", "a.png")
    assert result.exit_code == 2
    assert "pip install 'backproof[pictures]'" in result.stderr


def test_what_is_an_image():
    assert image_of(np.zeros(64)).shape == (8, 8)
    assert image_of(np.zeros((1, 5, 7))).shape == (5, 7)
    assert image_of(np.zeros((4, 6))).shape == (4, 6)
    for x in (np.zeros(2), np.zeros(9), np.zeros(20), np.zeros((3, 4, 4))):
        assert image_of(x) is None
