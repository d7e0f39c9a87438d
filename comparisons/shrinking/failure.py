"""What failed, and whether a smaller case still fails for the same reason."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...adapters.protocols import Adapter
from ...reference.protocols import Array
from ..case import Case, mapped
from ..formats import unit_roundoff
from ..layouts import placed
from ..records import BAD
from ..summary import first_divergence
from .nodes import owner

if TYPE_CHECKING:
    import pandas as pd

Keeps = Callable[[Case, "pd.DataFrame"], bool]
Compare = Callable[[Case], "pd.DataFrame | None"]
MARGIN = 16.0  # so far above what is allowed, no other machine will find that it is allowed
SHAKEN = 1e-3  # what depends on an exact tie or an exact zero does not survive this
NUMBERS = ("", "kinks resolved", "known divergence")
FORWARD = ("y", "loss")
BACKWARD = ("dx", "dparams", "gradient")


class Failure(NamedTuple):
    """One thing that is wrong: where, and in what way.

    ``spec`` is the kind of layer, loss or optimizer at fault, as far as a comparison tells;
    ``leaf`` the kind of layer that a parameter belongs to, and its name.
    """

    mode: str
    spec: str
    quantity: str
    leaf: str
    way: str

    def __str__(self) -> str:
        what = f"{self.quantity} {self.leaf}".strip() or "the run"
        where = f" of {self.spec}" if self.spec and "." not in self.leaf else ""
        way = "" if self.way == "numbers" else f" ({self.way})"
        return f"{what}{where}, {self.mode}{way}"

    @property
    def stage(self) -> str:
        """forward, backward, or the quantity itself."""
        pairs = ((FORWARD, "forward"), (BACKWARD, "backward"))
        return next((name for group, name in pairs if self.quantity in group), self.quantity)


def failures(case: Case, rows: pd.DataFrame) -> dict[Failure, float]:
    """Everything that is wrong, and by how much: by how many times more than is allowed.

    Both the noise ratio and the relative error in units of rounding have to exceed that, for a
    ratio alone is huge where the right value is exact and the candidate's is merely rounded.
    """
    bad = rows[rows["verdict"].isin(BAD)]
    columns = ("mode", "quantity", "leaf", "verdict", "finding", "reason")
    u, found = unit_roundoff(case.dtype), dict[Failure, float]()
    sizes = np.fmin(bad["noise_ratio"], bad["normwise_error"] / u) / bad["allowed"]
    for mode, quantity, leaf, verdict, finding, reason, size in zip(
        *(bad[c] for c in columns), sizes, strict=True
    ):
        place = (mode, _at_fault(case, quantity), quantity, _leaf(case, quantity, leaf))
        failure = Failure(*place, _way(verdict, finding, reason))
        found[failure] = max(found.get(failure, 0.0), math.inf if math.isnan(size) else size)
    return found


def first_wrong(rows: pd.DataFrame) -> pd.DataFrame:
    """The row that went wrong first, or none; in training, in lockstep where that shows it."""
    first = first_divergence(rows)
    locked = first[first["mode"] == "lockstep"]
    return (first if locked.empty else locked).iloc[:1]


def first_step(rows: pd.DataFrame) -> int:
    """The step of that row; 0 where there is none."""
    return int(first_wrong(rows)["step"].sum())


def first_failure(case: Case, rows: pd.DataFrame) -> Failure | None:
    """What went wrong first; None where nothing did."""
    return next(iter(failures(case, first_wrong(rows))), None)


def _way(verdict: str, finding: str, reason: str) -> str:
    if verdict == "error":
        return "error: " + re.sub(r"[\d.,\s()\[\]e+-]*\d[\d.,\s()\[\]e+-]*", " # ", reason).strip()
    if verdict == "unexpected match":
        return verdict
    return "numbers" if finding in NUMBERS else finding


def _at_fault(case: Case, quantity: str) -> str:
    specs = case.specs
    if case.kind == "training":
        return type(specs["optimizer"]).__name__ if quantity in ("weights", "state") else ""
    return type(next(iter(specs.values()))).__name__


def _leaf(case: Case, quantity: str, leaf: str) -> str:
    if quantity in ("dparams", "gradient"):
        return ".".join(owner(case.specs["network"], leaf)).rstrip(".")
    if quantity in ("weights", "loss"):
        return ""
    return leaf.rpartition(".")[2]  # of a state its name, of y and dx the number of the part


@dataclass(frozen=True)
class Wanted:
    """What a smaller case must still show: one failure, by a margin, and not by a mere tie.

    ``keeps`` is asked instead, where it is given.
    """

    failure: Failure | None  # None where only ``keeps`` knows
    least: float
    steady: bool
    keeps: Keeps | None = None

    def holds(self, case: Case, rows: pd.DataFrame) -> bool:
        """Whether the failure is in the rows of this case."""
        if self.keeps is not None:
            return bool(self.keeps(case, rows))
        assert self.failure is not None
        return failures(case, rows).get(self.failure, 0.0) >= self.least

    def alike(self, case: Case, rows: pd.DataFrame) -> bool:
        """Whether a part of the case fails at the same stage and in the same way."""
        if self.keeps is not None:
            return bool(self.keeps(case, rows))
        first = first_failure(case, rows)
        return (
            first is not None
            and self.failure is not None
            and (first.stage, first.way) == (self.failure.stage, self.failure.way)
            and failures(case, rows)[first] >= self.least
        )


def wanted(case: Case, rows: pd.DataFrame, compare: Compare, keeps: Keeps | None) -> Wanted | None:
    """What the case shows, to be kept; None where nothing is wrong, or ``keeps`` says no."""
    failure = first_failure(case, rows)
    if keeps is not None:
        asked = Wanted(failure, 0.0, steady=False, keeps=keeps)
        return asked if asked.holds(case, rows) else None
    if failure is None:
        return None
    excess = failures(case, rows)[failure]  # of a bug, orders of magnitude: half are to stay
    least = min(excess, max(MARGIN, math.sqrt(excess)))
    this = Wanted(failure, least, steady=False)
    off = shaken(case)
    again = compare(off)
    return Wanted(failure, least, steady=again is not None and this.holds(off, again))


def shaken(case: Case) -> Case:
    """The case with all numbers but targets slightly off, so that nothing is exactly equal."""
    rng = np.random.default_rng(case.seed)

    def shake(a: Array) -> Array:
        if a.dtype.kind != "f":
            return a
        off = SHAKEN * rng.standard_normal(a.shape)
        return placed(a * (1 + off) + off * (a == 0), like=a)

    other = mapped(case, shake)
    arrays: dict[str, Any] = dict(other.arrays)
    if "target" in arrays:
        arrays["target"] = case.arrays["target"]
    if "batches" in arrays:
        pairs = zip(arrays["batches"], case.arrays["batches"], strict=True)
        arrays["batches"] = tuple((x, target) for (x, _), (_, target) in pairs)
    return other.replace(arrays=arrays)


def named(adapter: str | Adapter) -> str:
    """The name of an adapter that may be given by it."""
    return adapter if isinstance(adapter, str) else adapter.name
