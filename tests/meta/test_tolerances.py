"""What the constants of the computed tolerances stand on, and what no tolerance can decide."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from backproof import (
    CTC,
    SGD,
    Candidate,
    Dense,
    LayerNorm,
    MeanSquaredError,
    Sequential,
    Tanh,
    compare_training,
    compare_vjp,
)
from backproof.adapters.numpy_reference import NumpyReference
from backproof.adapters.protocols import VJP
from backproof.comparisons import formats
from backproof.comparisons.cases import draw_params
from backproof.comparisons.collecting import SECONDS, together
from backproof.comparisons.formats import FORMATS, OWN_ROUNDING
from backproof.comparisons.records import LINEAR
from backproof.comparisons.tolerances import (
    FIRST_LOOK,
    FLOOR,
    PAIRED,
    REPLICAS,
    amplitudes,
    expectations,
    rms,
)
from backproof.reference.targets import log_softmax
from backproof.reference.tree import leaves

U32 = FORMATS["float32"].u


# Where a rounding is no small perturbation


@pytest.mark.parametrize(("dtype", "size"), [("float32", 1e6), ("float64", 1e12)])
def test_layer_norm_of_equal_features_is_unresolved(dtype, size):
    """Its variance is nothing but rounding: any two implementations may differ by everything."""
    x = np.full((3, 4), size, dtype) * np.array([[1.1], [1.3], [1.7]], dtype)
    rows = compare_vjp(LayerNorm(4), x=x, adapters=["numpy"])
    verdicts = dict(zip(rows.quantity + rows.leaf, rows.verdict, strict=True))
    assert verdicts == {"y": "unresolved", "dx": "unresolved", "dparamsgamma": "unresolved",
                        "dparamsbeta": "match"}  # fmt: skip
    assert (rows[rows.verdict == "unresolved"].linearity < 1 / LINEAR).all()


# Where correct implementations differ by more than one of them rounds


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["as Graves", "as autograd"])
def test_ctc_in_either_form_matches_where_labels_are_improbable(name, seed):
    """p - o and p Σ o - o: each is free of the rounding of log Z where the other is not.

    Judged by the noise of one of them alone, the other has a ratio of 286 to 1,546 here.
    """
    x = 30 * np.random.default_rng(seed).standard_normal((50, 2, 4)).astype(np.float32)
    target = (
        np.array([[0, 2, 0, 3, 3, 0], [2, 0, 3, 0, 0, 0]]),
        np.array([50, 50]),
        np.array([6, 3]),
    )

    def loss_vjp(loss, prediction, target, dloss):
        log_p = log_softmax(prediction, 2)
        on_log_p = dataclasses.replace(loss, log_input=True)
        value, residuals = on_log_p.forward(log_p, target)
        o = -on_log_p.backward(residuals, dloss)
        sums = o.sum(2, keepdims=True) if name == "as autograd" else dloss[:, None]
        return VJP(value, np.exp(log_p) * sums - o, {})

    mine = Candidate(name, loss_vjp=loss_vjp)
    rows = compare_vjp(CTC(1, "none"), x=x, target=target, adapters=[mine], dtype="float32")
    assert list(rows.verdict) == ["match", "match"]
    assert rows.noise_ratio.max() < 8


def test_paired_replicas_agree_to_rounding_where_noise_is_small():
    """Their draws are the same, so that a leaf of one entry does not look non-linear by chance."""
    rng = np.random.default_rng(0)
    for seed in range(50):
        x = rng.standard_normal((1, 3))
        expected = _of_dense(x, seed)
        assert all(abs(e.linearity - 1) < 2**-9 for e in expected.leaves.values())


def _of_dense(x, seed, dtype="float64"):
    layer = Sequential(Dense(3, 1), Tanh())
    params = draw_params(layer, np.random.default_rng(seed), np.dtype(dtype))

    def compute(arithmetic):
        y, residuals = layer.forward(arithmetic.tree(params), arithmetic.array(x.astype(dtype)))
        dx, grads = layer.backward(residuals, arithmetic.array(np.ones(y.shape, dtype)))
        return {("y", ""): y, ("dx", ""): dx} | {("dparams", k): g for k, g in leaves(grads)}

    return expectations(compute, dtype, seed)


# The constants


def test_sixteen_replicas_underestimate_noise_fourfold_once_in_1e5():
    """s² is χ² of the replicas at full amplitude: P(χ²_k < k/16), from its closed form."""
    full = REPLICAS - REPLICAS // PAIRED
    assert (amplitudes("float64") == FORMATS["float64"].amplitude).sum() == full == 12
    half = full / 16 / 2
    below = sum(half**j / math.factorial(j) for j in range(full // 2))
    assert 1 - math.exp(-half) * below < 1e-5


def test_the_floor_lifts_only_entries_far_quieter_than_their_leaf():
    def compute(arithmetic):
        x = arithmetic.array(np.array([1e-4, 1.0, 1.0, 1.0]))
        return {("y", ""): x * x * x}

    e = expectations(compute, "float32").leaves["y", ""]
    quiet, *rest = e.noise / U32
    assert quiet == pytest.approx(FLOOR * np.median([1e-12, *rest]), rel=0.1)
    assert all(0.3 < s < 6 for s in rest)


def test_the_amplitude_of_float64_is_linear_and_above_float64s_own_rounding(monkeypatch):
    x = np.random.default_rng(2).standard_normal((4, 3))

    def sizes(exponent):
        other = dataclasses.replace(FORMATS["float64"], amplitude=2.0**exponent)
        monkeypatch.setitem(FORMATS, "float64", other)
        return np.array([rms(e.noise) for e in _of_dense(x, seed=5).leaves.values()])

    assert FORMATS["float64"].amplitude == 2.0**-40
    chosen = sizes(-40)
    np.testing.assert_allclose(sizes(-36), chosen, rtol=1e-3)
    np.testing.assert_allclose(sizes(-44), chosen, rtol=1e-2)
    assert np.abs(sizes(-55) / chosen - 1).max() > 0.1  # too small: the replicas' own rounding


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_denormal_may_be_flushed_to_zero(dtype):
    tiny = np.finfo(dtype).smallest_normal

    def vjp(network, params, x, dy):
        y, residuals = network.forward(params, x)
        dx = network.backward(residuals, dy)[0]
        return y, np.where(np.abs(dx) < tiny, 0, dx).astype(dtype), {}

    x, dy = np.zeros((2, 2), dtype), np.array([[1, tiny * 0.3], [tiny * 0.7, 1]], dtype)
    flushing = Candidate("flushing", vjp=vjp)
    with np.errstate(under="ignore"):
        rows = compare_vjp(Tanh(), x=x, dy=dy, adapters=[flushing])
    assert set(rows.verdict) <= {"match", "structural zero"}


def test_k_lies_between_correct_and_wrong_with_room_on_both_sides():
    """By a factor of 4 above what correct code was seen to reach, and far below a wrong bit."""
    allowed = {name: f.allowed for name, f in FORMATS.items() if not f.half}
    assert allowed == {"float64": 1024.0, "float32": 64.0}
    rows = compare_vjp(Dense(8, 8), x=(8, 8), adapters=["numpy"])
    assert rows.noise_ratio.max() < 4
    assert (rows.resolution < 1e-11).all()


# Where nothing is wider than float64


@pytest.fixture
def narrow(monkeypatch):
    """A platform whose longdouble is float64, as on Windows."""
    monkeypatch.setattr(formats, "WIDEST", np.float64)


NETWORK = Sequential(Dense(4, 6), Tanh(), LayerNorm(6), Dense(6, 3))


def test_without_longdouble_gold_is_float64_and_rows_say_so(narrow, installed):
    rows = compare_vjp(NETWORK, x=(5, 4), adapters=installed)
    assert set(rows.verdict) == {"match"}
    assert set(rows.baseline) == {"reference in float64"}
    assert set(rows.origin) == {"16 replicas, gold float64, δ=2^-40"}
    assert rows.noise_ratio.max() < 20


def test_the_power_lost_without_longdouble_is_in_the_resolution(narrow, monkeypatch):
    lost = compare_vjp(NETWORK, x=(5, 4), adapters=["numpy"]).resolution
    monkeypatch.setattr(formats, "WIDEST", np.longdouble)
    with_it = compare_vjp(NETWORK, x=(5, 4), adapters=["numpy"]).resolution
    if formats.wide_dtype("float64") != np.float64:
        np.testing.assert_allclose(lost / with_it, 1 + OWN_ROUNDING / 1024, rtol=1e-6)


def test_without_longdouble_a_mistake_of_1e_11_is_still_seen(narrow):
    def vjp(network, params, x, dy):
        got = NumpyReference().vjp(network, params, x, dy)
        got.dparams[0]["W"][1, 2] += 1e-11 * np.abs(got.dparams[0]["W"]).max()
        return got

    rows = compare_vjp(NETWORK, x=(5, 4), adapters=[Candidate("wrong", vjp=vjp)])
    assert rows[rows.verdict == "mismatch"].leaf.tolist() == ["0.W"]


def test_without_longdouble_training_has_an_envelope(narrow):
    rng = np.random.default_rng(0)
    batches = [(rng.standard_normal((5, 4)), rng.standard_normal((5, 3))) for _ in range(3)]
    rows = compare_training(NETWORK, MeanSquaredError(), SGD(0.1), batches=batches,
                            adapters=["numpy"])  # fmt: skip
    assert set(rows.verdict) == {"match"}
    assert set(rows.origin) == {
        "8 replicas, gold float64, δ=2^-40", "8 twins, gold float64, δ=2^-40"
    }  # fmt: skip


def test_float32_never_needs_longdouble(narrow):
    rows = compare_vjp(NETWORK, x=(5, 4), adapters=["numpy"], dtype="float32")
    assert set(rows.origin) == {"16 replicas, gold float64, δ=2^-24"}


def test_the_reference_itself_is_never_further_off_than_its_own_rounding_is_said_to_be():
    for seed in range(20):
        rows = compare_vjp(NETWORK, x=(5, 4), adapters=["numpy"], seed=seed)
        assert rows.noise_ratio.max() < OWN_ROUNDING / 2


# A first look at a large problem

WIDE = Sequential(Dense(40, 300), Tanh(), Dense(300, 50))


def _looked_at(share, dtype="float64", seed=0):
    """Rows of a candidate whose largest entry of one weight's gradient is that share off."""

    def vjp(network, params, x, dy):
        got = NumpyReference().vjp(network, params, x, dy)
        W = got.dparams[0]["W"]
        W.flat[np.abs(W).argmax()] *= 1 + share
        return got

    wrong = Candidate("wrong", vjp=vjp)
    return compare_vjp(WIDE, x=(8, 40), adapters=[wrong], dtype=dtype, seed=seed)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_large_problem_is_decided_at_first_sight_where_that_is_plain(dtype, installed):
    rows = compare_vjp(WIDE, x=(8, 40), adapters=installed, dtype=dtype)
    few = FIRST_LOOK[dtype]
    assert set(rows.verdict) == {"match"}
    assert set(rows.origin) == {f"{few} replicas, gold float64, δ={_power(dtype)}"}
    wrong = _looked_at(1.0, dtype)
    assert wrong[wrong.verdict == "mismatch"].leaf.tolist() == ["0.W"]
    assert set(wrong.origin) == set(rows.origin)


