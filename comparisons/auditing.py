"""Would these comparisons have shown a mistake? What a table of results does not say by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .summary import CASE, short_names
from .vacuity import GRADIENTS, ZERO_GRADIENT

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("vacuous", "weak", "unresolved", "constant", "not compared")
WEAK = {"float64": 1e-6, "float32": 1e-2}  # a larger resolution is weak; 16 bits always are
REFERENCE = "numpy"  # the adapter that is the reference itself
NOTHING = "nothing was compared"
ALONE = "the reference was compared with nobody but itself"


@dataclass(frozen=True)
class Finding:
    """What is wrong with how something was compared: of which kind, where, how often, and why."""

    kind: str
    where: str
    rows: int
    why: str


def audit(results: pd.DataFrame) -> list[Finding]:
    """All findings, in the order of ``KINDS``; none where every comparison could show a mistake."""
    if results.empty:
        return [Finding("vacuous", "the whole", 0, "no comparison was made")]
    results = results.assign(rule=results["optimizer"].map(short_names(results)))
    found = [*_vacuous(results), *_alone(results), *_weak(results), *_unresolved(results),
             *_constant(results), *_not_compared(results)]  # fmt: skip
    return sorted(found, key=lambda finding: KINDS.index(finding.kind))


def counts(results: pd.DataFrame) -> dict[str, int]:
    """Rows, and how many numbers were compared, not zero, distinct within their rows, and finite.

    -1 where the file is older than the count.
    """
    total = {"rows": len(results)}
    for name in ("n_compared", "n_nonzero", "n_distinct", "n_finite"):
        known = not len(results) or results[name].min() >= 0
        total[name] = int(results[name].sum()) if known else -1
    return total


def _where(row: Any, *more: str) -> str:
    """The place of a row in words."""
    mode = row.mode if row.mode != "vjp" else ""
    parts = [row.case, row.rule, row.dtype, mode, row.candidate, *more]
    return ", ".join(part for part in parts if part)


def _groups(results: pd.DataFrame) -> Any:
    return results.groupby(CASE, sort=False)


def _vacuous(results: pd.DataFrame) -> list[Finding]:
    found = []
    for _, rows in _groups(results):
        first = next(rows.itertuples())
        said = rows.loc[rows["finding"] == "vacuous", "reason"]
        gradients = rows[rows["quantity"].isin(GRADIENTS) & (rows["n_compared"] > 0)]
        if len(said):
            found.append(Finding("vacuous", _where(first), len(rows), said.iloc[0]))
        elif not rows["n_compared"].sum() and (rows["verdict"] != "unsupported").any():
            why = next((r for r in rows["reason"] if r), "")
            found.append(Finding("vacuous", _where(first), len(rows), f"{NOTHING}: {why}"))
        elif len(gradients) and not gradients["n_nonzero"].sum():
            found.append(Finding("vacuous", _where(first), len(rows), ZERO_GRADIENT))
    return found


def _alone(results: pd.DataFrame) -> list[Finding]:
    """Cases in which no implementation but the reference gave numbers."""
    compared = results[results["n_compared"] > 0]
    keys = [c for c in CASE if c != "candidate"]
    found = []
    for _, rows in compared.groupby(keys, sort=False):
        if set(rows["candidate"]) == {REFERENCE}:
            found.append(Finding("weak", _where(next(rows.itertuples())), len(rows), ALONE))
    return found


def _weak(results: pd.DataFrame) -> list[Finding]:
    """Leaves that matched, but would have matched with a large error too."""
    least = results["dtype"].map(WEAK).fillna(float("inf"))
    rows = results[(results["verdict"] == "match") & (results["resolution"] > least)]
    found = []
    for _, some in rows.groupby([*CASE, "quantity", "leaf"], sort=False):
        worst = next(some.sort_values("resolution").iloc[[-1]].itertuples())
        error = f"an error of {worst.resolution:.2g} of the largest entry would have passed"
        found.append(Finding("weak", _where(worst, _leaf(worst)), len(some), error))
    return found


def _unresolved(results: pd.DataFrame) -> list[Finding]:
    rows = results[results["verdict"] == "unresolved"]
    return [
        Finding("unresolved", _place(some), len(some), some["reason"].iloc[0])
        for _, some in rows.groupby([*CASE, "quantity", "leaf"], sort=False)
    ]  # fmt: skip


def _constant(results: pd.DataFrame) -> list[Finding]:
    """Leaves whose true entries are all the same number: a permutation would not show."""
    several = (results["n_distinct"] == 1) & (results["n_compared"] > 1)
    rows = results[several & (results["verdict"] == "match")]
    return [
        Finding("constant", _place(some), len(some),
                f"all {some['n_compared'].iloc[0]:,} true entries are the same number")
        for _, some in rows.groupby([*CASE, "quantity", "leaf"], sort=False)
    ]  # fmt: skip


def _not_compared(results: pd.DataFrame) -> list[Finding]:
    rows = results[results["verdict"] == "unsupported"]
    return [
        Finding("not compared", _where(next(some.itertuples())), len(some), some["reason"].iloc[0])
        for _, some in _groups(rows)
    ]


def _place(rows: pd.DataFrame) -> str:
    """The place of a leaf's rows in words."""
    row: Any = next(rows.itertuples())
    return _where(row, _leaf(row))


def _leaf(row: Any) -> str:
    return f'{row.quantity}["{row.leaf}"]' if row.leaf else str(row.quantity)
