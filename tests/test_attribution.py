"""Who is to blame and what matters: the published figures, three ways, and the laws they obey."""

from __future__ import annotations

import numpy as np
import pytest

import backproof
from backproof.adapters.numpy_reference import NumpyReference
from backproof.comparisons.attribution.findings import blame, label, output_label
from backproof.comparisons.attribution.measures import compare_attribution, plan
from backproof.comparisons.attribution.path import Path, complete_path, derivatives, shares
from backproof.comparisons.attribution.prepared import prepared
from backproof.comparisons.attribution.rules import rule
from backproof.comparisons.attribution.subject import amount, subject
from backproof.comparisons.examples.example import agrees
from backproof.comparisons.networks import NETWORKS, named
from backproof.reference.layers.relu import ReLU
from backproof.reference.layers.sigmoid import Sigmoid

REFERENCE = NumpyReference()


@pytest.fixture(scope="module")
def mazur():
    made = prepared(named("mazur")).subject(0)
    return blame(made)


@pytest.fixture(scope="module")
def small():
    """A network of awkward sizes with weights away from anything, and one sample of it."""
    network = backproof.Sequential(
        backproof.Dense(3, 4), backproof.Tanh(), backproof.Residual(backproof.Dense(4, 4)),
        backproof.Softplus(), backproof.Dense(4, 2),
    )  # fmt: skip
    rng = np.random.default_rng(3)
    params = backproof.reference.tree.tree_map(
        lambda w: w + 0.3 * rng.standard_normal(w.shape), network.init(rng)
    )
    x, target = rng.standard_normal((1, 3)), rng.standard_normal((1, 2))
    return network, backproof.MeanSquaredError(), params, x, target


# The figures of Mazur's network


def figures(found):
    """Everything that is published of it, by name: the value found and the digits."""
    v = found.values
    nodes = {(row.layer, row.node): row for row in found.nodes.itertuples()}
    h = [nodes["1 Sigmoid", str(j)] for j in (1, 2)]
    delta_h, delta_o = v["blame", "0 Dense"][0], v["blame", "2 Dense"][0]
    return {
        "loss": (found.loss["loss"], "0.274811 0.023560"),
        "part": (100 * found.loss["share"], "92.1 7.9"),
        "delta o": (delta_o, "0.138499 -0.038098"),
        "delta h": (delta_h, "0.008771 0.009954"),
        "all deltas": ([delta_o.sum() + delta_h.sum()], "0.1191"),
        "whole loss": ([found.explained], "0.2984"),
        "dL/dw5": ([v["gradient", "2.W"][0, 0]], "0.082167"),
        # by a quadrature to thirty digits: 0.0002413799822355 and 0.0004240110244834
        "share": ([row.share for row in h], "0.000241379982 0.000424011024"),
        "change": ([found.change], "0.000665391"),
        "silenced": ([row.silenced for row in h], "-0.019899 -0.022641"),
        "first order": ([row.first_order for row in h], "-0.021566 -0.024693"),
        "Jacobian": (v["jacobian", ""].ravel(), "0.00776164 0.00967459 0.00898294 0.01120303"),
        "dL/dx": (v["blame", "x"][0], "0.00380427 0.00474055"),
        "IG": (v["share", "x"][0], "0.00019054 0.00047485"),
        "rule": ([100 * found.rules[3].first_order], "-0.00725"),
        "rule, exact": ([100 * found.rules[3].exact], "-0.00725"),
    }


def test_every_published_figure(mazur):
    for name, (values, printed) in figures(mazur).items():
        digits = printed.split()
        assert len(digits) == len(values), name
        for value, text in zip(values, digits, strict=True):
            assert agrees(float(value), text), (name, value, text)


def test_completeness_gaps(mazur):
    """2.2e-8 with one Gauss node, 4e-13 with two, and with five less than the last digit."""
    assert agrees(mazur.gaps[1], "2.2e-8")
    assert agrees(abs(mazur.gaps[2]), "4e-13")
    assert abs(mazur.gaps[5]) < 1e-17
    assert mazur.layer_gap() < 1e-15


def test_the_rule_in_words(mazur):
    rules = {r.sentence(): r for r in mazur.rules}
    said = rules["IF x2 decreases 5 % THEN y2 decreases 0.00725 %"]
    assert said.really() == "decreases 0.00725 %"
    assert said.agree_to == 1.0


