"""Wrong implementations of every family in large networks: each is shrunk to what shows it."""

from __future__ import annotations

import statistics
from functools import partial

import numpy as np
import pytest

import backproof as bp
from backproof.comparisons.diagnosis.verdicts import Cause, Diagnosis
from backproof.comparisons.mutants import adapter, mutants
from backproof.comparisons.shrinking.cause import diagnosis, named
from backproof.comparisons.shrinking.nodes import count

quick = partial(bp.shrink, diagnose=False)  # the cause has tests of its own

MLP = bp.Sequential(
    bp.Dense(6, 9), bp.Tanh(), bp.Dense(9, 8), bp.LayerNorm(8), bp.ReLU(),
    bp.Residual(bp.Sequential(bp.Dense(8, 12), bp.GELU("tanh"), bp.Dense(12, 8))),
    bp.Sigmoid(), bp.Dense(8, 5), bp.Softmax(),
)  # fmt: skip
IMAGES = bp.Sequential(
    bp.Conv2d(2, 6, 3, stride=2, padding=1), bp.BatchNorm2d(6), bp.ReLU(),
    bp.Conv2d(6, 4, 3, padding=1), bp.GroupNorm(2, 4), bp.AvgPool2d(2, padding=1), bp.Flatten(),
    bp.Dense(36, 7), bp.SiLU(), bp.Dense(7, 3),
)  # fmt: skip
WORDS = bp.Sequential(
    bp.Embedding(11, 6), bp.Outputs(bp.LSTM(6, 5)), bp.Dense(5, 8),
    bp.Residual(bp.MultiHeadAttention(8, 2, causal=True)), bp.RMSNorm(8), bp.SwiGLU(8, 8),
    bp.Dense(8, 4),
)  # fmt: skip
TRAINED = bp.Sequential(
    bp.Dense(4, 6), bp.Tanh(), bp.Dense(6, 6), bp.Sigmoid(), bp.Dense(6, 3)
)  # fmt: skip
SQUARES, CLASSES = bp.MeanSquaredError(), bp.SoftmaxCrossEntropy()


def gradients(network, *shape):
    rng = np.random.default_rng(3)
    x = rng.integers(0, 11, shape) if network is WORDS else rng.standard_normal(shape)
    return bp.Case.vjp(network, x=x, seed=1)


def training(rule, loss=CLASSES):
    rng = np.random.default_rng(3)
    batches = [
        (rng.standard_normal((8, 4)),
         rng.integers(0, 3, 8) if loss is CLASSES else rng.standard_normal((8, 3)))
        for _ in range(12)
    ]  # fmt: skip
    return bp.Case.training(TRAINED, loss, rule, batches=batches, seed=1)


MLPS, SQUARED, SGD = gradients(MLP, 7, 6), training(bp.SGD(0.1), SQUARES), bp.SGD(0.1, momentum=0.9)
CONVOLUTIONS, SEQUENCES = gradients(IMAGES, 4, 2, 9, 9), gradients(WORDS, 3, 6)
CASES = {
    "X01": MLPS, "D03": MLPS, "X16": MLPS, "X17": MLPS, "X19": MLPS, "X21": MLPS, "X24": MLPS,
    "X48": MLPS, "X50": MLPS, "X06": MLPS,
    "X72": CONVOLUTIONS, "X74": CONVOLUTIONS, "X75": CONVOLUTIONS, "X54": CONVOLUTIONS,
    "X62": CONVOLUTIONS, "X79": CONVOLUTIONS,
    "X82": SEQUENCES, "X84": SEQUENCES, "X86": SEQUENCES, "X61": SEQUENCES,
    "X13": SQUARED, "F04": training(bp.SGD(0.1, momentum=0.9, weight_decay=0.01)),
    "X107": training(bp.SGD(0.1, momentum=0.9, nesterov=True)), "X95": training(bp.Adam(0.01)),
    "X94": bp.Case.optimizer(bp.Adam(0.01), steps=15), "F02": training(SGD),
    "X12": training(SGD), "X119": training(SGD), "T02": training(SGD), "T08": training(SGD),
}  # fmt: skip
FOUND = {}


@pytest.mark.parametrize("id", CASES)
def test_a_mutant_is_shrunk_to_what_shows_it(id):
    mutant, case = mutants()[id], CASES[id]
    small = FOUND[id] = quick(case, adapter(mutant))
    assert not small.stopped
    assert (small.rows.verdict == "mismatch").any()
    assert (small.case.compare("numpy").verdict != "mismatch").all()
    spec = next(iter(small.case.specs.values()))
    loop = mutant.target.__name__ == "NumpyReference"
    assert (small.case.kind == "training") == loop
    assert loop or type(spec) is mutant.target
    assert count(spec) <= 2
    assert max(a.size for _, a in small.case.leaves()) <= 8
    assert small.case.steps <= 2


@pytest.mark.parametrize("id", ["X01", "X17", "X48", "X61", "X82", "X94"])
def test_the_cause_that_is_named_is_kept(id):
    """That of the layer alone: what a diagnosis of the whole names may be another."""
    small = bp.shrink(CASES[id], adapter(mutants()[id]))
    assert small.cause == id
    assert f"likely cause: {small.cause_in_words}\n" in str(small)
    assert mutants()[id].description in small.cause_in_words
    found = diagnosis(small.case, adapter(mutants()[id]))
    assert id in named(found)
    assert max(a.size for _, a in small.case.leaves()) <= 8


SOME = Diagnosis("mine", "case", causes=(Cause("id", "kind", "text", 1.0, 2.0, 3.0),))


def test_a_smaller_case_of_another_cause_is_refused(monkeypatch):
    causes = iter(["the right one", "another", "another"])
    search = "backproof.comparisons.shrinking.search"
    monkeypatch.setattr(f"{search}.named_causes", lambda found: [next(causes, "the right one")])
    monkeypatch.setattr(f"{search}.diagnosis", lambda case, adapter: SOME)
    told = []
    small = bp.shrink(CASES["X17"], adapter(mutants()["X17"]), progress=told.append)
    assert small.cause == "the right one"
    assert next(causes, None) is None
    assert small.case.specs == {"network": bp.Tanh()}


def test_how_small_and_how_fast():
    """The figures that the documentation quotes, within reason."""
    if len(FOUND) < len(CASES):
        pytest.skip("only some mutants were asked for")
    before, after = (statistics.median(getattr(s, which).numbers for s in FOUND.values())
                     for which in ("original", "case"))  # fmt: skip
    assert before > 400
    assert after <= 6
    assert statistics.median(s.evaluations for s in FOUND.values()) < 60


PAIRS = {
    "softmax before tanh": (MLPS, "X24", "X17"),
    "attention's norm before the cell": (SEQUENCES, "X61", "X84"),
    "the loss before the layer": (SQUARED, "X13", "X17"),
    "the activation before the normalisation": (CONVOLUTIONS, "X23", "X54"),
}


@pytest.mark.parametrize("which", PAIRS)
def test_the_other_of_two_mutants_is_left_behind(which):
    """Both in one candidate: what is found needs the one, and passes with the other alone."""
    case, *ids = PAIRS[which]
    first, second = (adapter(mutants()[id]) for id in ids)

    class Both(type(first)):
        def _changed(self, spec):
            return second._changed(super()._changed(spec))

    first.__class__ = Both
    small = quick(case, first)
    verdicts = {
        id: (small.case.compare([adapter(mutants()[id])]).verdict == "mismatch").any() for id in ids
    }
    assert sorted(verdicts.values()) == [False, True], verdicts
