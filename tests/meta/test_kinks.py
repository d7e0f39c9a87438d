"""Kinks: a branch that rounding decides is no false alarm, and hides no mistake."""

from __future__ import annotations

import numpy as np
import pytest

from backproof import (
    Conv2d,
    Dense,
    Flatten,
    LayerNorm,
    LeakyReLU,
    Maxout,
    MaxPool2d,
    ReLU,
    Sequential,
    compare_vjp,
)
from backproof.comparisons import judging
from backproof.comparisons.cases import draw_params
from backproof.comparisons.noise import NEAR, Kink, Noise
from backproof.comparisons.tolerances import amplitudes
from backproof.reference.tree import as_dtype, tree_map

from .honest import honest

PRECISIONS = ("float32", "float64")
PLANTED = {"float32": 1e-4, "float64": 1e-9}  # relative, in one weight's gradient


def test_a_branch_that_rounding_may_decide_is_recorded():
    """NEAR u σ: what lies closer is ambiguous, what lies farther is not."""
    noise = Noise("float32", amplitudes("float32"), seed=0)
    one = noise.array(np.ones(4)) * 1.1  # σ = 1.1, both draws: √2 of that
    sigma = 1.1 * np.sqrt(2) * noise.u
    offsets = np.array([0.3, 3.0, -3.0, 0.0]) * NEAR * sigma
    outcome = (one - (1.1 - offsets)) > 0
    assert noise.ambiguous == [Kink(0, 0), Kink(0, 3)]
    assert len(outcome.payload) == 1  # every replica takes the branch of replica 0
    signs = np.sign(one - (1.1 + offsets))
    assert signs.payload.tolist() == [[-1, -1, 1, 1]]  # 0, from which both signs can be had
    assert noise.ambiguous[2:] == [Kink(1, 0, sign=True), Kink(1, 3, sign=True)]


def test_without_noise_nothing_is_ambiguous():
    noise = Noise("float32", amplitudes("float32"), seed=0)
    assert (noise.array(np.array([-1.0, 0.0, 1e-30])) > 0).base.tolist() == [False, False, True]
    assert np.sign(noise.array(np.array([-1.0, 0.0, 1e-30]))).base.tolist() == [-1, 0, 1]
    assert noise.ambiguous == []


def test_flips_force_the_other_branch():
    x, dy = np.array([[1.0, 2.0, -3.0]]), np.ones((1, 3))
    first, second, third, sign = Kink(0, 0), Kink(0, 1), Kink(0, 2), Kink(1, 0, sign=True)
    some = [set(), {second}, {first, third}, {sign}, {sign.halved}]
    noise = Noise("float64", flips=[frozenset(flips) for flips in some])
    _, residuals = ReLU().forward({}, noise.array(x))
    dx, _ = ReLU().backward(residuals, noise.array(dy))
    assert dx.payload[:, 0].tolist() == [[1, 1, 0], [1, 0, 0], [0, 1, 1], [1, 1, 0], [1, 1, 0]]
    signs = np.sign(noise.array(x)).payload[:, 0].tolist()
    assert signs == [[1, 1, -1]] * 3 + [[-1, 1, -1], [0, 1, -1]]


# Networks with one to six entries on a kink, up to rounding. One architecture each for JAX.


def _wide(tree):
    return as_dtype(tree, np.float64)


def _draw(network, shape, rng, dtype):
    x = rng.standard_normal(shape).astype(dtype)
    return draw_params(network, rng, np.dtype(dtype)), x


