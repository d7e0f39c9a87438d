"""Initialisers: which other distribution a candidate draws from, by the test that judges it.

Numbers that are drawn have no noise of rounding, so that the search of the others does not serve.
Each hypothesis of the registry is a law instead, which the test of ``distributions`` refutes or
does not, in three looks: an eighth of the draws refutes most laws, all of them nearly all the
others, and eight times as many, for which the candidate is asked again with another seed, tell
apart what is left. A right law fails a look with a probability of at most ``LEVEL``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ...adapters.protocols import Adapter
from ...reference.protocols import Array, Initialiser
from .. import cases
from ..distributions import Drawing, judged
from ..records import Comparison
from ..rows import Context
from .evidence import ENOUGH, MOST
from .fitting import STEPS, Fitted, snapped
from .parts import Part
from .registry import Family, Proposal, hypotheses, proposed
from .search import PLAUSIBLE, RIVAL, Element, Explanation
from .verdicts import Cause, Diagnosis, Where, told

TIMES = 8  # as many draws from one look to the next
LARGEST = 2e7  # numbers that a candidate is asked for again at most
STREAM = 3  # of random numbers, that hypotheses draw from
WITHIN = 3.0  # standard errors that a fitted number may be off
FAR = math.log(1000)  # of its right value that a fitted number may be
TESTED = ("distribution", "lengths", "angles")


def other_distribution(
    asked: Drawing, adapter: Adapter, candidate: str, case: str, without: frozenset[str]
) -> Diagnosis:
    """The diagnosis of a candidate's draws; ``without`` as for ``diagnosed``."""
    with cases.one_thread(), np.errstate(all="ignore"):
        try:
            got = asked.ask(adapter)
        except Exception as error:
            return Diagnosis(candidate, case, answer=f"it raises {type(error).__name__}: {error}")
        rows = Look(asked, got).rows(asked.initialiser)
        wrong = [row for row in rows if row.verdict == "mismatch"]
        if not wrong:
            return Diagnosis(candidate, case, matches=True)
        if wrong[0].finding:
            return Diagnosis(candidate, case, answer=f"it gives {wrong[0].reason}")
        search = DrawnSearch(asked, adapter, got, without)
        causes = tuple(_cause(e, wrong) for e in search.run())
        where = Where(quantity=wrong[0].quantity, off=wrong[0].minimum_passing)
        return Diagnosis(
            candidate, case, where, causes, tried=search.tried, draws=search.looks[-1].draws
        )


