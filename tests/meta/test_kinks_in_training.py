"""Kinks of losses and of optimizers that step by a sign, and what a gradient of zero leads to."""

from __future__ import annotations

import numpy as np
import pytest

from backproof import (
    SGD,
    Adam,
    BatchNorm1d,
    Dense,
    Hinge,
    L1Loss,
    Lion,
    MeanSquaredError,
    Rprop,
    Sequential,
    Tanh,
    compare_optimizer,
    compare_training,
)
from backproof.adapters.protocols import Updated
from backproof.comparisons.cases import draw_params
from backproof.reference.tree import as_dtype

from .honest import honest

PRECISIONS = ("float32", "float64")
GOOD = {"match", "structural zero"}


def _lockstep(rows):
    return rows[rows["mode"] == "lockstep"]


# Optimizers that step by a sign


def _sign_flips(count, dtype, seed, steps=6, size=8):
    """Lion's gradients, of which ``count`` bring its momentum to zero up to rounding."""
    rng, rule = np.random.default_rng(seed), Lion(0.1, 0.7, 0.8, weight_decay=0.1)
    w = rng.standard_normal(size).astype(dtype)
    grads = rng.standard_normal((steps, size)).astype(dtype)
    for step, i in zip(rng.integers(1, steps, count), rng.permutation(size), strict=False):
        m = 0.0
        for g in as_dtype(grads[:step, i], np.float64):
            m = rule.beta2 * m + (1 - rule.beta2) * g
        grads[step, i] = -rule.beta1 * m / (1 - rule.beta1)
    return rule, {"w": w}, [{"w": g} for g in grads]


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_a_sign_that_rounding_decides_is_no_false_alarm(dtype, installed):
    resolved = 0
    for seed in range(6):
        rule, params, grads = _sign_flips(1 + seed % 6, dtype, seed)
        able = [name for name in installed if name != "torch"]  # it has no Lion
        rows = compare_optimizer(rule, params=params, grads=grads, seed=seed,
                                 adapters=[*able, honest(seed)])  # fmt: skip
        assert set(rows.verdict) == {"match"}, rows[rows.verdict != "match"].to_string()
        assert rows.noise_ratio.max() < 20
        resolved += (rows.finding == "kinks resolved").sum()
    assert resolved > 8


@pytest.mark.parametrize(("dtype", "planted"), [("float32", 1e-4), ("float64", 1e-9)])
def test_a_wrong_rate_is_seen_beside_signs_that_rounding_decides(dtype, planted):
    for seed in range(6):
        rule, params, grads = _sign_flips(1 + seed % 6, dtype, seed)

        def spoil(got, before=params["w"]):
            longer = got.params["w"] + planted * (got.params["w"] - before)
            return Updated({"w": longer.astype(dtype)}, got.state)

        rows = compare_optimizer(rule, params=params, grads=grads, adapters=[honest(seed, spoil)])
        wrong = rows[rows.verdict != "match"]
        assert set(wrong.quantity) == {"weights"}
        assert set(wrong.verdict) == {"mismatch"}
        assert len(wrong) == len(grads)


# Losses with a kink at the prediction


