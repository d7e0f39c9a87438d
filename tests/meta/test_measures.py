"""Measures against pairs worked out by hand, and what can never pass."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from backproof import SGD, Candidate, Dense, Tanh, compare_optimizer, compare_vjp
from backproof.comparisons.confidence import share, wilson
from backproof.comparisons.measures import Expected, measure, norm, relative
from backproof.comparisons.records import BAD, judge

INF, NAN = math.inf, math.nan


def measured(candidate, gold, noise=1.0, dtype="float32"):
    gold = np.asarray(gold, np.float64)
    expected = Expected(gold, np.full(gold.shape, noise), np.dtype(dtype))
    return measure(np.asarray(candidate, np.float64), expected)


@pytest.mark.parametrize(
    ("candidate", "gold", "wanted"),
    [
        ([3.0, 4.0], [3.0, 4.0], 0),
        ([3.0, 5.0], [3.0, 4.0], 1 / 5),  # (0, 1) against ‖(3, 4)‖ = 5
        ([0.0, 0.0], [3.0, 4.0], 1),
        ([-3.0, -4.0], [3.0, 4.0], 2),
        ([0.0, 0.0], [0.0, 0.0], 0),
        ([1e-300, 0.0], [0.0, 0.0], INF),
        ([6e-200, 4e-200], [3e-200, 4e-200], 3 / 5),  # squares would underflow
        ([6e200, 4e200], [3e200, 4e200], 3 / 5),  # and overflow
    ],
)
def test_normwise_error(candidate, gold, wanted):
    assert measured(candidate, gold).normwise_error == pytest.approx(wanted, rel=1e-15)


@pytest.mark.parametrize(
    ("candidate", "gold", "wanted"),
    [
        ([2.0, 110.0], [2.0, 100.0], 0.1),
        ([2.5, 110.0], [2.0, 100.0], 0.25),  # the relatively worst entry, not the largest
        ([0.0, 1.0], [0.0, 1.0], 0),
        ([1e-9, 1.0], [0.0, 1.0], INF),
        ([-1.0], [1.0], 2),
    ],
)
def test_componentwise_error(candidate, gold, wanted):
    assert measured(candidate, gold).componentwise_error == pytest.approx(wanted, rel=1e-14)


@pytest.mark.parametrize(
    ("gold", "steps", "dtype"),
    list(itertools.product([1.0, 1.5, -3.0, 1e-30, 2.0**100], [0, 1, 7], ["float32", "float64"])),
)
def test_ulp_counts_the_numbers_between(gold, steps, dtype):
    """Away from zero, so that no power of two lies between."""
    start = candidate = np.asarray(gold, dtype)
    for _ in range(steps):
        candidate = np.nextafter(candidate, np.asarray(np.sign(gold) * INF, dtype), dtype=dtype)
    wide = start.astype(np.longdouble), candidate.astype(np.longdouble)
    expected = Expected(wide[0], np.ones(()), np.dtype(dtype))
    assert measure(wide[1], expected).max_ulp == pytest.approx(steps, rel=1e-9)


@pytest.mark.parametrize(("dtype", "denormal"), [("float32", 2.0**-149), ("float64", 5e-324)])
def test_the_smallest_ulp_is_a_denormal(dtype, denormal):
    assert measured([denormal], [0.0], dtype=dtype).max_ulp == 1


def test_noise_ratio_and_where_it_is_worst():
    noise = np.array([[1.0, 0.1], [2.0, 0.001]])
    gold, candidate = np.zeros((2, 2)), np.array([[3.0, 0.2], [1.0, 0.01]])
    m = measure(candidate, Expected(gold, noise, np.dtype("float64")))
    assert (m.noise_ratio, m.worst_index, m.error) == (pytest.approx(10), (1, 1), 0.01)


def test_no_difference_is_no_distance():
    """0/0: no noise and no difference, as for an exact copy."""
    m = measured([1.0, 2.0], [1.0, 2.0], noise=0.0)
    assert (m.noise_ratio, m.normwise_error, m.componentwise_error, m.max_ulp) == (0, 0, 0, 0)
    assert measured([1.0, 3.0], [1.0, 2.0], noise=0.0).noise_ratio == INF


def test_extreme_sizes_raise_no_warning():
    """Such as a true value of 1e-305, where the candidate says 1e5."""
    m = measured([1e5, 1.0], [1e-305, 1.0], noise=1e-310)
    assert m.componentwise_error == m.noise_ratio == INF


def test_resolution_is_the_error_that_would_be_seen_in_whichever_entry():
    gold = np.array([2.0, -8.0, 1.0])
    expected = Expected(gold, np.array([1e-6, 2e-6, 3e-6]), np.dtype("float32"))
    assert expected.resolution(64) == pytest.approx(64 * 3e-6 / 8)


def test_norm_and_relative():
    assert norm(np.array([[3.0, 0.0], [0.0, 4.0]])) == 5
    assert norm(np.zeros(3)) == norm(np.zeros(0)) == 0
    assert (relative(1, 4), relative(0, 0), relative(1, 0)) == (0.25, 0, INF)


# What can never pass


@pytest.mark.parametrize("finding", ["", "zero", "kink on the way", "kinks resolved"])
def test_nan_never_passes(finding):
    assert judge(finding, NAN, 64, 1.0, n_compared=3) in ("mismatch", "unresolved")
    assert judge(finding, 1.0, NAN, 1.0, n_compared=3) in ("mismatch", "unresolved")
    assert judge("", 1.0, 64, NAN, n_compared=3) == "unresolved"


def test_nothing_compared_never_passes():
    for finding in ("", "zero", "not finite", "kinks resolved"):
        assert judge(finding, 0.0, 64, 1.0, n_compared=0) == "error"


def test_exactly_the_allowed_ratio_passes_and_more_does_not():
    assert judge("", 64.0, 64, 1.0, n_compared=1) == "match"
    assert judge("", np.nextafter(64, 65), 64, 1.0, n_compared=1) == "mismatch"


def spoilt(change):
    """The reference's vjp with its dW changed."""

    def vjp(network, params, x, dy):
        y, residuals = network.forward(params, x)
        dx, dparams = network.backward(residuals, dy)
        return y, dx, change(dparams)

    return Candidate("spoilt", vjp=vjp)


