"""Every wrong implementation is caught on the samples that the suite runs, by its own rules."""

from __future__ import annotations

import math
import re
from functools import cache
from itertools import chain

import pytest

from backproof import Adam, Dense, Residual, Sequential, Tanh
from backproof.adapters.numpy_reference import NumpyReference
from backproof.comparisons.mutants import mutants, mutants_of, substitute, wrong
from backproof.comparisons.mutants.inputs import own
from backproof.comparisons.mutants.score import EQUIVALENT, hunt, use_of
from backproof.comparisons.mutants.styles import STYLES
from backproof.reference import discovery

MUTANTS = mutants()
TARGETS = sorted({m.target for m in MUTANTS.values()}, key=lambda target: target.__name__)
DRAWN = [m.id for m in MUTANTS.values() if m.kind == "initialiser"]  # not off by a number

# What float32 cannot show: the mutation is smaller than honest rounding there, on every sample.
BELOW_FLOAT32 = {
    "F07": "a rate wrong by 1e-6 moves a weight by 17 roundings of its step, fewer of the weight",
    "T09": "a rate wrong by 1e-6 moves a weight by 17 roundings of its step, fewer of the weight",
    "T10": "in float32 there is no wider precision to fall from",
}

# The published list of mistakes, of which every row that was executed is here.
PUBLISHED = {
    f"X{n:02d}"
    for n in (1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 23, 24, 25,
              27, 29, 30, 33, 36, 37, 38, 39, 44, 45, 48, 50, 53, 54, 55, 56, 57, 58, 61, 62, 64,
              65, 66, 67, 68, 69, 70, 72, 73, 74, 75, 76, 79, 80, 81, 82, 83, 84, 86, 87, 88, 89,
              90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 102, 103, 105, 106, 107, 108, 109, 110,
              111, 112, 113, 116, 117, 118, 119, 120, 123, 124, 125)
}  # fmt: skip


@cache
def hunted(id, style, inputs="own"):
    return hunt(MUTANTS[id], STYLES[style], inputs)


@pytest.mark.parametrize("id", MUTANTS)
def test_every_mutant_is_caught_and_soon(id):
    found = hunted(id, "backproof")
    assert found.outcome == "killed", f"{MUTANTS[id].description}: {found.noise_ratio}"
    assert found.false_alarms == 0
    assert found.seconds < 2


@pytest.mark.parametrize("id", MUTANTS)
def test_float32_misses_exactly_what_its_rounding_hides(id):
    found = hunted(id, "backproof-float32")
    assert found.outcome == ("survived" if id in BELOW_FLOAT32 else "killed"), found.noise_ratio
    assert found.false_alarms == 0


@pytest.mark.parametrize("id", [id for id in MUTANTS if id not in DRAWN])
def test_no_mutant_is_equivalent(id):
    """Its numbers differ from the reference's, whatever the tolerances say of the difference."""
    found, mutant = hunted(id, "backproof"), MUTANTS[id]
    seen = (STYLES["backproof"].judge(mutant, trial) for trial in own(mutant.target))
    assert any(s.difference > EQUIVALENT or s.noise_ratio == math.inf for s in chain([found], seen))


@pytest.mark.parametrize("style", ["backproof", "backproof-float32"])
@pytest.mark.parametrize("target", TARGETS)
def test_the_right_implementation_passes(target, style):
    """Put in the place of itself, as the mutants are, it matches."""
    assert use_of(STYLES[style], own(target)[0], target) == "of use"


def test_the_registry_is_large_and_complete():
    assert len(MUTANTS) >= 396
    assert len(PUBLISHED) >= 94
    assert not PUBLISHED - set(MUTANTS)
    assert set(TARGETS) == {*discovery.everything().values(), NumpyReference}
    for mutant in MUTANTS.values():
        told = mutant.record()
        assert all(told.values()), told
        assert not told["misses"].endswith("."), told


def test_mutants_are_found_by_what_they_are_wrong_versions_of():
    assert {m.id for m in mutants_of(Adam)} >= {"X94", "X99", "F10"}
    assert {m.subject for m in mutants_of(NumpyReference)} == {"TrainingLoop"}
    assert MUTANTS["X99"].family == "adam"
    assert MUTANTS["X99"].kind == "optimizer"
    assert "np.sqrt(v + self.eps)" in MUTANTS["X99"].code


# Words that claim something, and the usual style of test that must bear it out.
CLAIMS = {
    r"gradient check passes": "gradcheck",
    r"loss falls": "loss-fell",
    r"converges": "converges",
    r"golden vector at 5e-4": "golden",
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_what_is_said_of_weak_tests_is_so(claim):
    """A mutant of which it is said that such a test misses it does survive one."""
    said = [m.id for m in MUTANTS.values() if re.search(claim, m.misses)]
    assert said
    for id in said:
        outcomes = (hunted(id, CLAIMS[claim], inputs).outcome for inputs in ("typical", "own"))
        assert any(outcome != "killed" for outcome in outcomes), MUTANTS[id].misses


def test_a_mutant_is_put_in_at_every_depth():
    network = Sequential(Dense(2, 2), Residual(Sequential(Tanh(), Dense(2, 2))))
    wrong = substitute(network, Dense, MUTANTS["X01"].make)
    assert type(wrong.layers[0]) is type(wrong.layers[1].inner.layers[1]) is not Dense
    assert wrong.layers[0].n_in == 2
    assert type(wrong.layers[1].inner.layers[0]) is Tanh
    assert type(network.layers[0]) is type(network.layers[1].inner.layers[1]) is Dense


def test_an_id_is_given_once():
    with pytest.raises(ValueError, match="two mutants have the id X01"):
        wrong("X01", "again")(type("Again", (Dense,), {}))
