"""Interval arithmetic encloses, and monotonicity that is proved is true."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import backproof
from backproof import Interval, monotonicity
from backproof.comparisons.attribution import interval as module
from backproof.comparisons.attribution.interval import hull
from backproof.comparisons.attribution.monotone import RISING, slopes
from backproof.comparisons.cases import draw_params
from backproof.comparisons.examples.example import agrees
from backproof.comparisons.networks import named
from backproof.reference import discovery

SHAPE = (2, 3)
NUMBERS = hnp.arrays(np.float64, SHAPE, elements=st.floats(-1e3, 1e3, allow_subnormal=True))
PARTS = hnp.arrays(np.float64, SHAPE, elements=st.sampled_from([0.0, 0.25, 0.5, 1.0]))
WIDE = np.longdouble
UNARY = [np.negative, np.square, np.absolute, np.exp, np.expm1, np.tanh, np.arctan, np.sign,
         np.sqrt, np.log, np.log1p, np.reciprocal]  # fmt: skip
BINARY = [np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum]
COMPARISONS = [np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal]


def boxes(a, b, part):
    """An interval between two arrays, and numbers inside it."""
    lo, hi = np.minimum(a, b), np.maximum(a, b)
    return Interval.of(lo, hi), np.clip(lo + part * (hi - lo), lo, hi)


def holds(found, exact):
    """Whether the wide value, where there is one, is within the bounds."""
    exact = np.asarray(exact)
    known = np.isfinite(exact)
    inside = (found.lo.astype(WIDE) <= exact) & (exact <= found.hi.astype(WIDE))
    return bool(np.all(inside | ~known))


@settings(max_examples=60, deadline=None)
@given(a=NUMBERS, b=NUMBERS, c=NUMBERS, d=NUMBERS, p=PARTS, q=PARTS)
def test_every_operation_encloses(a, b, c, d, p, q):
    """Of numbers anywhere in the operands, computed in longer arithmetic."""
    (x, u), (y, v) = boxes(a, b, p), boxes(c, d, q)
    wide_u, wide_v = u.astype(WIDE), v.astype(WIDE)
    with np.errstate(all="ignore"):
        for ufunc in UNARY:
            assert holds(ufunc(x), ufunc(wide_u)), ufunc
        for ufunc in BINARY:
            assert holds(ufunc(x, y), ufunc(wide_u, wide_v)), ufunc
        for n in (-2, -1, 0, 1, 2, 3, 0.5):
            assert holds(np.power(x, n), np.power(wide_u, WIDE(n))), n
        for ufunc in COMPARISONS:
            assert holds(ufunc(x, y), ufunc(u, v).astype(WIDE)), ufunc
    assert holds(x @ y.T, wide_u @ wide_v.T)
    assert holds(x @ c.T, wide_u @ c.astype(WIDE).T)
    assert holds(a @ y.T, a.astype(WIDE) @ wide_v.T)
    assert holds(x.sum(axis=1), wide_u.sum(axis=1))
    assert holds(x.mean(axis=0, keepdims=True), wide_u.mean(axis=0, keepdims=True))
    assert holds(x.max(axis=1), wide_u.max(axis=1))
    assert holds(np.where(x > y, x, y * 2), np.where(u > v, wide_u, wide_v * 2))
    assert holds(x * x, wide_u * wide_u)


@pytest.mark.parametrize("weights", ["plain", "an interval", "both"])
def test_products_that_underflow_are_enclosed(weights):
    """Each loses a large part of itself, and there is nothing that would round it back."""
    least, factor = np.full((2, 30), 5e-324), np.full((30, 1), -1.375)
    x = least if weights == "an interval" else Interval.of(0 * least, least)
    w = factor if weights == "plain" else Interval.of(factor, 0 * factor)
    assert holds(x @ w, least.astype(WIDE) @ factor.astype(WIDE))


def test_bounds_are_narrow():
    """Of plain numbers, a few units in the last place; of signs, exact where they are."""
    x = Interval.of(np.array([[0.3, -2.0, 0.0]]))
    for found in (x + 1, x * 3, x @ np.ones((3, 2)), np.exp(x), np.tanh(x), x.sum(axis=1)):
        assert np.all(found.hi - found.lo <= 1e-14)
    zero = Interval.of(np.zeros((1, 2)))
    wide = Interval.of(np.full((1, 2), -np.inf), np.full((1, 2), np.inf))
    for found in (zero * wide, zero + zero, zero @ np.ones((2, 2)), zero.sum(), np.tanh(zero)):
        assert np.all(found.lo == 0)
        assert np.all(found.hi == 0)
    mask = Interval.of(0.0, 1.0) * Interval.of(2.0, 3.0)  # a slope that may be switched off
    assert (mask.lo, mask.hi) == (0.0, np.nextafter(3.0, 4.0) if mask.hi > 3 else 3.0)
    square = Interval.of(-1.0, 2.0)
    assert ((square * square).lo, (square * (square + 0)).lo < 0) == (0.0, True)


def test_sums_are_bounded_in_every_order():
    """Where cancellation takes all digits, the bounds say so."""
    numbers = np.array([1e16, 1.0, -1e16, 1.0])
    found = Interval.of(numbers).sum()
    assert 2.0 in found
    assert found.lo <= 0 < found.hi


def test_a_rounding_inward_would_be_noticed(monkeypatch):
    """Without the outward step, sums of tenths leave their bounds."""
    rng = np.random.default_rng(0)
    a, b = rng.uniform(size=(2, 1000))
    exact = a.astype(WIDE) + b.astype(WIDE)
    assert holds(Interval.of(a) + b, exact)
    monkeypatch.setattr(module, "_below", lambda x, exact=False, units=1: x)
    assert not holds(Interval.of(a) + b, exact)


def test_what_an_interval_is():
    x = Interval.of([0.0, 1.0], [1.0, 2.0])
    assert x.shape == (2,)
    assert len(x) == 2
    assert x.dtype == np.float64
    assert [0.5, 1.5] in x
    assert [0.5, 2.5] not in x
    assert hull(x, Interval.of([-1.0, 1.5])).lo.tolist() == [-1.0, 1.0]
    assert repr(Interval.of(1.0, 2.0)) == "Interval(1.0, 2.0)"
    for lo, hi in ((1.0, 0.0), (np.nan, 1.0)):
        with pytest.raises(ValueError, match="lo <= hi"):
            Interval.of(lo, hi)
    with pytest.raises(TypeError, match="does not decide a branch"):
        bool(Interval.of(0.0, 1.0) > 0.5)
    assert Interval.of(1.0, 2.0) > 0.5
    for function in (np.sin, np.fft.fft):
        with pytest.raises(TypeError, match=r"has no (interval form|form for a)"):
            function(x)
    undecided = np.where(Interval.of([0.0], [1.0]) > 0.5, 7.0, 8.0)
    assert (undecided.lo, undecided.hi) == (7.0, 8.0)


# Layers


LAYERS = {
    name: sample
    for name, layer in discovery.layers().items() for sample in [next(layer.samples())]
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_encloses_its_slopes(name):
    """The VJP over a box holds that of every point in it; a layer without bounds says so."""
    layer, rng = LAYERS[name].spec, np.random.default_rng(5)
    x = LAYERS[name].x(rng)
    if not (isinstance(x, np.ndarray) and x.dtype.kind == "f"):
        pytest.skip("its input is no array of floats")
    params = draw_params(layer, rng, np.dtype(np.float64))
    y, residuals = layer.forward(params, x)
    if not isinstance(y, np.ndarray):
        pytest.skip("it has several outputs")
    dy, radius = rng.standard_normal(y.shape), 1e-3 * rng.uniform(size=x.shape)
    box = Interval.of(x - radius, x + radius)
    with np.errstate(all="ignore"):
        try:
            bounds, kept = layer.forward(params, box)
            pulled, _ = layer.backward(kept, Interval.of(dy))
        except (TypeError, ValueError, AttributeError, IndexError) as error:
            pytest.skip(f"no interval form: {error}")
        for part in (0.0, 1.0, -1.0, *rng.uniform(-1, 1, 3)):
            y, residuals = layer.forward(params, x + part * radius)
            assert y in bounds
            assert layer.backward(residuals, dy)[0] in pulled


def test_enough_layers_have_an_interval_form():
    """The skips above are counted: a change that loses a form is noticed."""
    with_form = 0
    for sample in LAYERS.values():
        rng = np.random.default_rng(5)
        x = sample.x(rng)
        try:
            params = draw_params(sample.spec, rng, np.dtype(np.float64))
            with np.errstate(all="ignore"):
                y, kept = sample.spec.forward(params, Interval.of(x))
                sample.spec.backward(kept, Interval.of(np.ones(y.shape)))
            with_form += 1
        except (TypeError, ValueError, AttributeError, IndexError):
            pass
    assert with_form >= 70


# Monotonicity


def test_mazur_s_network_is_monotone_in_the_unit_box():
    """The bounds that are published, to their digits."""
    mazur = named("mazur")
    found = monotonicity(mazur.network, mazur.params, [0, 0], [1, 1])
    published = {"lo": "0.00652 0.00815 0.00745 0.00930", "hi": "0.00784 0.00978 0.00909 0.01133"}
    for end, digits in published.items():
        for value, printed in zip(getattr(found, end).ravel(), digits.split(), strict=True):
            assert agrees(value, printed), (end, value, printed)
    assert found.finding == (("rises", "rises"), ("rises", "rises"))
    assert found.boxes == 1
    assert found.sentence(0, 0) == (
        "raising x1 raises y1 everywhere in [0, 1]^2: proved, slope in [0.006524, 0.007843]"
    )


def test_proved_is_true_and_refuted_is_false():
    """On random networks: no sampled slope has the other sign; a witness pair has both."""
    rng, seen = np.random.default_rng(2), set()
    for seed in range(6):
        network = backproof.Sequential(
            backproof.Dense(2, 5), [backproof.Tanh(), backproof.ReLU(), backproof.GELU()][seed % 3],
            backproof.Dense(5, 2),
        )  # fmt: skip
        params = network.init(np.random.default_rng(seed))
        found = monotonicity(network, params, [-1, -1], [1, 1], boxes=16, seed=seed)
        points = rng.uniform(-1, 1, (300, 2))
        _, residuals = network.forward(params, points)
        for k in range(2):
            dy = np.zeros((300, 2))
            dy[:, k] = 1
            slope = network.backward(residuals, dy)[0]
            for i in range(2):
                finding = found.finding[k][i]
                seen.add(finding)
                assert np.all(slope[:, i] >= found.lo[k, i])
                assert np.all(slope[:, i] <= found.hi[k, i])
                assert finding != "rises" or np.all(slope[:, i] > 0)
                assert finding != "falls" or np.all(slope[:, i] < 0)
                if finding == "neither":
                    up, down = (slopes(network, params, p, p) for p in found.witnesses[k, i])
                    assert up.lo[k, i] > 0 > down.hi[k, i]
    assert {"rises", "falls", "neither"} <= seen


def test_halving_proves_more():
    """One box is too wide for tanh(x) - tanh(0.38 x); its halves are not."""
    network = backproof.Sequential(backproof.Dense(1, 2), backproof.Tanh(), backproof.Dense(2, 1))
    params = ({"W": np.array([[1.0, 0.38]]), "b": np.zeros(2)}, {},
              {"W": np.array([[1.0], [-1.0]]), "b": np.zeros(1)})  # fmt: skip
    one, many = (monotonicity(network, params, [-1.1], [1.1], boxes=n) for n in (1, 64))
    assert one.finding == (("open",),)
    assert many.finding == (("rises",),)
    assert 1 < many.boxes < 64
    assert many.lo > 0


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_flat_parts_are_not_called_rising(sign):
    """A ReLU that is off in half of the box, and one that is off in all of it."""
    network = backproof.Sequential(backproof.Dense(1, 1), backproof.ReLU(), backproof.Dense(1, 1))

    def params(bias):
        return ({"W": np.ones((1, 1)), "b": np.array([bias])}, {},
                {"W": sign * np.ones((1, 1)), "b": np.zeros(1)})  # fmt: skip

    part = monotonicity(network, params(0.0), [-1.0], [1.0])
    assert part.finding == ((("never falls",) if sign > 0 else ("never rises",)),)
    off = monotonicity(network, params(-3.0), [-1.0], [1.0])
    assert off.finding == (("constant",),)
    assert off.sentence(0, 0, "x", "y") == (
        "raising x does not move y everywhere in [-1, 1]: proved, slope in [0, 0]"
    )


@pytest.mark.parametrize("rising", RISING)
def test_slopes_at_the_ends_bound_those_between(rising):
    """What the short cut of these layers rests on: slopes are least at an end, largest there or
    at 0."""
    layer = rising()
    for low, high in ((-3.0, 1.0), (0.2, 4.0), (-5.0, -0.1), (-1e-3, 1e-3), (-40.0, 40.0)):
        bounds = slopes(layer, {}, np.array([low]), np.array([high]))
        points = np.linspace(low, high, 4001)
        _, residuals = layer.forward({}, points)
        slope = layer.backward(residuals, np.ones_like(points))[0]
        assert np.all((bounds.lo[0, 0] <= slope) & (slope <= bounds.hi[0, 0]))
        assert bounds.hi[0, 0] - slope.max() < 1e-6
        assert slope.min() - bounds.lo[0, 0] < 1e-6


def test_bad_boxes_are_said():
    mazur = named("mazur")
    for low, high in (([1, 1], [0, 0]), ([0, np.nan], [1, 1]), ([0, 0], [1, np.inf])):
        with pytest.raises(backproof.CaseError, match="no corners of a box"):
            monotonicity(mazur.network, mazur.params, low, high)
    with pytest.raises(backproof.CaseError, match="has no bounds over a box"):
        monotonicity(mazur.network, mazur.params, [0, 0, 0], [1, 1, 1])