def _with_one(value):
    def change(dparams):
        W = dparams["W"].copy()
        W[1, 1] = value
        return dparams | {"W": W}

    return change


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (_with_one(NAN), "mismatch"),
        (_with_one(INF), "mismatch"),
        (lambda d: d | {"W": np.full_like(d["W"], NAN)}, "mismatch"),
        (lambda d: d | {"W": d["W"][:0]}, "mismatch"),  # an empty array
        (lambda d: d | {"W": d["W"].T}, "mismatch"),  # would broadcast if it were square
        (lambda d: d | {"W": d["W"][0]}, "mismatch"),  # would broadcast
        (lambda d: d | {"W": d["W"].astype(np.float16)}, "mismatch"),
        (lambda d: {"b": d["b"]}, "error"),
        (lambda d: d | {"W": None}, "error"),
        (lambda d: {}, "error"),
    ],
)
def test_a_spoilt_gradient_never_passes(change, verdict, dtype):
    rows = compare_vjp(Dense(3, 2), x=(4, 3), adapters=[spoilt(change)], dtype=dtype)
    verdicts = dict(zip(rows.quantity + "." + rows.leaf, rows.verdict, strict=True))
    assert verdicts["dparams.W"] == verdict
    assert verdicts["y."] == verdicts["dx."] == "match"
    assert verdict in BAD


def test_a_leaf_too_many_never_passes():
    extra = spoilt(lambda d: d | {"c": np.zeros(2)})
    rows = compare_vjp(Dense(3, 2), x=(4, 3), adapters=[extra])
    assert rows[rows.leaf == "c"].verdict.tolist() == ["mismatch"]


def test_a_spoilt_state_never_passes():
    def optimize(optimizer, params, grads):
        state = {"w": {"v": np.full(3, NAN)}}
        for g in grads:
            params = {"w": params["w"] - optimizer.lr * g["w"]}
            yield params, state

    spoilt = Candidate("spoilt", optimize=optimize)
    rows = compare_optimizer(SGD(0.1, momentum=0.9), params={"w": np.ones(3)}, steps=2,
                             adapters=[spoilt])  # fmt: skip
    assert set(rows[rows.quantity == "state"].verdict) == {"mismatch"}
    assert rows[(rows.quantity == "weights") & (rows.step == 1)].verdict.tolist() == ["match"]


def test_a_candidate_that_gives_nothing_is_an_error():
    rows = compare_vjp(Tanh(), x=(2, 2), adapters=[Candidate("none", vjp=lambda *_: None)])
    assert rows.verdict.tolist() == ["error"]
    silent = Candidate("silent", optimize=lambda *_: iter(()))
    rows = compare_optimizer(SGD(0.1), params={"w": np.ones(3)}, steps=2, adapters=[silent])
    assert set(rows.verdict) == {"error"}


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        (0, 0, 0, 1),
        (0, 10, 0, 0.27753),  # z²/(n + z²) with z² = 3.84146
        (10, 10, 0.72247, 1),
        (5, 10, 0.23659, 0.76341),  # ½ ± ½ √(z²/(n + z²))
        (81, 263, 0.25529, 0.36621),  # Newcombe (1998), table I
    ],
)
def test_confidence_interval_of_a_share(hits, of, low, high):
    assert wilson(hits, of) == pytest.approx((low, high), abs=6e-6)


def test_shares_in_words():
    assert share(5, 10) == "5 of 10, 50.0 % (23.7 to 76.3)"
    assert share(0, 0) == "-"
    with pytest.raises(ValueError, match="11 of 10 is no share"):
        share(11, 10)
