"""Single entries of a gradient that are zero but for rounding: what every optimizer makes of them.

A feature that is the same in every sample does not get past batch normalisation, so that a row of
the first weights has no gradient, and the rest of them has.
"""

from __future__ import annotations

import numpy as np
import pytest

from backproof import (
    LAMB,
    LARS,
    Adafactor,
    Adam,
    BatchNorm1d,
    Dense,
    Lion,
    MeanSquaredError,
    Rprop,
    Sequential,
    Tanh,
    compare_training,
)
from backproof.comparisons.campaign.cases import rules
from backproof.comparisons.cases import draw_params
from backproof.comparisons.formats import FORMATS
from backproof.comparisons.honest import HonestRuns
from backproof.comparisons.measures import Expected
from backproof.comparisons.noise import Honest

from .honest import honest

PRECISIONS = ("float32", "float64")
GOOD = {"match", "structural zero"}
SOME = (Adam(0.01), Adam(0.01, eps=1e-16), Lion(0.01), Rprop(0.01))
NETWORK = Sequential(Dense(3, 4), BatchNorm1d(4), Tanh(), Dense(4, 2))
BY_NORM = (Adafactor, LAMB, LARS)  # every entry's step depends on all gradients of the leaf
FEATURE = 1  # which is the same everywhere


def _name(rule):
    return f"{type(rule).__name__}-{getattr(rule, 'eps', 0):g}"


def _training(dtype, seed=0, steps=4):
    rng = np.random.default_rng(seed)
    params = draw_params(NETWORK, rng, np.dtype(dtype))
    batches = []
    for _ in range(steps):
        x, target = rng.standard_normal((6, 3)), rng.standard_normal((6, 2))
        x[:, FEATURE] = 1.7
        batches.append((x.astype(dtype), target.astype(dtype)))
    return {"params": params, "batches": batches}


def _first_weights(rule, candidate, dtype):
    rows = compare_training(NETWORK, MeanSquaredError(), rule, adapters=[candidate],
                            **_training(dtype))  # fmt: skip
    return rows[(rows["mode"] == "lockstep") & (rows.quantity == "weights") & (rows.leaf == "0.W")]


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("rule", [*rules(), SOME[1]], ids=_name)
def test_a_step_out_of_nothing_is_no_false_alarm(rule, dtype, installed):
    some = [name for name in installed if name != "jax"]  # it compiles long
    rows = compare_training(NETWORK, MeanSquaredError(), rule, adapters=[*some, honest(1)],
                            **_training(dtype))  # fmt: skip
    rows = rows[(rows["mode"] == "lockstep") & (rows.verdict != "unsupported")]
    bad = rows[~rows.verdict.isin(GOOD)]
    others = bad[~bad.leaf.str.startswith("0.")]
    assert others.empty, others.to_string()
    assert set(bad.verdict) <= {"unresolved"}, bad.to_string()
    weights = rows[(rows.quantity == "weights") & (rows.leaf == "0.W")]
    if not isinstance(rule, BY_NORM):
        assert set(weights.verdict) == {"match"}, weights.to_string()
        assert (weights.n_unresolved <= 4).all(), "only the row without gradient is in doubt"


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("rule", SOME, ids=_name)
def test_the_other_entries_are_judged_as_ever(rule, dtype):
    planted = {"float32": 1e-3, "float64": 1e-9}[dtype]

    def spoil(done):
        W = done.params[0]["W"]
        W[FEATURE + 1, 3] += np.asarray(planted * np.abs(W).max(), dtype)
        return done

    weights = _first_weights(rule, honest(0, spoil), dtype)
    assert set(weights.verdict) == {"mismatch"}, weights.to_string()


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("rule", SOME, ids=_name)
def test_an_entry_without_gradient_may_not_go_anywhere(rule, dtype):
    """Rprop's third step is 1.44 rates, in either direction, and three times that is let by."""

    def spoil(done):
        done.params[0]["W"][FEATURE, 2] += np.asarray(20 * rule.lr, dtype)
        return done

    weights = _first_weights(rule, honest(0, spoil), dtype)
    assert set(weights.verdict) == {"mismatch"}, weights.to_string()


@pytest.mark.parametrize("rule", [Adafactor(), Adafactor(0.05, eps_added=True)], ids=_name)
def test_adafactor_of_no_gradient_stands_still(rule):
    """The square of its ε1 is 0 in float32, and so is the mean square of nothing."""
    w = np.ones((2, 3), np.float32)
    after, _ = rule.update(np.zeros_like(w), rule.init(w), w, 1)
    np.testing.assert_array_equal(after, w)


def _quotients(arithmetic):
    """Roundings divided by roundings: now and then one of them is anything."""
    x = arithmetic.array(np.linspace(1.0, 2.0, 400))
    return {("y", ""): (x * 1.1 - 1.1 * x) / (x * 1.3 - 1.3 * x)}


def test_steps_out_of_nothing_are_judged_together():
    """The farthest of 400 entries is a bound for each; the farthest of its own 16 runs is not."""
    runs, form = HonestRuns(_quotients, "float32", 0), FORMATS["float32"]
    e = Expected(np.zeros(400), np.ones(400), np.dtype(np.float32))
    alone, all_free = runs.noise(("y", ""), e), np.ones(400, bool)
    together = runs.noise(("y", ""), e, all_free)
    beyond = np.zeros(2, int)
    for seed in range(100, 105):
        with np.errstate(all="ignore"):
            off = np.abs(_quotients(Honest("float32", seed))["y", ""].base)
        beyond += [np.sum(off > form.allowed * noise) for noise in (alone, together)]
    assert beyond[0] > 20
    assert beyond[1] <= 2