def test_an_update_lowers_no_weight_for_its_error(mazur):
    """The lesson's sentence put right: both weights into o1 fall, and both into o2 rise."""
    step = -0.5 * mazur.values["gradient", "2.W"]
    digits = ["-0.0411", "-0.0413", "0.0113", "0.0114"]
    for value, printed in zip(step.T.ravel(), digits, strict=True):
        assert agrees(value, printed)


# Three ways


@pytest.mark.parametrize("name", ["lesson", "mazur", "digits-mlp"])
def test_every_implementation_agrees(name, installed):
    if named(name).needs:
        pytest.importorskip("sklearn", reason="its data is scikit-learn's")
    made = prepared(named(name), steps=20 if name == "digits-mlp" else 0).subject(0)
    rows = compare_attribution(made, plan(made, top=3), adapters=installed)
    assert set(rows.candidate) == set(installed)
    assert (rows.verdict == "match").all(), rows[rows.verdict != "match"].to_string()
    wanted = {"explained", "value", "blame", "first order if silenced", "if silenced", "gradient",
              "first order if deleted", "if deleted", "share", "change", "jacobian", "elasticity",
              "input x gradient", "rule", "first order of a rule"}  # fmt: skip
    assert set(rows.quantity) >= wanted
    assert (rows.n_nonzero > 0).all()


@pytest.mark.parametrize("name", [n for n in NETWORKS if n not in ("lesson", "mazur")])
def test_every_network_of_the_suite(name, installed, request):
    """One step along the path only: what is compared is every quantity."""
    full = request.config.getoption("--full")
    if named(name).needs:
        pytest.importorskip("sklearn", reason="its data is scikit-learn's")
    made = prepared(named(name), steps=3).subject(1)
    look = plan(made, top=2)
    rows = compare_attribution(made, look, adapters=installed if full else ["numpy"], replicas=8)
    good = rows.verdict.isin(["match", "structural zero", "unresolved"])
    assert good.all(), rows[~good].to_string()
    assert (rows.verdict == "match").mean() > 0.8


class Wrong(NumpyReference):
    """The reference with one of its vjps spoilt."""

    name = "wrong"

    def __init__(self, spoil):
        self.spoil = spoil

    def vjp(self, network, params, x, dy):
        return self.spoil(super().vjp(network, params, x, dy), network)


def no_slope(vjp, network):
    """The derivative of the sigmoid left out."""
    if isinstance(network, Sigmoid):
        return vjp._replace(dx=vjp.dx * 1.001)
    return vjp


@pytest.mark.parametrize(
    ("spoil", "wrong"),
    [
        (no_slope, {"blame", "share", "gradient", "first order if silenced",
                    "first order if deleted", "input x gradient"}),
        (lambda vjp, network: vjp._replace(y=vjp.y * (1 + 1e-6)),
         {"value", "explained", "if silenced", "if deleted", "change", "rule"}),
    ],
)  # fmt: skip
def test_a_wrong_implementation_is_noticed(mazur, spoil, wrong):
    rows = compare_attribution(mazur.made, mazur.look, adapters=[Wrong(spoil)])
    assert set(rows.quantity[rows.verdict == "mismatch"]) >= wrong


# What must hold of any network


def test_shares_of_every_layer_add_up(small):
    made = subject(*small, baseline=0.3)
    found = shares(REFERENCE, made, complete_path(made))
    assert set(found.parts) == set(made.names)
    for name in made.names:
        assert abs(found.gap(name)) < 1e-12, name
    at_baseline = subject(*small[:3], np.full((1, 3), 0.3), small[4])
    change = amount(REFERENCE, made) - amount(REFERENCE, at_baseline)
    assert float(found.change) == pytest.approx(float(change), rel=1e-12)


