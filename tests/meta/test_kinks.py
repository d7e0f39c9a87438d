"""Kinks: a branch that rounding decides is no false alarm, and hides no mistake."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from backproof import (
    Conv2d,
    Dense,
    GlobalMaxPool2d,
    Hinge,
    L1Loss,
    LayerNorm,
    Maxout,
    ReLU,
    Sequential,
    compare_vjp,
)
from backproof.comparisons import judging, kinks
from backproof.comparisons.campaign.kinked import COUNTS, KINDS, kinked
from backproof.comparisons.campaign.power import planted
from backproof.comparisons.noise import NEAR, Kink, Noise
from backproof.comparisons.posing import vjp_problem
from backproof.comparisons.tolerances import amplitudes
from backproof.reference.tree import as_dtype, tree_map

from .honest import honest

PRECISIONS = ("float32", "float64")
GOOD = {"match", "structural zero"}
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


def _cases(kind, dtype, repeats=2):
    for number in range(repeats * len(COUNTS)):
        yield number, kinked(kind, number, dtype)


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
    monkeypatch.setattr(judging, "_explained", lambda *given: given[-1])
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


def test_many_kinks_at_once_hide_nothing_that_they_do_not_move():
    """The last bias's gradient is the sum of dy, on whatever branch."""

    def spoil(answer):
        dparams = answer.dparams
        dparams[3]["b"][0] *= np.float32(1.001)
        return answer

    network, params, x = _all_at_once()
    rows = compare_vjp(network, x=x, params=params, adapters=[honest(0, spoil)])
    verdicts = dict(zip(rows.leaf, rows.verdict, strict=True))
    assert verdicts["3.b"] == "mismatch", rows.to_string()
    assert not {"mismatch"} & {v for leaf, v in verdicts.items() if leaf != "3.b"}


WINDING = (22, 44, 49, 74)  # of 80 seeds, those where single flips lead nowhere


def _four_at_once(seed):
    """A channel that hardly depends on the pixel: which is the largest of four is rounding."""
    rng = np.random.default_rng(seed)
    network = Sequential(Conv2d(2, 3, 1), GlobalMaxPool2d(), Dense(3, 2))
    params = as_dtype(network.init(rng), np.float32)
    params[0]["W"][0] *= np.float32(1e-7)
    params[0]["b"][...] = rng.standard_normal(3)
    return network, params, rng.standard_normal((2, 2, 2, 2)).astype(np.float32)


def test_the_largest_of_four_is_found_where_one_flip_leads_nowhere(installed):
    """Whoever was the largest so far is asked again: flips that are made together."""
    resolved = 0
    for seed in WINDING:
        network, params, x = _four_at_once(seed)
        rows = compare_vjp(network, x=x, params=params, seed=seed, adapters=installed)
        assert set(rows.verdict) <= GOOD, rows[~rows.verdict.isin(GOOD)].to_string()
        resolved += (rows.finding == "kinks resolved").sum()
    assert resolved > 4


def test_flips_that_are_made_together_hide_no_error():
    def spoil(got):
        got.dparams[2]["W"][...] *= np.float32(1 + 1e-3)
        return got

    for seed in WINDING:
        network, params, x = _four_at_once(seed)
        rows = compare_vjp(network, x=x, params=params, seed=seed, adapters=[honest(seed, spoil)])
        wrong = rows[~rows.verdict.isin(GOOD)]
        assert wrong.leaf.tolist() == ["2.W"], rows.to_string()
        assert wrong.verdict.tolist() == ["mismatch"]


@pytest.mark.parametrize("loss", [Hinge("mean"), L1Loss()], ids=str)
def test_an_error_beside_the_kink_of_its_own_entry_is_no_mixture(loss):
    """A billionth of the other branch is neither branch, and not half of both."""
    for i, sample in enumerate(type(loss).samples()):
        rng = np.random.default_rng(i)
        x, target = (as_dtype(draw(rng), np.float64) for draw in (sample.x, sample.target))
        problem = vjp_problem(sample.spec, x, None, None, target, "float64", i)
        small = [
            row for row in planted(problem, i) if 1e-9 <= row["size"] < 1
        ]  # 1 is the other one
        assert all(row["caught"] for row in small)


@pytest.mark.parametrize(("asked", "decidable"), [(1, True), (3, True), (4, False)])
def test_an_entry_asked_more_often_than_can_be_tried_is_not_decidable(
    asked, decidable, monkeypatch
):
    """Where nothing that was tried explains the candidate: two numbers are left."""
    left = kinks.Resolution(None, decidable=True, beyond=2.0)
    monkeypatch.setattr(kinks, "_resolved", lambda *given: left)
    expected = SimpleNamespace(ambiguous=[Kink(call, 7) for call in range(asked)])
    assert kinks.resolve(expected, {}, 64).decidable == decidable


@pytest.mark.parametrize(
    ("distance", "decidable"),
    [((300.0, 300.0), False), ((300.0, -300.0), True), ((9000.0, 9000.0), True)],
)
def test_what_a_mixture_of_branches_explains_is_not_decidable(distance, decidable):
    """Three branches that differ by less than noise; whatever lies beyond them is a mistake."""
    branches = [np.array([1000.0, 1000.0 + off]) for off in (0.0, 0.1, 0.3)]
    _, told = kinks._least_squares(branches[1:], np.array(distance), 64)
    assert told == decidable