def _power(dtype):
    return {"float32": "2^-24", "float64": "2^-40"}[dtype]


@pytest.mark.parametrize("seed", range(5))
def test_what_lies_between_is_looked_at_again(seed):
    """An error of some K of noise: above and below, the last look has the last word."""
    far = _looked_at(1.0, seed=seed).query("leaf == '0.W'").iloc[0]
    for times in (0.5, 2.0):  # the first look is off by less
        rows = _looked_at(times * far.allowed / far.noise_ratio, seed=seed)
        assert set(rows.origin) == {"16 replicas, gold longdouble, δ=2^-40"} or (
            formats.wide_dtype("float64") == np.float64
        )
        wrong = rows[rows.verdict == "mismatch"].leaf.tolist()
        assert wrong == (["0.W"] if times > 1 else [])


def test_a_first_look_overestimates_noise_fourfold_once_in_1e6():
    """P(χ²_k > 16 k) for the replicas at full amplitude, from its closed form or a bound."""
    for few in FIRST_LOOK.values():
        full = few - few // PAIRED
        bound = (16 * math.exp(1 - 16)) ** (full / 2)  # Chernoff's
        assert bound < 1e-6


def test_the_first_and_the_last_look_agree(installed):
    first = compare_vjp(WIDE, x=(8, 40), adapters=installed, seed=3)
    last = compare_vjp(WIDE, x=(8, 40), adapters=installed, seed=3, replicas=4)
    ratio = first.resolution / last.resolution
    assert ratio.between(0.3, 3).all()


def test_the_share_of_time_spent_on_tolerances_is_recorded():
    rows = compare_vjp(NETWORK, x=(5, 4), adapters=["numpy"])
    spent, total = (rows.attrs[name] for name in SECONDS)
    assert 0 < spent < total < 60
    both = together([rows, rows])
    assert both.attrs == {SECONDS[0]: 2 * spent, SECONDS[1]: 2 * total}
    assert len(both) == 2 * len(rows)
