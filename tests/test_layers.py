"""Every sample of every layer: the adapters agree, and the reference keeps its promises."""

from __future__ import annotations

import numpy as np
import pytest

import backproof
from backproof.reference.layers.batchnorm1d import BatchNorm1d
from backproof.reference.layers.layernorm import LayerNorm
from backproof.reference.tree import leaves, tree_map


def arrays(tree):
    return [array for _, array in leaves(tree)]


@pytest.fixture
def run(frozen):
    """forward and backward of a setting on read-only arrays: inputs, results and residuals."""

    class Run:
        def __init__(self, layer, precision):
            self.spec = layer.spec
            self.x, self.params = frozen(layer.x(precision)), frozen(layer.params(precision))
            self.y, self.residuals = layer.spec.forward(self.params, self.x)
            self.dy = frozen(layer.like(self.y))
            self.dx, self.dparams = layer.spec.backward(self.residuals, self.dy)

        def backward(self, dy):
            return arrays(self.spec.backward(self.residuals, dy))

    return Run


def test_adapter_matches(layer, adapter, precision, assert_match):
    assert_match(layer.compare(adapter, precision))


@pytest.mark.parametrize("norm", [LayerNorm, BatchNorm1d])
def test_fast_variance_fails_far_from_zero(norm, precision, installed):
    """flax's default alone, in float32 alone, and not for the sum that is dβ: as on record."""
    *_, sample = norm.samples()
    x = sample.x(np.random.default_rng(0)).astype(precision)
    rows = backproof.compare_vjp(sample.spec, x=x, dtype=precision, adapters=installed)
    worse = (rows.candidate == "jax") & (rows.leaf != "beta") & (precision == "float32")
    assert set(rows.verdict[~worse]) == {"match"}
    assert set(rows.verdict[worse]) <= {"known divergence"}  # none without JAX
    assert (rows.noise_ratio[worse] > 100 * rows.allowed[worse]).all()


def test_memory_layout_and_scale_do_not_matter(layer, adapter, precision, assert_match):
    """A cotangent a quarter as large, and an input and a cotangent with strides of their own."""
    x, params = layer.x(precision), layer.params(precision)
    dy = tree_map(lambda a: a / 4, layer.like(layer.spec.forward(params, x)[0]))

    def strided(a):
        return np.repeat(a.T, 2, axis=-1)[..., ::2].T  # the axes reversed in memory, and gaps

    x, dy = tree_map(strided, x), tree_map(strided, dy)
    assert not any(a.flags.c_contiguous for a in arrays((x, dy)) if a.size > 1)
    assert_match(layer.compare(adapter, precision, x=x, dy=dy, params=params))


def test_dtype_is_kept(layer, precision, run):
    r = run(layer, precision)
    assert {a.dtype.name for a in arrays((r.y, r.dx, r.dparams))} == {precision}


def test_gradients_have_paths_and_shapes_of_params(layer, precision, run):
    r = run(layer, precision)
    floats = {(p, a.shape) for p, a in leaves(r.x) if a.dtype.kind == "f"}
    assert {(p, a.shape) for p, a in leaves(r.dx)} == floats  # integers have no cotangent
    assert [(p, a.shape) for p, a in leaves(r.dparams)] == [
        (p, a.shape) for p, a in leaves(r.params)
    ]


def test_inputs_are_not_modified(layer, precision, run):
    r = run(layer, precision)  # on read-only arrays: writing to one would have raised
    again = run(layer, precision)
    for a, b in zip(
        arrays((r.x, r.params, r.dy)), arrays((again.x, again.params, again.dy)), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_backward_twice_gives_the_same_bits(layer, precision, run):
    r = run(layer, precision)
    for first, second in zip(arrays((r.dx, r.dparams)), r.backward(r.dy), strict=True):
        assert first.tobytes() == second.tobytes()


def test_backward_is_linear_in_dy(layer, precision, run):
    """Twice dy gives twice the gradients, bit for bit: a power of two changes no rounding."""
    r = run(layer, precision)
    doubled = tree_map(lambda a: 2 * a, r.dy)
    for once, twice in zip(arrays((r.dx, r.dparams)), r.backward(doubled), strict=True):
        np.testing.assert_array_equal(2 * once, twice)


def test_init_depends_on_the_seed_alone(layer):
    first, same, other = (
        arrays(layer.spec.init(np.random.default_rng(seed))) for seed in (0, 0, 1)
    )
    assert [a.tobytes() for a in first] == [a.tobytes() for a in same]
    assert all(a.dtype == np.float64 for a in first)
    drawn = [a for a in first if len(np.unique(a)) > 1]  # not the zeros and ones of a bias or scale
    assert not drawn or [a.tobytes() for a in first] != [a.tobytes() for a in other]