def test_a_share_through_one_node_is_the_whole():
    """A bottleneck of one node carries the whole change, whatever it computes."""
    network = backproof.Sequential(backproof.Dense(2, 1), backproof.Tanh(), backproof.Dense(1, 2))
    params = ({"W": np.array([[0.7], [-1.2]]), "b": np.array([0.1])}, {},
              {"W": np.array([[1.5, -0.4]]), "b": np.array([0.2, 0.3])})  # fmt: skip
    made = subject(network, backproof.MeanSquaredError(), params, [[1.0, 2.0]], [[0.5, 0.5]])
    found = shares(REFERENCE, made, complete_path(made))
    assert float(found.parts["1 Tanh"].sum()) == pytest.approx(float(found.change), rel=1e-12)
    # Of what is linear, integrated gradients are exact: a_i w_i of one sample, and an output.
    linear = subject(backproof.Dense(2, 1), backproof.MeanSquaredError(), params[0], [[1.0, 2.0]],
                     [[0.0]], output=(0, 0))  # fmt: skip
    parts = shares(REFERENCE, linear, Path(nodes=1)).parts["x"]
    np.testing.assert_allclose(parts, [[0.7, -2.4]], rtol=1e-15)


def test_kinks_leave_a_gap_that_is_told():
    """Each halving finds the kinks of a ReLU better; what is left is printed, not hidden."""
    rng = np.random.default_rng(0)
    network = backproof.Sequential(backproof.Dense(3, 20), ReLU(), backproof.Dense(20, 1))
    params = network.init(rng)
    made = subject(network, backproof.MeanSquaredError(), params, [[2.0, -1.0, 3.0]], [[1.0]],
                   baseline=[[-1.0, 2.0, -2.0]])  # fmt: skip
    coarse, fine = (complete_path(made, panels=n) for n in (1, 64))
    gaps = [max(abs(shares(REFERENCE, made, p).gap(n)) for n in made.names) for p in (coarse, fine)]
    assert gaps[1] < gaps[0] / 10
    assert len(fine.cuts) == 65
    assert blame(made).layer_gap() > 1e-9


def test_derivatives_of_polynomials_are_exact():
    nodes = np.polynomial.legendre.leggauss(6)[0]
    for power in range(6):
        wanted = power * nodes ** max(power - 1, 0)
        np.testing.assert_allclose(derivatives(nodes) @ nodes**power, wanted, atol=1e-13)


