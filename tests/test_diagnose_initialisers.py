"""Initialisers: the law that wrong draws are from is named, and what is of no known law is not.

Seeds are fixed. With others, a right cause is refuted with a probability of at most 1e-9 in each
of three looks, and correct draws are called wrong with one of 1e-9.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

import backproof as bp
from backproof.adapters.numpy_reference import NumpyReference
from backproof.comparisons.campaign.diagnosed import right_ranks
from backproof.comparisons.diagnosis.diagnose import diagnosed
from backproof.comparisons.diagnosis.verdicts import UNKNOWN
from backproof.comparisons.distributions import drawing
from backproof.comparisons.mutants import adapter, mutants

DENSE, KERNEL = (60, 25), (6, 8, 3, 3)
MUTANTS = [m for m in mutants().values() if m.kind == "initialiser"]
RIGHT = NumpyReference()


def of_law(draw):
    """A candidate that draws all weights at once, with a generator of its own."""

    def drawn(initialiser, shape, count, dtype, seed):
        return draw(np.random.default_rng([seed, 9]), (count, *shape)).astype(dtype)

    return bp.Candidate("mine", draw=drawn)


def like(other):
    return bp.Candidate("mine", draw=lambda initialiser, *given: RIGHT.draw(other, *given))


@pytest.mark.parametrize("mutant", MUTANTS, ids=[m.id for m in MUTANTS])
def test_every_mutant_gets_its_cause_first(mutant):
    seen = 0
    for sample in mutant.target.samples():
        shape = tuple(int(n) for n in sample.x(None))
        found = bp.diagnose_initialiser(sample.spec, adapter=adapter(mutant), shape=shape)
        if not found.matches:  # square, or without taps
            seen += 1
            judge = drawing(sample.spec, shape, "float32", 5)
            assert right_ranks(found, mutant, judge)[:1] == [0], found
            assert mutant.id in {cause.id for cause in found.causes}
    assert seen


NORMAL, UNIFORM = bp.XavierNormal(), bp.XavierUniform()
SD = math.sqrt(2 / (DENSE[0] + DENSE[1]))


def lecun_of_fan_out(rng, shape):
    W = bp.TruncatedNormal().draw(rng, shape)
    return W / 0.87962566103423978 / math.sqrt(shape[-1])  # the deviation that the cut leaves


def cut_at_one(rng, shape):
    return SD / 0.5395600 * bp.TruncatedNormal(cut=1.0).draw(rng, shape)


def turned(Q, R):
    return Q * np.sign(np.diagonal(R, axis1=1, axis2=2))[:, None]


def by_the_last(rng, shape):
    count, *rest, last = shape
    return turned(*np.linalg.qr(rng.standard_normal((count, math.prod(rest), last)))).reshape(shape)


CASES = {
    "fan-in and fan-out exchanged": (
        bp.LeCunNormal(), DENSE, of_law(lecun_of_fan_out)),
    "(O, I, K, ...) taken for (K, ..., I, O)": (
        bp.LeCunUniform(), KERNEL,
        of_law(lambda rng, s: rng.uniform(-1, 1, s) * math.sqrt(3 / (3 * 6 * 8)))),
    "the kernel's taps left out of the fan": (
        bp.KaimingNormal(), KERNEL, of_law(lambda rng, s: rng.normal(0, math.sqrt(2 / 8), s))),
    "the variance taken for the deviation": (
        NORMAL, DENSE, of_law(lambda rng, s: rng.normal(0, SD**2, s))),
    "the deviation taken for the variance": (
        NORMAL, DENSE, of_law(lambda rng, s: rng.normal(0, math.sqrt(SD), s))),
    "the deviation taken for the bound: √3 left out": (
        UNIFORM, DENSE, of_law(lambda rng, s: rng.uniform(-SD, SD, s))),
    "uniform numbers of the same deviation": (
        NORMAL, DENSE, of_law(lambda rng, s: rng.uniform(-1, 1, s) * SD * math.sqrt(3))),
    "XavierNormal.gain=2": (NORMAL, DENSE, like(bp.XavierNormal(2.0))),
    "XavierNormal.gain=0.36": (bp.XavierNormal(0.6), DENSE, like(bp.XavierNormal(0.36))),
    "XavierNormal.gain=0.73": (NORMAL, DENSE, like(bp.XavierNormal(0.73))),
    "LeCunUniform: times=0.73": (
        bp.LeCunUniform(), DENSE,
        of_law(lambda rng, s: 0.73 * rng.uniform(-1, 1, s) * math.sqrt(3 / DENSE[0]))),
    "TruncatedNormal: not cut": (
        bp.TruncatedNormal(), DENSE, of_law(lambda rng, s: rng.standard_normal(s))),
    "normal numbers cut at 1 deviations and widened": (
        NORMAL, DENSE, of_law(cut_at_one)),
    "torch.nn.Linear's own": (
        bp.KaimingUniform(), DENSE,
        of_law(lambda rng, s: rng.uniform(-1, 1, s) / math.sqrt(DENSE[0]))),
    "KaimingNormal(mode='fan_in', slope=0.0)": (bp.LeCunNormal(False), DENSE,
                                               like(bp.KaimingNormal())),
    "LeCunUniform as Zeros()": (bp.LeCunUniform(), DENSE, of_law(lambda rng, s: np.zeros(s))),
    "Orthogonal(gain=1.0)": (NORMAL, DENSE, like(bp.Orthogonal())),
    "Orthogonal.gain=1": (bp.Orthogonal(1.4), (5, 3), like(bp.Orthogonal())),
    "a kernel flattened to (all others, last)": (bp.Orthogonal(), (4, 3, 5), of_law(by_the_last)),
    "the QR decomposition of uniform numbers": (bp.Orthogonal(), (5, 3), of_law(
        lambda rng, s: turned(*np.linalg.qr(rng.random(s))))),
}  # fmt: skip


@pytest.mark.parametrize("wanted", CASES)
def test_each_hypothesis_names_its_case(wanted):
    spec, shape, candidate = CASES[wanted]
    problem = drawing(spec, shape, "float32", 1)
    found = diagnosed(problem, candidate, without=frozenset({"known mistake"}))
    assert wanted in found.id, found
    assert "+" not in found.id
    assert found.causes[0].noise_ratio < math.sqrt(math.log(2e9)) < found.causes[0].without


STRANGE = {
    "laplace": lambda rng, s: rng.laplace(0, SD / math.sqrt(2), s),
    "triangular": lambda rng, s: rng.triangular(-2.4 * SD, 0, 2.4 * SD, s),
    "lopsided": lambda rng, s: SD * (rng.exponential(1.0, s) - 1),
    "sparse": lambda rng, s: rng.normal(0, SD, s) * (rng.random(s) < 0.7),
    "moved": lambda rng, s: rng.normal(SD / 3, SD, s),
    "two of them": lambda rng, s: rng.normal(0, np.where(rng.random(s) < 0.5, 0.3, 1.4) * SD),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_random_wrong_distribution_is_unknown(name):
    found = bp.diagnose_initialiser(NORMAL, adapter=of_law(STRANGE[name]), shape=(100, 120))
    assert (found.id, found.matches) == (UNKNOWN, False), found
    assert "unknown. Ruled out, each by its draws: " in str(found)


def test_a_law_and_a_constant_at_once():
    mine = of_law(lambda rng, s: 0.37 * SD * math.sqrt(3) * rng.uniform(-1, 1, s))
    found = bp.diagnose_initialiser(NORMAL, adapter=mine, shape=DENSE)
    assert "uniform numbers of the same deviation" in found.id
    assert "times=0.37" in found.id


def test_correct_draws_have_nothing_wrong(initialiser):
    shape = tuple(int(n) for n in initialiser.sample.x(None))
    found = bp.diagnose_initialiser(initialiser.spec, adapter="numpy", shape=shape, seed=2)
    assert (found.matches, found.id) == (True, ""), found


def test_what_draws_do_not_tell_apart_is_said():
    found = bp.diagnose_initialiser(NORMAL, adapter=of_law(lambda rng, s: rng.normal(0, SD**2, s)),
                                    shape=DENSE)  # fmt: skip
    assert "the variance taken for the deviation: noise ratio" in found.cause
    assert ". 804,000 draws do not tell it from: XavierNormal with this mistake" in found.cause
    assert found.where.name == "distribution"
    assert found.where.off > 0.3


def test_one_answer_is_enough():
    """A candidate that cannot draw again, or more, is judged by what it has drawn."""
    once = RIGHT.draw(bp.XavierNormal(2.0), DENSE, 67, np.dtype("float32"), 0)
    found = bp.diagnose_initialiser(NORMAL, adapter=bp.Candidate("mine", draw=lambda *_: once),
                                    shape=DENSE)  # fmt: skip
    assert found.id == "XavierNormal.gain=2"
    assert found.draws == once.size == 100_500


def test_compare_names_the_cause():
    rows = bp.compare_initialiser(
        bp.Orthogonal(), shape=(5, 3), adapters=["numpy", adapter(mutants()["IN09"])], diagnose=True
    )
    told = rows[rows.verdict == "mismatch"]
    assert set(told.candidate) == {"IN09"}
    assert told.cause.str.contains("normal numbers of the same size, not orthogonal").all()
    assert (rows[rows.verdict == "match"].cause == "").all()


@pytest.mark.parametrize("shape", [5, (4, 0), (4, -1), (4, 2.5), "ab"])
def test_a_shape_that_is_none(shape):
    with pytest.raises(bp.CaseError, match="give a tuple of sizes from 1"):
        bp.diagnose_initialiser(bp.Zeros(), adapter="numpy", shape=shape)


def test_bad_input_is_told():
    with pytest.raises(bp.CaseError, match="has no fan-in"):
        bp.diagnose_initialiser(NORMAL, adapter="numpy", shape=(3,))
    with pytest.raises(bp.CaseError, match="is no initialiser: it has no draw"):
        bp.diagnose_initialiser(bp.Tanh(), adapter="numpy", shape=DENSE)
    with pytest.raises(bp.UnknownName):
        bp.diagnose_initialiser(NORMAL, adapter="nobody", shape=DENSE)
    with pytest.raises(ValueError, match="std and cut must be positive"):
        dataclasses.replace(bp.TruncatedNormal(), cut=0.0)  # would be drawn anew for ever


@pytest.mark.parametrize(("answer", "said"), [
    (lambda *_: np.zeros(3), r"it gives float64 \(3,\) instead of float32 \(67, 60, 25\)"),
    (lambda *_: np.full((67, 60, 25), np.nan, np.float32), "100500 entries are not finite"),
    (lambda *_: 1 / 0, "it raises ZeroDivisionError"),
])  # fmt: skip
def test_an_answer_that_is_none_is_said_to_be(answer, said):
    found = bp.diagnose_initialiser(NORMAL, adapter=bp.Candidate("mine", draw=answer), shape=DENSE)
    assert (found.id, found.causes) == (UNKNOWN, ())
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(str(found))
