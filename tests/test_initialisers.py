"""Every initialiser draws from the distribution that the frameworks draw from."""

from __future__ import annotations

import numpy as np
import pytest

import backproof
from backproof.comparisons.distributions import ks_distance


def shape_of(initialiser):
    return tuple(int(n) for n in initialiser.sample.x(None))


def test_adapter_matches(initialiser, adapter, precision, assert_match):
    rows = backproof.compare_initialiser(
        initialiser.spec, shape=shape_of(initialiser), adapters=[adapter], dtype=precision
    )
    zeros = type(initialiser.spec).__name__ == "Zeros"
    assert set(rows.verdict) == {"match"}, rows.reason.to_list()
    assert (rows.n_nonzero > 0).all() != zeros
    assert (rows.n_finite == rows.n_compared).all()
    assert (rows.n_distinct >= (1 if zeros else 2)).all()


def test_draws_depend_on_the_seed_alone(initialiser):
    shape = shape_of(initialiser)
    first, again, other = (
        initialiser.spec.draw(np.random.default_rng(seed), shape) for seed in (0, 0, 1)
    )
    assert first.shape == shape
    assert first.dtype == np.float64
    assert first.tobytes() == again.tobytes()
    assert not first.any() or first.tobytes() != other.tobytes()


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [([1, 2, 3], [1, 2, 3], 0), ([1, 2], [3, 4], 1), ([1, 2, 3, 4], [2, 3, 4, 5], 0.25)],
)
def test_ks_distance_by_hand(a, b, distance):
    assert ks_distance(np.asarray(a, float), np.asarray(b, float)) == distance


def test_a_weight_of_one_axis_has_no_fan():
    with pytest.raises(backproof.CaseError, match=r"shape \(3,\) has no fan-in"):
        backproof.compare_initialiser(backproof.XavierNormal(), shape=(3,), adapters=["numpy"])