@dataclass(frozen=True)
class Look:
    """Draws of a candidate, beside those of any law."""

    asked: Drawing
    got: Array

    @property
    def draws(self) -> int:
        """How many numbers are tested, or matrices where their entries are not independent."""
        return self.got.size if self.asked.initialiser.independent else len(self.got)

    def rows(self, law: Initialiser) -> list[Comparison]:
        """The candidate's draws, judged as if they should be those of the law."""
        context = Context("", "initialiser", self.asked.dtype)
        independent = law.independent and self.asked.initialiser.independent
        return judged(context, independent, self.asked.drawn(law, STREAM), self.got)

    def first(self, share: int) -> Look:
        """One of so many equal shares of it."""
        count = -(-self.asked.count // share)
        return Look(replace(self.asked, count=count), self.got[:count])


def bits_against(rows: list[Comparison]) -> float:
    """What draws tell against a law: minus log2 of the probability of such a distance, or more."""
    return max(
        max(0.0, (row.noise_ratio**2 - math.log(2)) / math.log(2)) if row.quantity in TESTED
        else MOST * (row.verdict == "mismatch") for row in rows
    )  # fmt: skip


@dataclass
class DrawnSearch:
    """Every law that the hypotheses propose, alone and then times a constant."""

    asked: Drawing
    adapter: Adapter
    got: Array
    without: frozenset[str] = frozenset()
    tried: dict[str, int] = field(default_factory=dict)

    @cached_property
    def looks(self) -> list[Look]:
        """From the fewest draws to the most."""
        whole = Look(self.asked, self.got)
        return [whole.first(TIMES), whole, *self._again()]

    def _again(self) -> Iterator[Look]:
        """More draws, where the candidate can be asked for so many."""
        asked = self.asked
        more = replace(asked, count=TIMES * asked.count, seed=asked.seed + 1)
        if more.count * self.got[0].size <= LARGEST:
            try:
                got = more.ask(self.adapter)
            except Exception:  # it need not answer other questions
                return
            if got.shape == (more.count, *self.got.shape[1:]) and got.dtype == self.got.dtype:
                yield Look(more, got)

    @cached_property
    def part(self) -> Part:
        """The initialiser, as hypotheses are asked about it."""
        return Part(self.asked.initialiser, (0,), rerun=lambda spec: spec)

    @cached_property
    def _against_right(self) -> float:
        return bits_against(self.looks[1].rows(self.asked.initialiser))

    def run(self) -> list[Explanation]:
        """The explanations, best first, as far as they rival the best."""
        single = [Explanation((e,), frozenset()) for e in self._elements()]
        found = self._surviving(single) or self._surviving(self._pairs(single))
        found.sort(key=lambda e: e.cost + e.strain)
        best = found[0].cost + found[0].strain if found else 0.0
        return [e for e in found if e.cost + e.strain <= best + RIVAL]

    def _elements(self) -> Iterator[Element]:
        for h in hypotheses():
            for proposal in proposed(h, self.part, self.without):
                self.tried[h.kind] = self.tried.get(h.kind, 0) + 1
                for option in self._settled(proposal, Explanation((), frozenset())):
                    yield Element(self.part, option)

    def _pairs(self, single: list[Explanation]) -> Iterator[Explanation]:
        """Another law, times a constant."""
        families = [p for h in hypotheses() if h.kind == "a constant"
                    for p in proposed(h, self.part, self.without)]  # fmt: skip
        for base in single:
            if base.cost < PLAUSIBLE:
                for proposal in families:
                    for option in self._settled(proposal, base):
                        elements = (*base.elements, Element(self.part, option))
                        yield Explanation(elements, frozenset())

    def _surviving(self, some: Iterator[Explanation] | list[Explanation]) -> list[Explanation]:
        return [e for e in map(self._judged, some) if e and e.worth >= ENOUGH]

    def _judged(self, e: Explanation) -> Explanation | None:
        """The explanation with its evidence, None where a look refutes it."""
        rows: list[Comparison] = []
        try:
            (law,) = e.applied((self.asked.initialiser,))
            for look in self.looks:
                rows = look.rows(law)
                if any(row.verdict != "match" for row in rows):
                    return None
        except Exception:  # a proposal need not be possible
            return None
        ratio = max(row.noise_ratio for row in rows)
        return replace(e, ratio=ratio, bits=self._against_right, strain=bits_against(rows))

    def _settled(self, proposal: Proposal | Family, base: Explanation) -> Iterator[Proposal]:
        """The proposal, or a family's with its number fitted on top of a base."""
        if isinstance(proposal, Proposal):
            yield proposal
            return
        try:
            fitted = self._fitted(proposal, base)
        except Exception:  # it need not be possible
            return
        if fitted:
            entry = math.log2(max(abs(fitted.value) / fitted.tolerance, 1.0))
            yield from snapped(proposal, fitted, self.part, entry)

    def _fitted(self, family: Family, base: Explanation) -> Fitted | None:
        """The number that makes the draws as large as the candidate's: a secant on their logs."""
        (right,) = base.applied((self.asked.initialiser,))
        goal, error, start = self._log_size(self.got), WITHIN * self._error, family.start

        def value(t: float) -> float:
            return start * math.exp(t) if start else t

        def off(t: float) -> float:
            return self._log_size(self.asked.drawn(family.make(value(t))(right), STREAM)) - goal

        t0, t1 = 0.0, 0.1
        e0, e1 = off(t0), off(t1)
        for _ in range(STEPS):
            slope = (e1 - e0) / (t1 - t0)
            if not (math.isfinite(slope) and slope):
                return None
            if abs(e1) < error / 100:
                by = abs(value(t1)) if start else 1.0
                return Fitted(value(t1), by * error / abs(slope))
            t2 = t1 - e1 / slope
            if t2 == t1 or (start and abs(t2) > FAR):
                return None
            t0, e0, t1, e1 = t1, e1, t2, off(t2)
        return None

    @staticmethod
    def _log_size(draws: Array) -> float:
        return float(np.log(np.mean(np.square(draws, dtype=np.float64)))) / 2

    @cached_property
    def _error(self) -> float:
        """The standard error of the difference of two log rms, from the fourth moment."""
        squares = np.square(self.got.ravel(), dtype=np.float64)
        n = squares.size if self.asked.initialiser.independent else len(self.got)
        return float(np.std(squares) / np.mean(squares) / math.sqrt(2 * n))


def explains(asked: Drawing, adapter: Adapter, e: Explanation) -> bool:
    """Whether an explanation holds on other draws of a candidate, and the right law does not."""
    look = Look(asked, asked.ask(adapter))
    laws = asked.initialiser, *e.applied((asked.initialiser,))
    right, other = (all(row.verdict == "match" for row in look.rows(law)) for law in laws)
    return other and not right


def _cause(e: Explanation, wrong: list[Comparison]) -> Cause:
    return Cause(
        e.id, " and ".join(dict.fromkeys(x.proposal.kind for x in e.elements)), told(e), e.ratio,
        max(row.noise_ratio for row in wrong), e.worth, tuple(row.quantity for row in wrong), e,
    )  # fmt: skip
