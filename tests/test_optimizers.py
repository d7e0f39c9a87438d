"""Every sample of every optimizer: weights and state agree after each step, promises are kept."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from backproof.adapters.protocols import Unsupported
from backproof.reference import discovery
from backproof.reference.training import init_state, update
from backproof.reference.tree import leaves


@pytest.fixture
def updates(frozen):
    """Three updates on read-only arrays: a list of (weights, state)."""

    def run(optimizer, precision):
        w = frozen(optimizer.x(precision))
        g, state, done = frozen(optimizer.like(w)), frozen(init_state(optimizer.spec, w)), []
        for t in (1, 2, 3):
            w, state = update(optimizer.spec, g, state, w, t)
            done.append((frozen(w), frozen(state)))
        return done

    return run


def test_adapter_matches(optimizer, adapter, precision, assert_match):
    rows = optimizer.compare_steps(adapter, precision)
    w = {"w": optimizer.x(precision)}
    names = {leaf for tree in (w, init_state(optimizer.spec, w)) for leaf, _ in leaves(tree)}
    # The memory of a rule for the whole network is empty at first.
    empty = (rows.verdict == "structural zero") & (rows.quantity == "state") & (rows.n_nonzero == 0)
    assert_match(rows[~empty])
    assert set(rows.leaf) == names
    assert set(rows.groupby("leaf").size()) == {100}


def test_dtype_and_shape_are_kept(optimizer, precision, updates):
    w = optimizer.x(precision)
    wanted = list(leaves((w, init_state(optimizer.spec, w))))  # a state may be smaller
    assert {array.dtype.name for _, array in wanted} == {precision}
    for done in updates(optimizer, precision):
        for (path, array), (_, first) in zip(leaves(done), wanted, strict=True):
            assert (array.dtype, array.shape) == (first.dtype, first.shape), path


def test_state_keeps_its_names(optimizer, precision, updates):
    names = [path for path, _ in leaves(init_state(optimizer.spec, optimizer.x(precision)))]
    done = updates(optimizer, precision)
    assert [[path for path, _ in leaves(state)] for _, state in done] == [names] * 3


def test_same_bits_again(optimizer, precision, updates):
    first, second = (tuple(updates(optimizer, precision)) for _ in range(2))
    for (_, a), (_, b) in zip(leaves(first), leaves(second), strict=True):
        assert a.tobytes() == b.tobytes()


def test_weights_move(optimizer, updates):
    moved, _ = updates(optimizer, "float64")[-1]
    for (_, w), (_, start) in zip(leaves(moved), leaves(optimizer.x("float64")), strict=True):
        assert np.all(w != start)


# The samples


@pytest.fixture(params=discovery.optimizers().values(), ids=lambda kind: kind.__name__)
def samples(request):
    """The samples of one optimizer."""
    return list(request.param.samples())


def test_three_settings_at_three_scales_of_the_gradient(samples, framework):
    """In each framework, for what is compared of one may be a form that the other has not."""

    def runs(sample):
        try:
            return not list(framework.optimize(sample.spec, {"w": sample.x(rng)}, []))
        except Unsupported:
            return False

    rng = np.random.default_rng(0)
    here = [sample for sample in samples if runs(sample)]
    if not here:
        pytest.skip(f"{framework.name} has no {type(samples[0].spec).__name__}")
    assert len({sample.spec for sample in here}) >= 3
    assert {sample.gradient_scale for sample in here} == {1e-8, 1.0, 1e4}


def test_every_hyperparameter_is_varied(samples):
    for field in dataclasses.fields(samples[0].spec):
        values = {getattr(sample.spec, field.name) for sample in samples}
        assert len(values) > 1, f"{field.name} is {values.pop()} in every sample"