def test_effects_are_those_of_the_changed_network(small):
    """Deleting and silencing by hand, for one of each."""
    network, loss, params, x, target = small
    found = blame(subject(*small))

    def value(p):
        return float(loss.forward(network.forward(p, x)[0], target)[0])

    (leaf, entry), effect = found.look.weights[0], found.weights["deleted"][0]
    number, name = leaf.split(".")
    changed = backproof.reference.tree.tree_map(np.array, params)
    changed[int(number)][name].flat[entry] = 0.0
    assert effect == pytest.approx(value(changed) - value(params), rel=1e-12)
    # Without its second output's weights and bias, the network gives 0 there.
    k = len(network.layers)
    last = found.look.nodes.index((k, 1))
    changed = backproof.reference.tree.tree_map(np.array, params)
    changed[4]["W"][:, 1], changed[4]["b"][1] = 0.0, 0.0
    assert found.nodes["silenced"][last] == pytest.approx(value(changed) - value(params), rel=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_split_is_exact(small, reduction):
    network, _, params, x, target = small
    made = subject(network, backproof.MeanSquaredError(reduction), params, x, target)
    found = blame(made)
    assert found.loss["loss"].sum() == pytest.approx(found.explained, rel=1e-15)
    assert found.loss["share"].sum() == pytest.approx(1, rel=1e-15)
    assert list(found.loss["output"]) == ["y1", "y2"]


def test_an_output_in_place_of_the_loss(small):
    made = subject(*small, output=(0, 1))
    found = blame(made)
    y, _ = small[0].forward(small[2], small[3])
    assert found.explained == y[0, 1]
    assert found.loss is None
    np.testing.assert_array_equal(found.values["blame", "x"], found.values["jacobian", ""][0])
    assert {r.k for r in found.rules} == {1}


def test_a_rule_knows_how_far_it_holds(small):
    """At the step it names, first order is 10 % off; a little before, it is not."""
    made = subject(*small)
    said = [rule(made, i, k, 0.05) for i in range(3) for k in range(2)]
    bounded = [r for r in said if 0 < r.agree_to < 1]
    assert bounded
    for r in bounded:
        for size, held in ((0.99 * r.agree_to, True), (1.01 * r.agree_to, False)):
            at = rule(made, r.i, r.k, size)
            assert (abs(at.first_order - at.exact) <= 0.1 * abs(at.exact)) == held


def test_a_rule_of_zero_speaks_of_differences():
    network = backproof.Sequential(backproof.Dense(2, 1, bias=False))
    params = ({"W": np.array([[2.0], [1.0]])},)
    made = subject(network, backproof.MeanSquaredError(), params, [[0.0, 0.0]], [[1.0]])
    said = rule(made, 0, 0, 0.05)
    assert said.sentence() == "IF x1 increases by 0.05 THEN y1 increases by 0.1"
    assert said.agree_to == 1
    for step in (0, np.nan, np.inf):
        with pytest.raises(ValueError, match="a rule needs a step"):
            rule(made, 0, 0, step)


def test_text_counts_from_its_first_floats():
    """Characters cannot be moved: what the embedding makes of them can."""
    network = backproof.Sequential(
        backproof.Embedding(5, 3), backproof.Flatten(), backproof.Tanh(), backproof.Dense(6, 2)
    )
    params = network.init(np.random.default_rng(0))
    loss, characters = backproof.SoftmaxCrossEntropy(), np.array([[4, 1]])
    made = subject(network, loss, params, characters, np.array([1]), baseline=0.1)
    found = blame(made)
    assert made.first == 1
    assert made.names == ("x", "1 Flatten", "2 Tanh", "3 Dense")
    np.testing.assert_array_equal(made.x[0], params[0]["W"][[4, 1]])
    assert abs(found.layer_gap()) < 1e-12
    assert found.weights["weight"].str.startswith("3.").all()
    assert set(found.nodes["layer"]) == {"2 Tanh", "3 Dense"}  # Flatten only moves numbers


def test_text_that_no_layer_makes_floats_of():
    found = blame(prepared(named("gpt"), steps=0).subject(0))
    assert found.change is found.inputs is None
    assert not found.rules
    assert len(found.nodes) == len(found.weights) == 10
    with pytest.raises(backproof.CaseError, match="no baseline to count from"):
        prepared(named("gpt"), steps=0).subject(0, baseline=0.0)


# Names, and bad input


def test_labels_count_from_one():
    assert label(1, (1, 2), "x") == "x2"
    assert label(5, (1, 2, 3), "x") == "x(2, 3)"
    assert label(5, (2, 3), "x") == "x(2; 3)"
    assert label(2, (3,), "x") == "x(3)"


def test_classes_are_named_as_they_are_numbered(small):
    made = subject(small[0], backproof.SoftmaxCrossEntropy(), *small[2:4], np.array([1]))
    assert output_label(made, 0, (1, 2)) == "class 0"
    assert output_label(subject(*small), 0, (1, 2)) == "y1"
    assert output_label(made, 5, (1, 3, 2)) == "class 1 at 3"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.ones((1, 4))}, "the reference cannot run this case"),
        ({"target": np.ones((1, 3))}, "the reference cannot run this case"),
        ({"baseline": [1.0, 2.0]}, "baseline does not fit x of shape"),
        ({"baseline": np.nan}, "baseline holds a number that is not finite"),
        ({"output": (0, 2)}, r"output \(0, 2\) is no entry of the prediction, of shape \(1, 2\)"),
        ({"output": (1,)}, r"output \(1,\) is no entry"),
        ({"loss": backproof.Dense(1, 1)}, "is no loss"),
        ({"params": ()}, "missing"),
    ],
)
def test_bad_input_is_said(small, change, message):
    given = dict(zip(("network", "loss", "params", "x", "target"), small, strict=True)) | change
    with pytest.raises(backproof.CaseError, match=message):
        subject(**given)


def test_bad_paths_are_said():
    with pytest.raises(ValueError, match="1 node or more"):
        Path(nodes=0)
    with pytest.raises(ValueError, match="goes from 0 to 1"):
        Path(cuts=(0.0, 0.5))


def test_the_same_seed_gives_the_same():
    a, b = (blame(prepared(named("mazur"), 5, seed=1).subject(0)) for _ in range(2))
    for key, value in a.values.items():
        np.testing.assert_array_equal(value, b.values[key])