def _dense(activation):
    network = Sequential(
        Dense(6, 24), activation, Dense(24, 16), activation, Dense(16, 3)
    )  # fmt: skip

    def case(rng, count, dtype):
        """Biases that make pre-activations zero; of the lower layer first: they move the upper."""
        params, x = _draw(network, (24, 6), rng, dtype)
        for i, here in ((0, (count + 1) // 2), (2, count // 2)):
            below = Sequential(*network.layers[:i])
            hidden, _ = below.forward(_wide(params[:i]), _wide(x))
            z = hidden @ _wide(params[i]["W"])
            for unit in rng.choice(z.shape[1], here, replace=False):
                params[i]["b"][unit] = -z[rng.integers(len(z)), unit]
        return network, params, x

    return case


def _maxout(rng, count, dtype):
    """Biases that make two pieces of a unit equal in one sample."""
    network = Sequential(Maxout(5, 8, 2), Dense(8, 3))
    params, x = _draw(network, (12, 5), rng, dtype)
    z = _wide(x) @ _wide(params[0]["W"])
    for unit in rng.choice(8, count, replace=False):
        n, b = rng.integers(12), params[0]["b"]
        b[2 * unit] = z[n, 2 * unit + 1] - z[n, 2 * unit] + _wide(b)[2 * unit + 1]
    return network, params, x


def _pool(rng, count, dtype):
    """Pixels that make the largest two outputs of a window equal."""
    network = Sequential(Conv2d(3, 2, 1), MaxPool2d(2), Flatten(), Dense(12, 3))
    params, x = _draw(network, (2, 3, 4, 6), rng, dtype)
    w = _wide(params[0]["W"])[0, :, 0, 0]
    for k in rng.choice(12, count, replace=False):
        n, i, j = np.unravel_index(k, (2, 2, 3))
        window = _wide(x)[n, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].reshape(3, 4)
        z = w @ window
        top, other = np.argsort(z)[::-1][:2]
        pixel = (z[top] - w[1:] @ window[1:, other]) / w[0]
        x[n, 0, 2 * i + other // 2, 2 * j + other % 2] = pixel
    return network, params, x


KINDS = {"relu": _dense(ReLU()), "leaky relu": _dense(LeakyReLU(0.1)), "maxout": _maxout,
         "max pool": _pool}  # fmt: skip
COUNTS = (1, 2, 3, 4, 5, 6)


def _cases(kind, dtype, repeats=2):
    for seed in range(repeats * len(COUNTS)):
        rng = np.random.default_rng([seed, list(KINDS).index(kind)])
        yield seed, KINDS[kind](rng, COUNTS[seed % len(COUNTS)], dtype)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_entry_on_its_kink_is_no_false_alarm(kind, dtype, installed):
    resolved = 0
    for seed, (network, params, x) in _cases(kind, dtype):
        adapters = [*installed, honest(seed)]
        rows = compare_vjp(network, x=x, params=params, seed=seed, adapters=adapters)
        assert set(rows.verdict) == {"match"}, rows[rows.verdict != "match"].to_string()
        assert rows.noise_ratio.max() < 20
        resolved += (rows.finding == "kinks resolved").sum()
    assert resolved > 6


@pytest.mark.parametrize("kind", KINDS)
def test_without_resolution_there_would_be_false_alarms(kind, monkeypatch):
    monkeypatch.setattr(judging, "_with_kinks_resolved", lambda *given: given[-1])
    alarms = [
        (compare_vjp(n, x=x, params=p, adapters=[honest(seed)]).verdict == "mismatch").any()
        for seed, (n, p, x) in _cases(kind, "float32")
    ]  # fmt: skip
    assert np.mean(alarms) > 0.3


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_resolving_kinks_hides_no_error(kind, dtype):
    def spoil(got):
        got.dparams[0]["W"][...] *= np.asarray(1 + PLANTED[dtype], dtype)
        return got

    for seed, (network, params, x) in _cases(kind, dtype):
        rows = compare_vjp(network, x=x, params=params, seed=seed, adapters=[honest(seed, spoil)])
        found = rows[rows.verdict != "match"]
        assert found.leaf.tolist() == ["0.W"], rows.to_string()
        assert found.verdict.tolist() == ["mismatch"]


def test_half_of_both_branches_is_what_jax_takes_at_a_tie():
    """Its maximum shares a cotangent; here the tie is exact in float32, and rounding in float64."""
    network = Sequential(Maxout(3, 1, 2, bias=False), Dense(1, 2))
    x = np.array([[1.0, 2.0**-30, 3.0]], np.float32)
    W = np.array([[0.1, 0.1], [0.2, -0.2], [0.3, 0.3]], np.float32)
    params = ({"W": W}, {"W": np.ones((1, 2), np.float32), "b": np.zeros(2, np.float32)})

    def half(seed):
        def spoil(got):
            dz = got.dparams[0]["W"].sum(axis=1, keepdims=True) / 2
            got.dparams[0]["W"][...] = dz
            got.dx[...] = (W @ (dz[0] / x[0, 0] * np.ones((2, 1)))).T
            return got

        return honest(seed, spoil)

    rows = compare_vjp(network, x=x, params=params, adapters=[half(0)])
    assert set(rows.verdict) == {"match"}, rows.to_string()
    assert "kinks resolved" in set(rows.finding)


def _all_at_once():
    """Integer data under which half of the units of a layer are exactly 0 but for rounding."""
    rng = np.random.default_rng(3)
    network = Sequential(Dense(4, 40), LayerNorm(40), ReLU(), Dense(40, 3))
    params = tree_map(np.round, network.init(rng))
    W = rng.integers(-1, 2, (4, 40)).astype(np.float64)
    W[:, -1] -= W.sum(axis=1)  # so that a position's mean is 0 but for rounding
    params[0]["W"] = W
    params[3]["W"] = rng.standard_normal((40, 3))
    x = rng.standard_normal((8, 1)) * np.eye(4)[rng.integers(0, 4, 8)]  # one feature at a time
    return network, as_dtype(params, np.float32), x.astype(np.float32)


def test_many_kinks_at_once_are_no_false_alarm(installed):
    """More ambiguous units than the gradients can tell apart: unresolved, never a mismatch."""
    network, params, x = _all_at_once()
    rows = compare_vjp(network, x=x, params=params, adapters=installed)
    assert set(rows.verdict) <= {"match", "unresolved", "structural zero"}, rows.to_string()
