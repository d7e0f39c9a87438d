"""Shrinking: the smallest case that still fails for the same reason.

``shrink(case, candidate)`` first finds the step and the layer that are wrong, each fed what the
reference gives it there, then leaves out steps and layers, makes sizes smaller, and at last makes
the numbers simple.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...adapters.protocols import Adapter
from ..case import Case
from .failure import Failure, Keeps
from .locating import locate
from .search import EVALUATIONS, SECONDS, Search, Spent, described, size
from .sizes import simpler_specs, smaller_sizes
from .structure import fewer_layers, fewer_steps, fewer_weights
from .values import simpler_values

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SECONDS", "Failure", "Keeps", "Shrunk", "described", "shrink", "size"]

PASSES: tuple[Callable[[Search], None], ...] = (
    fewer_steps, fewer_layers, fewer_weights, simpler_specs, smaller_sizes, simpler_values,
)  # fmt: skip


@dataclass(frozen=True)
class Shrunk:
    """The smallest failing case that was found, and what it took.

    ``rows`` are the candidate's on ``case``; ``failure`` what is kept, and ``at_first`` what went
    wrong first on the ``original``, or None; ``stopped`` is "time" or "comparisons" where these
    ran out; ``cause`` the id of the cause that was kept, "" where no diagnosis names one.
    """

    original: Case
    case: Case
    rows: pd.DataFrame
    at_first: Failure | None
    failure: Failure | None
    evaluations: int
    seconds: float
    stopped: str
    cause: str
    cause_in_words: str

    def __str__(self) -> str:
        pairs = (("from", self.original, self.at_first), ("to", self.case, self.failure))
        lines = [
            f"{word} {described(case)}" + (f"; wrong in {failure}" if failure else "")
            for word, case, failure in pairs
        ]
        lines += [f"likely cause: {self.cause_in_words}"] if self.cause else []
        end = f"; out of {self.stopped}: it may get smaller still" if self.stopped else ""
        lines.append(f"{self.evaluations:,} comparisons in {self.seconds:.1f} s{end}")
        return "\n".join(lines)


def shrink(
    case: Case, candidate: str | Adapter, *, keeps: Keeps | None = None, seconds: float = SECONDS,
    evaluations: int = EVALUATIONS, progress: Callable[[str], None] | None = None,
    diagnose: bool = True,
) -> Shrunk:  # fmt: skip
    """The smallest case found on which the candidate still fails for the same reason.

    ``candidate`` is the name of an adapter, or an object such as ``Candidate``. The same reason
    is: a mismatch of the same kind in the same quantity of the same kind of layer, loss or
    optimizer, for which a diagnosis names the same cause, if it names one and ``diagnose`` is not
    False; or whatever ``keeps`` says, which is given a case and the candidate's rows on it.
    The search ends after so many ``seconds`` or ``evaluations``, each of which is one comparison;
    ``progress`` is called with a line of text for each smaller case.

    Raises CaseError where the candidate does not fail on the case, UnknownName or
    MissingFramework for an adapter that cannot be loaded.
    """
    search = Search(case, candidate, keeps, seconds, evaluations, progress)
    stopped = ""
    try:
        locate(search)
        if diagnose and keeps is None:
            search.name_cause()
        before = None
        while search.case is not before:
            before = search.case
            for shrinking in PASSES:
                shrinking(search)
    except Spent as spent:
        stopped = str(spent)
    name = f"{case.name}, shrunk" if case.name else None
    small = search.case.replace(name=name, adapters=(search.name,))
    return Shrunk(
        case, small, search.rows.assign(case=small.label), search.at_first, search.wanted.failure,
        search.evaluations, time.monotonic() - search.began, stopped, search.cause,
        search.cause_in_words,
    )  # fmt: skip