def _on_the_loss_kink(loss, count, dtype, seed):
    """Batches on which ``count`` predictions are at the kink of the loss, but for rounding."""
    rng = np.random.default_rng(seed)
    network = Sequential(Dense(4, 6), Tanh(), Dense(6, 3))
    params = draw_params(network, rng, np.dtype(dtype))
    x = rng.standard_normal((8, 4)).astype(dtype)
    y, _ = network.forward(as_dtype(params, np.float64), as_dtype(x, np.float64))
    places = rng.choice(y.size, count, replace=False)
    if isinstance(loss, Hinge):  # t y = 1: the bias of each output is set for one of its samples
        target = np.where(rng.random(y.shape) < 0.5, -1.0, 1.0)
        for column in range(count % 3 + 1):
            n = rng.integers(8)
            params[2]["b"][column] += target[n, column] - y[n, column]
    else:
        target = rng.standard_normal(y.shape)
        target.flat[places] = y.flat[places]
    return network, params, [(x, target.astype(dtype))] * 2


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("loss", [L1Loss(), Hinge()], ids=str)
def test_a_prediction_on_the_kink_of_its_loss_is_no_false_alarm(loss, dtype, installed):
    resolved = 0
    for seed in range(4):
        network, params, batches = _on_the_loss_kink(loss, 1 + seed, dtype, seed)
        rows = compare_training(network, loss, SGD(0.1), batches=batches, params=params,
                                seed=seed, adapters=[*installed, honest(seed)])  # fmt: skip
        locked = _lockstep(rows)
        assert set(locked.verdict) <= GOOD, locked[~locked.verdict.isin(GOOD)].to_string()
        assert not (rows.verdict == "mismatch").any()
        resolved += (rows.finding == "kinks resolved").sum()
    assert resolved


# A gradient that is zero but for rounding

NORMALISED = Sequential(Dense(3, 4), BatchNorm1d(4), Tanh(), Dense(4, 2))


def _normalised(dtype, seed=0, steps=4):
    """A bias before batch normalisation: nothing depends on it."""
    rng = np.random.default_rng(seed)
    params = draw_params(NORMALISED, rng, np.dtype(dtype))
    batches = [
        tuple(rng.standard_normal(shape).astype(dtype) for shape in ((6, 3), (6, 2)))
        for _ in range(steps)
    ]
    return {"params": params, "batches": batches}


RULES = (SGD(0.1, momentum=0.9), Adam(0.01), Adam(0.01, eps=1e-16), Lion(0.01), Rprop())


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{type(rule).__name__}-{rule.lr:g}")
def test_what_an_optimizer_makes_of_no_gradient_is_a_structural_zero(rule, dtype, installed):
    some = [name for name in installed if name != "jax" or dtype == "float32"]  # it compiles long
    rows = compare_training(NORMALISED, MeanSquaredError(), rule, adapters=[*some, honest(1)],
                            **_normalised(dtype))  # fmt: skip
    locked = _lockstep(rows[rows.verdict != "unsupported"])
    assert set(locked.verdict) <= GOOD, locked[~locked.verdict.isin(GOOD)].to_string()
    gradients = locked[locked.quantity == "gradient"]
    zero = gradients[gradients.verdict == "structural zero"]
    assert set(zero.leaf) == {"0.b"}
    others = locked[~locked.leaf.str.startswith("0.b")]
    assert set(others.verdict) == {"match"}
    assert not rows.verdict.isin(["mismatch", "error"]).any()


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("rule", RULES[1:], ids=lambda rule: f"{type(rule).__name__}-{rule.lr:g}")
def test_a_leaf_at_rest_may_not_go_anywhere(rule, dtype):
    """Ten times the rate is farther than rounding drives it."""

    def spoil(done):
        done.params[0]["b"][...] += np.asarray(10 * rule.lr, dtype)
        return done

    rows = compare_training(NORMALISED, MeanSquaredError(), rule, adapters=[honest(0, spoil)],
                            **_normalised(dtype))  # fmt: skip
    weights = _lockstep(rows).query("quantity == 'weights' and leaf == '0.b'")
    assert set(weights.verdict) == {"mismatch"}


def test_a_gradient_where_there_is_none_is_a_mismatch():
    def spoil(done):
        done.grads[0]["b"][...] += 1e-6
        return done

    rows = compare_training(NORMALISED, MeanSquaredError(), SGD(0.1), **_normalised("float64"),
                            adapters=[honest(0, spoil)])  # fmt: skip
    gradient = _lockstep(rows).query("quantity == 'gradient' and leaf == '0.b'")
    assert set(gradient.verdict) == {"mismatch"}
