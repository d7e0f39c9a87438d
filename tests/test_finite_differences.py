"""Central differences and the complex step: every hand-derived backward, judged by the forward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import backproof
from backproof.adapters import finite_differences as fd
from backproof.reference.layers.dense import Dense
from backproof.reference.layers.flatten import Flatten
from backproof.reference.layers.layernorm import LayerNorm
from backproof.reference.layers.relu import ReLU
from backproof.reference.layers.sigmoid import Sigmoid
from backproof.reference.layers.softmax import Softmax
from backproof.reference.losses.binary_cross_entropy import BinaryCrossEntropy

ORACLES = ("finite_differences", "complex_step")
WIDER = np.finfo(np.longdouble).eps < np.finfo(np.float64).eps


@pytest.fixture(params=ORACLES)
def oracle(request):
    return request.param


# Every sample of every layer and loss.


@pytest.fixture
def assert_judged(assert_match):
    """As ``assert_match``; but no sample is left out because an oracle cannot run it."""

    def check(rows):
        assert "unsupported" not in set(rows.verdict), set(rows.reason)
        assert_match(rows)

    return check


def test_layer(layer, precision, oracle, assert_judged):
    assert_judged(layer.compare(oracle, precision))


def test_loss(loss, precision, oracle, assert_judged):
    assert_judged(loss.compare(oracle, precision))


# What is still seen in the entry that is seen worst: beside a kink, differences are unsure of one.
SEEN = {"finite_differences": 1e-4, "complex_step": 1e-8}


def _seen(rows):
    return rows[rows.verdict == "match"].resolution.max()  # what must differ shows no mistake


@pytest.mark.skipif(not WIDER, reason="longdouble is no wider than float64 on this platform")
def test_layer_tolerance_is_not_vacuous(layer, oracle):
    """What the oracle may be off by, added to the tolerance, must not hide a wrong digit."""
    assert _seen(layer.compare(oracle, "float64")) <= SEEN[oracle]


@pytest.mark.skipif(not WIDER, reason="longdouble is no wider than float64 on this platform")
def test_loss_tolerance_is_not_vacuous(loss, oracle):
    assert _seen(loss.compare(oracle, "float64")) <= SEEN[oracle]


@pytest.fixture
def no_long_double(monkeypatch):
    """As on platforms whose longdouble is float64."""
    monkeypatch.setattr(fd, "WIDE", np.float64)
    monkeypatch.setattr(fd, "NARROW", np.float32)


def test_layer_without_long_double(layer, oracle, no_long_double, assert_match):
    assert_match(layer.compare(oracle, "float64"))


def test_loss_without_long_double(loss, oracle, no_long_double, assert_match):
    assert_match(loss.compare(oracle, "float64"))


# The kink, on purpose.


def test_slopes_at_the_kink():
    x, dy = np.array([-1.0, 0.0, -0.0, 2.0]), np.array([3.0, 5.0, -7.0, 11.0])
    central = fd.FiniteDifferences().vjp(ReLU(), {}, x, dy).dx
    step = fd.ComplexStep().vjp(ReLU(), {}, x, dy).dx
    np.testing.assert_array_equal(central, [0, 2.5, -3.5, 11])  # the mean of both slopes, 1/2
    np.testing.assert_array_equal(step, [0, 0, 0, 11])  # the reference's branch


def test_a_known_divergence_that_does_not_differ_is_reported():
    rows = backproof.compare_vjp(
        ReLU(), x=np.array([-1.0, 0.5]), adapters=["finite_differences"], case="ReLU() at its kink"
    ).set_index("quantity")
    assert rows.verdict["dx"] == "unexpected match"
    assert rows.reason["dx"].startswith("FD-KINK")


def test_a_kink_near_by_is_stepped_over():
    """Large steps cross it and disagree with each other, so smaller ones are taken."""
    x = np.array([1e-3, -1e-3, 1e-5, 1.0])
    got = fd.FiniteDifferences().vjp(ReLU(), {}, x, np.ones(4))
    np.testing.assert_array_equal(got.dx, [1, 0, 1, 1])


# Wrong backwards: the gold value is the reference's own, so the oracle must contradict it.


class DenseMean(Dense):
    def backward(self, residuals, dy):
        dx, dparams = super().backward(residuals, dy)
        return dx, dparams | {"b": dy.mean(axis=0)}


class LayerNormNoMean(LayerNorm):
    def backward(self, residuals, dy):
        x_hat, r, gamma = residuals
        _, dparams = super().backward(residuals, dy)
        dx_hat = gamma * dy
        return r * (dx_hat - x_hat * (dx_hat * x_hat).mean(axis=-1, keepdims=True)), dparams


class SigmoidSlip(Sigmoid):
    def backward(self, residuals, dy):
        (y,) = residuals
        return dy * (1 - y * y), {}


class SoftmaxDiagonal(Softmax):
    def backward(self, residuals, dy):
        (y,) = residuals
        return dy * y * (1 - y), {}


class DenseSlight(Dense):
    def backward(self, residuals, dy):
        dx, dparams = super().backward(residuals, dy)
        return dx, dparams | {"W": dparams["W"] * (1 + 3e-5)}


class BinaryCrossEntropySum(BinaryCrossEntropy):
    def backward(self, residuals, dloss=1.0):
        z, _ = residuals
        return super().backward(residuals, dloss) * z.size


WRONG = {
    DenseMean(4, 3): ("dparams", "b"),
    LayerNormNoMean(4): ("dx", ""),
    SigmoidSlip(): ("dx", ""),
    SoftmaxDiagonal(): ("dx", ""),
    DenseSlight(4, 3): ("dparams", "W"),
    BinaryCrossEntropySum(): ("dx", ""),
}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda w: type(w).__name__)
def test_a_wrong_backward_is_contradicted(wrong, oracle, precision):
    target = {} if hasattr(wrong, "init") else {"target": np.zeros((5, 4), precision)}
    rows = backproof.compare_vjp(wrong, x=(5, 4), adapters=[oracle], dtype=precision, **target)
    found = rows[rows.verdict != "match"]
    assert list(zip(found.quantity, found.leaf, strict=True)) == [WRONG[wrong]]
    assert set(found.verdict) == {"mismatch"}


# Functions whose derivative is known, written as a forward and nothing else.


@dataclass(frozen=True)
class Forward:
    """A layer that has no backward."""

    function: object
    samples: ClassVar = None

    def init(self, rng):
        return {}

    def forward(self, params, x):
        return self.function(x), ()

    def backward(self, residuals, dy):
        raise AssertionError("an oracle has no business here")


SMOOTH = {
    "exp": (np.exp, np.exp),
    "sin": (np.sin, np.cos),
    "reciprocal": (lambda x: 1 / x, lambda x: -1 / (x * x)),
    "cube": (lambda x: x * x * x, lambda x: 3 * x * x),
    "cancelled": (lambda x: np.pi * x + 1e4 - 1e4, lambda x: np.pi + 0 * x),
    "log1p": (lambda x: np.log1p(np.exp(x)), lambda x: 1 / (1 + np.exp(-x))),
    "log1p of little": (
        lambda x: np.square(np.log1p(np.exp(x - 40))),
        lambda x: 2 * np.log1p(np.exp(x - 40)) / (1 + np.exp(40 - x)),
    ),
    "in place": (lambda x: np.add(x, x, out=x.copy()), lambda x: 2 + 0 * x),
    "joined": (lambda x: np.where(x > 0, np.stack([x, 2 * x])[1], x * x), lambda x: 2 + 0 * x),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_uncertainty_is_honest_and_small(name, oracle, precision):
    function, slope = SMOOTH[name]
    x = np.random.default_rng(0).uniform(0.1, 3, 20).astype(precision)
    got = backproof.load_adapter(oracle).vjp(Forward(function), {}, x, np.ones_like(x))
    wide = x.astype(np.longdouble)
    error, doubt = np.abs(got.dx - slope(wide)), got.uncertainty[0]
    assert got.dx.dtype == precision
    assert np.all(error <= doubt)
    limit = 4 * np.finfo(precision).eps + 1e6 * np.finfo(np.longdouble).eps
    assert np.all(doubt <= limit * np.abs(slope(wide)).max())


def test_uncertainty_holds_the_rounding_inside_the_forward(oracle, no_long_double):
    """Digits that cancel leave a small y with a large error, which y itself does not show."""
    x = np.random.default_rng(0).uniform(0.1, 3, 400)
    forward = Forward(lambda x: np.sin(x) + 1e5 - 1e5)
    got = backproof.load_adapter(oracle).vjp(forward, {}, x, np.ones_like(x))
    assert np.all(np.abs(got.dx - np.cos(x)) <= got.uncertainty[0])


KINKS = {
    "abs": (np.abs, [-1, -1, 1]),
    "maximum": (lambda x: np.maximum(x, 0), [0, 0, 1]),
    "minimum": (lambda x: np.minimum(x, 0), [1, 1, 0]),
    "max": (lambda x: x.max(axis=-1, keepdims=True) + 0 * x, [0, 0, 3]),
    "sign": (lambda x: np.sign(x) * x, [-1, 0, 1]),
    "|x| as the sigmoid has it": (lambda x: np.minimum(x, 0) + np.abs(x) / 2, [0.5, 0.5, 0.5]),
}


@pytest.mark.parametrize("name", KINKS)
def test_complex_step_is_left_of_a_tie(name):
    function, slopes = KINKS[name]
    got = fd.ComplexStep().vjp(Forward(function), {}, np.array([-2.0, 0.0, 3.0]), np.ones(3))
    np.testing.assert_array_equal(got.dx, slopes)


NOT_ANALYTIC = {
    "conjugate": (np.conjugate, "no np.conjugate"),
    "var": (lambda x: x.var(axis=-1), "takes x apart"),
    "real": (lambda x: x.real * 2, "takes x apart"),
    "float": (lambda x: x.astype(np.float64), "takes x apart"),
    "item": (lambda x: x * float(x[0]), "cannot run this forward"),
    "plain": (lambda x: np.abs(np.asarray(x)) if x.dtype.kind != "c" else np.asarray(x), "plain"),
    "poured": (lambda x: _poured(x), "cannot run this forward"),
    "out": (lambda x: np.add(x, x, out=np.zeros(x.shape)), "cannot run this forward"),
    "sort": (np.sort, "no np.sort"),
}


def _poured(x):
    y = np.zeros(x.shape)
    y[:] = x
    return y


@pytest.mark.parametrize("name", NOT_ANALYTIC)
def test_complex_step_refuses_what_it_does_not_know(name):
    function, message = NOT_ANALYTIC[name]
    with pytest.raises(backproof.Unsupported, match=message):
        fd.ComplexStep().vjp(
            Forward(function), {}, np.ones(3), np.ones(np.shape(function(np.ones(3))))
        )


def test_a_copy_is_exact(oracle, precision):
    x = np.random.default_rng(0).standard_normal((3, 2, 2)).astype(precision)
    dy = np.random.default_rng(1).standard_normal((3, 4)).astype(precision)
    got = backproof.load_adapter(oracle).vjp(Flatten(), {}, x, dy)
    np.testing.assert_array_equal(got.dx, dy.reshape(x.shape))


# What they refuse, in words.


def test_too_many_entries(oracle):
    rows = backproof.compare_vjp(Dense(150, 140), x=(1, 150), adapters=[oracle])
    assert list(rows.verdict) == ["unsupported"]
    (reason,) = rows.reason
    evaluations = {"finite_differences": "340,640", "complex_step": "21,290"}[oracle]
    assert f"{evaluations} times: 21,290 entries, 20,000 allowed" in reason


def test_gradients_only(oracle):
    rows = backproof.compare_optimizer(backproof.SGD(), steps=2, adapters=[oracle])
    assert list(rows.verdict) == ["unsupported"]
    assert "gradients only" in rows.reason[0]
    batch = (np.ones((2, 3)), np.ones((2, 1)))
    rows = backproof.compare_training(
        Dense(3, 1), backproof.MeanSquaredError(), backproof.SGD(), batches=[batch],
        adapters=[oracle],
    )  # fmt: skip
    assert set(rows.verdict) == {"unsupported"}
    assert all("gradients only" in reason for reason in rows.reason)


def test_what_is_not_finite_is_no_match(oracle):
    rows = backproof.compare_vjp(Dense(2, 1), x=np.array([[np.inf, 1.0]]), adapters=[oracle])
    assert "match" not in set(rows.verdict[rows.leaf != "b"])
