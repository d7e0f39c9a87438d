"""Every sample of every loss: the adapters agree, and the reference keeps its promises."""

from __future__ import annotations

import numpy as np
import pytest

from backproof.reference.tree import leaves, tree_map


@pytest.fixture
def run(frozen):
    """The value, and the prediction's cotangent as a function of dloss, on read-only arrays."""

    def start(loss, precision):
        prediction, target = frozen(loss.x(precision)), frozen(loss.target(precision))
        value, residuals = loss.spec.forward(prediction, target)
        return prediction, value, lambda dloss: loss.spec.backward(residuals, dloss)

    return start


def test_adapter_matches(loss, adapter, precision, assert_match):
    assert_match(loss.compare(adapter, precision))


def test_a_strided_prediction_and_a_small_cotangent_match(loss, adapter, precision, assert_match):
    x, target = loss.x(precision), loss.target(precision)
    value, _ = loss.spec.forward(x, target)
    dy = tree_map(lambda a: -np.geomspace(0.25, 0.5, a.size, dtype=a.dtype).reshape(a.shape), value)
    x = tree_map(lambda a: np.repeat(a.T, 2, axis=-1)[..., ::2].T, x)
    assert_match(loss.compare(adapter, precision, x=x, dy=dy))


def test_value_is_one_number_of_the_same_dtype(loss, precision, run):
    _, value, _ = run(loss, precision)
    reduced = getattr(loss.spec, "reduction", "mean") != "none"
    assert (np.shape(value) == ()) == reduced
    assert value.dtype == precision


def test_cotangent_has_shape_and_dtype_of_the_prediction(loss, precision, run):
    prediction, _, backward = run(loss, precision)
    for dloss in (1.0, np.asarray(0.5, precision)):
        shapes = [(path, a.shape, a.dtype) for path, a in leaves(backward(dloss))]
        assert shapes == [(path, a.shape, a.dtype) for path, a in leaves(prediction)]


def test_backward_is_linear_and_repeatable(loss, precision, run):
    _, _, backward = run(loss, precision)
    once, again, twice = backward(1.0), backward(1.0), backward(2.0)
    for a, b, c in zip(*([v for _, v in leaves(t)] for t in (once, again, twice)), strict=True):
        assert a.tobytes() == b.tobytes()
        np.testing.assert_array_equal(2 * a, c)
