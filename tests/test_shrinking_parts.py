"""What shrinking is made of: networks taken apart, cases made whole again, specs varied."""

from __future__ import annotations

import numpy as np
import pytest

import backproof as bp
from backproof.comparisons.shrinking.fitting import cut, cut_tree, fitted, refit
from backproof.comparisons.shrinking.nodes import edits, owner, parts, renamed
from backproof.comparisons.shrinking.sizes import variations
from backproof.reference.tree import leaves, tree_map

DEEP = bp.Sequential(
    bp.Dense(5, 7), bp.Tanh(), bp.Residual(bp.Sequential(bp.Dense(7, 4), bp.Dense(4, 7))),
    bp.ReLU(), bp.Dense(7, 3), bp.Softmax(),
)  # fmt: skip


def test_the_owner_of_a_parameter():
    names = dict(leaves(DEEP.init(np.random.default_rng(0))))
    assert {leaf: ".".join(owner(DEEP, leaf)) for leaf in names} == {
        "0.W": "Dense.W", "0.b": "Dense.b", "2.0.W": "Dense.W", "2.0.b": "Dense.b",
        "2.1.W": "Dense.W", "2.1.b": "Dense.b", "4.W": "Dense.W", "4.b": "Dense.b",
    }  # fmt: skip
    assert owner(bp.TiedHead(5, 3, bp.LayerNorm(3)), "W") == ("TiedHead", "W")
    assert owner(bp.TiedHead(5, 3, bp.LayerNorm(3)), "inner.gamma") == ("LayerNorm", "gamma")
    assert owner(bp.Outputs(bp.LSTM(2, 3)), "0.Wx") == ("LSTM", "0.Wx")


@pytest.mark.parametrize("name", ["Sequential", "Residual", "Repeat", "Concat", "Add", "Outputs",
                                  "TiedHead", "TiedAutoencoder"])  # fmt: skip
def test_parts_are_given_what_the_reference_gives_them(name):
    """Each layer alone, run on what it was given, gives the next what that was given."""
    for sample in getattr(bp, name).samples():
        rng = np.random.default_rng(0)
        layer, x = sample.spec, sample.x(rng)
        params = layer.init(rng)
        y, _ = layer.forward(params, x)
        dy = tree_map(lambda a: np.random.default_rng(1).standard_normal(a.shape), y)
        found = parts(layer, params, x, dy)
        assert found
        for part in found:
            _, residuals = part.layer.forward(part.params, part.x)
            dx, _ = part.layer.backward(residuals, part.dy)
            assert [a.shape for _, a in leaves(dx)] == [
                a.shape for _, a in leaves(part.x) if a.dtype.kind == "f"
            ]
        if name == "Sequential":
            np.testing.assert_array_equal(found[0].x, x)
            np.testing.assert_array_equal(found[-1].dy, dy)
            _, residuals = found[-1].layer.forward(found[-1].params, found[-1].x)
            dx, _ = found[-1].layer.backward(residuals, dy)
            np.testing.assert_array_equal(found[-2].dy, dx)


def test_every_edit_has_the_parameters_of_its_layers():
    rng = np.random.default_rng(0)
    params = DEEP.init(rng)
    values = {w.tobytes() for _, w in leaves(params)}
    seen = list(edits(DEEP, params))
    assert len(seen) > 12
    for network, own in seen:
        wanted = {leaf: w.shape for leaf, w in leaves(network.init(rng))}
        assert {leaf: w.shape for leaf, w in leaves(own)} == wanted
        assert {w.tobytes() for _, w in leaves(own)} <= values
    unwrapped = bp.Sequential(*DEEP.layers[:2], DEEP.layers[2].inner, *DEEP.layers[3:])
    assert unwrapped in [network for network, _ in seen]


def test_arrays_are_cut():
    a = np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(cut(a, (2, 1)), [[0], [4]])
    np.testing.assert_array_equal(cut(a, (2,)), [0, 1])
    np.testing.assert_array_equal(cut(a, (1, 6)), [[0, 1, 2, 3, 4, 5]])
    tree = cut_tree({"W": a, "c": a}, {"W": np.ones((1, 1)), "b": np.ones(2)})
    assert tree.keys() == {"W", "b"}
    assert tree["b"].sum() == 2


def test_sizes_follow():
    case = bp.Case.vjp(DEEP, x=(6, 5))
    rest, params = bp.Sequential(*DEEP.layers[1:]), case.arrays["params"][1:]
    other = refit(case, {"network": rest}, {"params": params}).specs["network"]
    block = bp.Residual(bp.Sequential(bp.Dense(5, 4), bp.Dense(4, 5)))
    assert other == bp.Sequential(bp.Tanh(), block, bp.ReLU(), bp.Dense(5, 3), bp.Softmax())
    assert fitted(bp.Sequential(bp.Tanh(), bp.Dense(9, 2), bp.LayerNorm(5)), np.ones((1, 4))) == (
        bp.Sequential(bp.Tanh(), bp.Dense(4, 2), bp.LayerNorm(2))
    )
    assert fitted(bp.BatchNorm2d(9), np.ones((2, 3, 4, 5))) == bp.BatchNorm2d(3)
    assert refit(case, {}, {"x": np.ones((2, 5, 5, 5, 5))}).arrays["dy"].shape == (2, 5, 5, 5, 3)
    assert refit(case, {"network": bp.Conv2d(1, 1, 3)}, {}) is None


def test_specs_are_varied():
    assert renamed(DEEP, 7, 2).layers[:3] == (
        bp.Dense(5, 2), bp.Tanh(), bp.Residual(bp.Sequential(bp.Dense(2, 4), bp.Dense(4, 2)))
    )  # fmt: skip
    assert renamed(bp.CrossEntropy(weight=(0.1, 0.2, 0.3)), 3, 2).weight == (0.1, 0.2)
    varied = list(variations(bp.Sequential(bp.Conv2d(1, 2, 3, stride=2))))
    assert bp.Sequential(bp.Conv2d(1, 2, 3)) in varied
    assert bp.Sequential(bp.Conv2d(1, 2, 1, stride=2)) in varied
    assert bp.SGD(momentum=1.0) in list(variations(bp.SGD(momentum=0.9)))
