"""16 bits: judged by noise of their own, and only as far as they can tell."""

from __future__ import annotations

import numpy as np
import pytest

from backproof import (
    CTC,
    SGD,
    Adam,
    Candidate,
    CaseError,
    Conv2d,
    Dense,
    LayerNorm,
    MaxPool2d,
    MeanSquaredError,
    MissingFramework,
    MultiHeadAttention,
    ReLU,
    RotaryEmbedding,
    Sequential,
    Tanh,
    compare_optimizer,
    compare_training,
    compare_vjp,
)
from backproof.adapters.half_precision import BFloat16, Float16, narrowed, widened
from backproof.adapters.numpy_reference import NumpyReference
from backproof.comparisons import formats
from backproof.comparisons.formats import DOUBT, FORMATS
from backproof.comparisons.records import rejudge

ml_dtypes = pytest.importorskip("ml_dtypes")

HALVES = ("bfloat16", "float16")
NETWORK = Sequential(Dense(6, 8), Tanh(), LayerNorm(8), Dense(8, 3))


@pytest.mark.parametrize("dtype", HALVES)
def test_a_network_in_16_bits(dtype, installed):
    rows = compare_vjp(NETWORK, x=(5, 6), adapters=installed, dtype=dtype)
    assert set(rows.verdict) <= {"match", "unresolved"}
    assert (rows.verdict == "match").sum() > len(rows) / 2
    assert set(rows.dtype) == {dtype}
    assert set(rows.baseline) == {"reference in float64"}
    assert rows.noise_ratio.max() < FORMATS[dtype].allowed
    u = FORMATS[dtype].u
    assert rows.normwise_error.between(u / 100, 30 * u).all()  # it was computed in 16 bits


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize(
    ("layer", "shape"),
    [(Conv2d(2, 3, 2), (2, 2, 4, 5)), (MaxPool2d(2), (2, 2, 4, 6)),
     (MultiHeadAttention(4, 2), (2, 3, 4)), (RotaryEmbedding(4), (2, 3, 4)), (ReLU(), (3, 4))],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_layers_in_16_bits(layer, shape, dtype, installed):
    rows = compare_vjp(layer, x=shape, adapters=installed, dtype=dtype)
    assert set(rows.verdict) <= {"match", "unresolved", "unsupported"}
    assert "match" in set(rows.verdict)


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("rule", [SGD(0.1, momentum=0.9), Adam(0.01, eps=1e-3)], ids=str)
def test_an_optimizer_in_16_bits(rule, dtype, installed):
    rows = compare_optimizer(rule, dtype=dtype, steps=5, adapters=installed)
    assert set(rows.verdict) <= {"match", "unresolved"}
    assert (rows.verdict == "match").mean() > 0.5


@pytest.mark.parametrize("dtype", HALVES)
def test_training_in_16_bits(dtype, installed):
    rng = np.random.default_rng(0)
    kind = FORMATS[dtype].dtype
    batches = [
        tuple(rng.standard_normal(shape).astype(kind) for shape in ((5, 6), (5, 3)))
        for _ in range(3)
    ]
    rows = compare_training(NETWORK, MeanSquaredError(), SGD(0.1), batches=batches,
                            adapters=installed)  # fmt: skip
    assert set(rows.dtype) == {dtype}
    assert set(rows.verdict) <= {"match", "unresolved"}
    assert (rows[rows["mode"] == "lockstep"].verdict == "match").mean() > 0.5


def _wrong(change):
    def vjp(network, params, x, dy):
        got = NumpyReference().vjp(network, params, x, dy)
        got.dparams[0]["W"][...] = change(got.dparams[0]["W"])
        return got

    return Candidate("wrong", vjp=vjp)


@pytest.mark.parametrize("dtype", HALVES)
def test_a_gross_mistake_is_seen(dtype):
    for change in (lambda W: -W, lambda W: W[::-1]):
        rows = compare_vjp(NETWORK, x=(5, 6), adapters=[_wrong(change)], dtype=dtype)
        assert rows[rows.verdict == "mismatch"].leaf.tolist() == ["0.W"]


def test_between_a_mistake_and_noise_nothing_is_said():
    def off_by(share):
        changed = _wrong(lambda W: W + np.asarray(share * np.abs(W).max(), W.dtype))
        rows = compare_vjp(NETWORK, x=(5, 6), adapters=[changed], dtype="bfloat16")
        return rows[rows.leaf == "0.W"].iloc[0]

    resolution = off_by(0).resolution
    assert off_by(resolution / 20).verdict == "match"
    far = off_by(20 * resolution)  # where the error is nearly all there is, and so in proportion
    between = 20 * resolution * (1 + DOUBT) / 2 * far.allowed / far.noise_ratio
    doubtful = off_by(between)
    assert (doubtful.verdict, doubtful.finding) == ("unresolved", "in doubt")
    assert doubtful.allowed < doubtful.noise_ratio <= DOUBT * doubtful.allowed
    assert far.verdict == "mismatch"


def test_adam_divides_by_zero_in_float16_and_that_is_said(installed):
    """v and ε = 1e-8 are both below its smallest number: 0/0 in every implementation."""
    rows = compare_optimizer(Adam(), dtype="float16", steps=2, gradient_scale=1e-4,
                             adapters=installed)  # fmt: skip
    weights = rows[rows.quantity == "weights"]
    assert set(weights.verdict) == {"unresolved"}
    assert "too small for float16" in weights.reason.iloc[0]
    assert (weights.n_finite < weights.n_compared).any()


def test_what_overflows_float16_is_unresolved():
    x = np.full((2, 3), 300.0, np.float16) * np.array([1, 2, 3], np.float16)
    layer, W = Dense(3, 2, bias=False), np.full((3, 2), 90, np.float16)
    rows = compare_vjp(layer, x=x, params={"W": W}, adapters=["numpy"])
    y = rows[rows.quantity == "y"].iloc[0]
    assert (y.verdict, y.finding) == ("unresolved", "overflow")


def test_an_operation_that_torch_lacks_is_unsupported(installed):
    if "torch" not in installed:
        pytest.skip("torch is not installed")
    target = (np.array([[1, 2]]), np.array([4]), np.array([2]))
    rows = compare_vjp(CTC(), x=(4, 1, 3), target=target, adapters=["torch"], dtype="float16")
    assert rows.verdict.tolist() == ["unsupported"]
    assert "not implemented for 'Half'" in rows.reason[0]


@pytest.mark.parametrize(("of", "dtype"), [(BFloat16, "bfloat16"), (Float16, "float16")])
def test_every_operation_is_rounded(of, dtype):
    kind = FORMATS[dtype].dtype
    x = np.random.default_rng(0).standard_normal((3, 4)).astype(kind)
    wide = widened({"x": x})["x"]
    assert type(wide) is of
    for y in (wide * 0.3, wide @ wide.T, wide.sum(axis=0), np.exp(wide), wide.mean(),
              np.where(wide > 0, wide, 0) / 3, np.concatenate([wide, wide]) + 1):  # fmt: skip
        assert type(y) is of
        assert y.dtype == np.float32
        np.testing.assert_array_equal(y, np.asarray(y).astype(kind).astype(np.float32))
    wide += 0.1
    np.testing.assert_array_equal(np.asarray(wide).astype(kind).astype(np.float32), wide)
    assert (wide > 0).dtype == bool
    assert narrowed((wide, 3 * np.ones(2)))[0].dtype == kind
    plain = np.ones(2)
    assert widened(plain) is plain


def test_the_verdict_of_saved_rows_stays():
    rows = compare_vjp(NETWORK, x=(5, 6), adapters=["numpy"], dtype="bfloat16")
    assert rejudge(rows).verdict.tolist() == rows.verdict.tolist()


def test_bfloat16_without_ml_dtypes_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ml_dtypes", None)
    monkeypatch.setitem(formats.FORMATS, "bfloat16", formats.Format("bfloat16", 1, 1, 1, 1))
    with pytest.raises(MissingFramework, match=r"pip install 'backproof\[half\]'"):
        compare_vjp(Tanh(), x=(2, 2), dtype="bfloat16")


def test_one_dtype_throughout():
    with pytest.raises(CaseError, match=r"params\['W'\] is float64, the case is bfloat16"):
        compare_vjp(Dense(2, 2), x=(2, 2), dtype="bfloat16",
                    params={"W": np.ones((2, 2)), "b": np.ones(2)})  # fmt: skip
