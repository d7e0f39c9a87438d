"""The search for a smaller case that still fails: greedy, in the order of ``PASSES``.

A case is smaller than another by, in this order: the kind of comparison (no training where a
gradient or an optimizer alone shows the failure), steps, layers, numbers, the length of its specs,
and how simple its numbers are. Only what is smaller and still fails is kept, so the search ends,
and no chance is in it.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...adapters.loading import load
from ...adapters.protocols import Adapter
from ...reference.protocols import Array
from ...reference.tree import leaves
from ..case import Case
from ..cases import CaseError
from ..expressions import expression
from .cause import diagnosis
from .cause import named as named_causes
from .failure import Failure, Keeps, Wanted, named, shaken, wanted
from .nodes import count, nodes, tried

if TYPE_CHECKING:
    import pandas as pd

SECONDS, EVALUATIONS = 60.0, 3000


class Spent(Exception):
    """The time, or the number of comparisons, is used up."""


class Search:
    """The smallest failing case so far, and what may still be spent on a smaller one."""

    def __init__(
        self, case: Case, candidate: str | Adapter, keeps: Keeps | None,
        seconds: float, evaluations: int, progress: Callable[[str], None] | None,
    ) -> None:  # fmt: skip
        self.adapter = load(candidate) if isinstance(candidate, str) else candidate
        self.name = named(candidate)
        self.began, self.evaluations = time.monotonic(), 0
        self._seconds, self._most, self._progress = seconds, evaluations, progress
        self._keeps, self._seen = keeps, set[Any]()
        self.case, self._least = case, least_integer(case)
        self.rows = case.compare([_as(self.name, self.adapter)])
        self.evaluations += 1
        found = wanted(case, self.rows, self.compare, keeps)
        if found is None:
            why = f"{self.name} does not disagree on {case.label}"
            if keeps is not None:
                why = "keeps says no to the case itself"
            raise CaseError(f"{why}: there is nothing to shrink")
        self.wanted: Wanted = found
        self.cause = self.cause_in_words = ""
        self.at_first: Failure | None = found.failure

    def compare(self, case: Case) -> pd.DataFrame | None:
        """The candidate's rows, or None where there are none."""
        self.evaluations += 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes and numbers that nobody would choose
            try:
                return case.compare([_as(self.name, self.adapter)])
            except Exception:
                return None

    def better(self, proposal: Case | None) -> bool:
        """Keep the proposal if it is smaller and still fails; raises Spent."""
        if proposal is None or not smaller(proposal, self.case) or self._was_seen(proposal):
            return False
        if least_integer(proposal) < self._least:
            return False  # updates are counted from 1, and classes from 0
        self._check_means()
        rows = self.compare(proposal)
        if rows is None or not self.wanted.holds(proposal, rows):
            return False
        if self.wanted.steady:
            off = shaken(proposal)
            again = self.compare(off)
            if again is None or not self.wanted.holds(off, again):
                return False
        if self.cause and self.cause not in self._causes(proposal):
            return False
        self._keep(proposal, rows)
        return True

    def first(self, proposals: Iterable[Case | None]) -> bool:
        """Keep the first of the proposals that is better; False where none is."""
        return any(self.better(proposal) for proposal in proposals)

    def part(self, proposal: Case) -> bool:
        """Keep a part of the case that fails alike, and from now on want what it shows.

        Raises Spent.
        """
        if self._was_seen(proposal):
            return False
        self._check_means()
        rows = self.compare(proposal)
        if rows is None or not self.wanted.alike(proposal, rows):
            return False
        found = wanted(proposal, rows, self.compare, self._keeps)
        if found is None or (self.wanted.steady and not found.steady):
            return False
        self.wanted = found
        self._keep(proposal, rows)
        return True

    def name_cause(self) -> None:
        """From now on, want the cause that a diagnosis of the case names, if it names one."""
        found = diagnosis(self.case, _as(self.name, self.adapter))
        for cause in named_causes(found)[:1]:
            self.cause, self.cause_in_words = cause, found.causes[0].text if found else ""

    def _causes(self, case: Case) -> list[str]:
        return named_causes(diagnosis(case, _as(self.name, self.adapter)))

    def _check_means(self) -> None:
        if self.evaluations >= self._most:
            raise Spent("comparisons")
        if time.monotonic() - self.began > self._seconds:
            raise Spent("time")

    def _was_seen(self, case: Case) -> bool:
        content = tuple((path, a.shape, a.tobytes()) for path, a in case.leaves())
        key = hash((case.kind, str(case.specs), content))
        known = key in self._seen
        self._seen.add(key)
        return known

    def _keep(self, case: Case, rows: pd.DataFrame) -> None:
        self.case, self.rows = case, rows
        if self._progress:
            self._progress(f"{self.evaluations} tried, now {described(case)}")


@dataclass(frozen=True)
class _Named:
    """The adapter under the name that the rows have."""

    name: str
    adapter: Any

    def __getattr__(self, method: str) -> Any:
        return getattr(self.adapter, method)


def _as(name: str, adapter: Adapter) -> Any:
    return adapter if getattr(adapter, "name", None) == name else _Named(name, adapter)


def described(case: Case) -> str:
    """The size of a case in a few words."""
    layers = count(case.specs["network"]) if "network" in case.specs else 0
    told = [(case.steps, "step"), (layers, "layer"), (case.numbers, "number")]
    return ", ".join(f"{n:,} {what}{'' if n == 1 else 's'}" for n, what in told if n)


def size(case: Case) -> tuple[int, ...]:
    """What is compared first: kind, steps, layers, numbers, length of the specs."""
    specs = case.specs.values()
    text = sum(len(tried(expression, spec) or repr(spec)) for spec in specs)
    return case.kind == "training", case.steps, sum(map(nodes, specs)), case.numbers, text


def smaller(a: Case, b: Case) -> bool:
    """Whether a is smaller than b."""
    sizes = size(a), size(b)
    if sizes[0] != sizes[1]:
        return sizes[0] < sizes[1]
    return worth(a) < worth(b)


def least_integer(case: Case) -> float:
    """The smallest of the integers in the case."""
    return min((float(a.min()) for _, a in case.leaves() if a.dtype.kind in "iu"), default=math.inf)


def worth(case: Case) -> float:
    """How far the numbers are from simple: 0 counts nothing, 1 little, a long decimal much."""
    return sum(_worth(a) for _, a in leaves(case.arrays))


def _worth(a: Array) -> float:
    values, counts = np.unique(np.abs(a) if a.dtype.kind != "b" else a, return_counts=True)
    costs = [0 if v == 0 else 1 if v == 1 else len(str(v).removesuffix(".0")) + 1 for v in values]
    negative = np.count_nonzero(np.signbit(a)) if a.dtype.kind == "f" else np.sum(a < 0)
    return float(counts @ np.array(costs)) + 0.5 * float(negative)
