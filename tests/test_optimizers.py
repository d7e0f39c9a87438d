"""Every sample of every optimizer: weights and state agree after each step, promises are kept."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def updates(frozen):
    """Three updates on read-only arrays: a list of (weights, state)."""

    def run(optimizer, precision):
        w = frozen(optimizer.x(precision))
        g, state, done = frozen(optimizer.like(w)), frozen(optimizer.spec.init(w)), []
        for t in (1, 2, 3):
            w, state = optimizer.spec.update(g, state, w, t)
            done.append((frozen(w), frozen(state)))
        return done

    return run


def test_adapter_matches(optimizer, adapter, precision, assert_match):
    rows = optimizer.compare_steps(adapter, precision)
    assert_match(rows)
    state = optimizer.spec.init(optimizer.x(precision))
    assert set(rows.leaf) == {"w", *(f"w.{name}" for name in state)}
    assert set(rows.groupby("leaf").size()) == {30}


def test_dtype_and_shape_are_kept(optimizer, precision, updates):
    w = optimizer.x(precision)
    wanted = {"w": w, **optimizer.spec.init(w)}  # a state may be smaller: a number, a row
    assert {array.dtype for array in wanted.values()} == {w.dtype}
    for w, state in updates(optimizer, precision):
        for name, array in {"w": w, **state}.items():
            assert (array.dtype, array.shape) == (w.dtype, wanted[name].shape), name


def test_state_keeps_its_names(optimizer, precision, updates):
    names = list(optimizer.spec.init(optimizer.x(precision)))
    assert [list(state) for _, state in updates(optimizer, precision)] == [names] * 3


def test_same_bits_again(optimizer, precision, updates):
    first, second = (updates(optimizer, precision) for _ in range(2))
    for (w, state), (w2, state2) in zip(first, second, strict=True):
        assert w.tobytes() == w2.tobytes()
        assert [a.tobytes() for a in state.values()] == [a.tobytes() for a in state2.values()]


def test_weights_move(optimizer, updates):
    w, _ = updates(optimizer, "float64")[-1]
    assert np.all(w != optimizer.x("float64"))
