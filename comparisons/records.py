"""One comparison as a record, and the verdict that its numbers deserve.

Measuring and judging are apart: ``judge`` sees only what a saved row holds, so that results read
from a file can be judged again, with another constant if need be.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    import pandas as pd

Verdict = Literal[
    "match", "mismatch", "known divergence", "unexpected match", "structural zero", "unresolved",
    "unsupported", "error",
]  # fmt: skip
VERDICTS: tuple[str, ...] = get_args(Verdict)
BAD = ("mismatch", "unexpected match", "error")  # these make the exit code 1

# What a comparison met besides numbers, in the words of the "finding" column.
Finding = Literal[
    "", "unsupported", "error", "missing", "wrong shape", "wrong dtype", "not finite",
    "reference not finite", "past horizon", "kink on the way", "kinks resolved", "zero",
    "zero entries", "known divergence", "vacuous", "overflow", "swamped", "in doubt",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One row: a candidate's value of one leaf of one quantity, against the gold value.

    ``mode`` vjp, optimizer, lockstep or free-running; ``step`` counts from 1, 0 where there is
    none. Of the gold value's entries ``n_nonzero`` are not zero and ``n_distinct`` different from
    each other; of the candidate's ``n_finite`` are numbers (-1: not recorded, in old files);
    ``n_unresolved`` have a noise that is not linear, and are judged by how far that can go.
    ``tolerance`` is the absolute error allowed at ``worst_index``, ``minimum_passing`` the one
    found there, the least tolerance that would pass; ``resolution`` the error, relative to the
    largest entry, that would have been a mismatch in whichever entry it had been; ``origin`` what
    the tolerance rests on; ``linearity`` the test of ``tolerances``; ``reason`` is for people.
    """

    case: str
    mode: str
    optimizer: str = ""
    baseline: str
    candidate: str
    quantity: str = ""
    leaf: str = ""
    step: int = 0
    dtype: str
    shape: str = ""
    n_compared: int = 0
    n_nonzero: int = 0
    n_distinct: int = 0
    n_finite: int = 0
    n_unresolved: int = 0
    normwise_error: float = float("nan")
    componentwise_error: float = float("nan")
    max_ulp: float = float("nan")
    worst_index: str = ""
    noise_ratio: float = float("nan")
    allowed: float = float("nan")
    tolerance: float = float("nan")
    minimum_passing: float = float("nan")
    resolution: float = float("nan")
    linearity: float = 1.0
    origin: str = ""
    finding: Finding = ""
    verdict: Verdict = "error"
    reason: str = ""
    cause: str = ""


LINEAR = 4.0  # noise that does not scale within this factor is no small perturbation
COLUMNS = tuple(f.name for f in dataclasses.fields(Comparison))


def linear(linearity: float) -> bool:
    """Whether noise is proportional to its amplitude; NaN is not."""
    return 1 / LINEAR <= linearity <= LINEAR


def judge(
    finding: str, noise_ratio: float, allowed: float, linearity: float, n_compared: int
) -> Verdict:
    """The verdict of a row, from its finding and its numbers alone."""
    if finding == "unsupported":
        return "unsupported"
    if finding in ("error", "reference not finite", "missing", "vacuous") or n_compared == 0:
        return "error"
    if finding in ("wrong shape", "wrong dtype", "not finite"):
        return "mismatch"
    within = noise_ratio <= allowed  # NaN is never within
    if finding == "known divergence":
        return "unexpected match" if within else "known divergence"
    if finding == "zero" and within and linearity >= 1 / LINEAR:  # it may be a zero squared
        return "structural zero"
    if finding in ("past horizon", "overflow") or not linear(linearity):
        return "unresolved"
    if finding in ("kink on the way", "in doubt") and not within:
        return "unresolved"
    if finding == "swamped" and within:
        return "unresolved"
    return "match" if within else "mismatch"


def frame(rows: Iterable[Comparison]) -> pd.DataFrame:
    """The rows as one DataFrame whose columns are the fields of ``Comparison``."""
    import pandas as pd

    data = [[getattr(row, c) for c in COLUMNS] for row in rows]
    return pd.DataFrame(data, columns=list(COLUMNS))


def rejudge(results: pd.DataFrame, allowed: float | None = None) -> pd.DataFrame:
    """A copy of saved results with every verdict decided again, nothing run.

    ``allowed`` replaces the constant K that the rows were judged with.
    """
    again = results.copy()
    if allowed is not None:
        again[["tolerance", "resolution"]] *= (allowed / again["allowed"]).to_numpy()[:, None]
        again["allowed"] = float(allowed)
    facts = ("finding", "noise_ratio", "allowed", "linearity", "n_compared")
    again["verdict"] = [judge(*row) for row in zip(*(again[f] for f in facts), strict=True)]
    return again
