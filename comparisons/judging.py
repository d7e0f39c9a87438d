"""From a candidate's values to rows: shapes and dtypes first, then numbers, then kinks."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..adapters.protocols import Unsupported
from . import kinks
from .divergences import KnownDivergence, concerning, known_divergence
from .measures import Expected, measure, norm
from .records import Comparison, Finding, judge
from .tolerances import ALLOWED, Expectations, Key, Values, wide_dtype


@dataclass(frozen=True)
class Context:
    """What the rows of one candidate at one step have in common."""

    case: str
    mode: str
    dtype: np.dtype[Any]
    optimizer: str = ""
    candidate: str = ""
    step: int = 0
    blame: tuple[str, int] = ("", 0)  # where the case itself is not finite, seen from which step

    @cached_property
    def allowed(self) -> float:
        """K, the noise ratio above which a row is a mismatch."""
        return ALLOWED[self.dtype.name]

    @cached_property
    def divergences(self) -> list[KnownDivergence]:
        """The known divergences of this candidate, case and dtype."""
        return concerning(self)

    def row(
        self, key: Key = ("", ""), *, finding: Finding = "", noise_ratio: float = float("nan"),
        linearity: float = 1.0, n_compared: int = 0, reason: str = "", **measured: Any,
    ) -> Comparison:  # fmt: skip
        """A row with its verdict, and the reason where it is not a plain match."""
        verdict = judge(finding, noise_ratio, self.allowed, linearity, n_compared)
        return Comparison(
            quantity=key[0], leaf=key[1], finding=finding, noise_ratio=noise_ratio,
            linearity=linearity, n_compared=n_compared, verdict=verdict,
            reason="" if verdict == "match" else reason, **self._common, **measured,
        )  # fmt: skip

    @cached_property
    def _common(self) -> dict[str, Any]:
        baseline = f"reference in {wide_dtype(self.dtype).name}"
        return {
            "case": self.case, "mode": self.mode, "optimizer": self.optimizer,
            "baseline": baseline, "candidate": self.candidate, "step": self.step,
            "dtype": self.dtype.name, "allowed": self.allowed,
        }  # fmt: skip


def failed_row(context: Context, error: Exception) -> Comparison:
    """The one row of a candidate that gave no numbers."""
    if isinstance(error, Unsupported):
        return context.row(finding="unsupported", reason=str(error))
    text = " ".join(str(error).split())
    return context.row(finding="error", reason=f"{type(error).__name__}: {text}")


def judge_values(
    context: Context, expected: Expectations, values: Values, doubt: Values | None = None
) -> list[Comparison]:
    """A row for every leaf that is expected, and for every leaf that is not.

    ``doubt`` is, by leaf, what an oracle says that it may itself be off by.
    """
    doubt = doubt or {}
    rows = []
    for key, e in expected.leaves.items():
        if key in doubt:
            unsure = np.asarray(doubt[key], np.float64) / context.allowed
            e = dataclasses.replace(e, noise=e.noise + unsure)
        rows.append(_leaf_row(context, key, e, values.get(key)))
    if any(row.verdict == "mismatch" for row in rows):
        rows = _with_kinks_resolved(context, expected, values, rows)
    extra = values.keys() - expected.leaves.keys()
    reason = "the reference has no such leaf"
    return rows + [
        context.row(key, n_compared=1, finding="wrong shape", reason=reason)
        for key in sorted(extra)
    ]  # fmt: skip


def _leaf_row(context: Context, key: Key, expected: Expected, value: Any) -> Comparison:
    problem = _problem(context, key, expected, value)
    if problem:
        return problem
    gold, allowed = expected.gold, context.allowed
    m = measure(np.asarray(value).astype(gold.dtype), expected)
    tolerance = allowed * float(expected.noise[m.worst_index])
    divergence = known_divergence(context, key, lambda: _beyond(value, expected, allowed))
    zero = expected.is_zero(allowed)
    finding: Finding = "known divergence" if divergence else "zero" if zero else ""
    if divergence:
        reason = divergence
    elif m.noise_ratio > allowed:
        got, wanted = (float(np.asarray(a)[m.worst_index]) for a in (value, gold))
        reason = (f"{m.error:.3g} off at {m.worst_index}: {got:.9g} instead of {wanted:.9g}, "
                  f"{tolerance:.3g} allowed")  # fmt: skip
    elif zero:
        reason = "the true value is zero to rounding, and so is the candidate's"
    else:
        reason = ("a rounding is no small perturbation here: noise at one amplitude and at an "
                  f"eighth of it do not scale (ratio {expected.linearity:.2g})")  # fmt: skip
    return context.row(
        key, shape=str(gold.shape), n_compared=gold.size, n_nonzero=expected.n_nonzero,
        normwise_error=m.normwise_error, componentwise_error=m.componentwise_error,
        max_ulp=m.max_ulp, worst_index=str(m.worst_index), noise_ratio=m.noise_ratio,
        tolerance=tolerance, minimum_passing=m.error, resolution=expected.resolution(allowed),
        linearity=expected.linearity, finding=finding, reason=reason,
    )  # fmt: skip


def _beyond(value: Any, expected: Expected, allowed: float) -> float:
    """The largest error of an entry beyond its tolerance, 0 where there is none."""
    error = np.abs(np.asarray(value) - expected.gold)
    return float(error.max(where=~(error <= allowed * expected.noise), initial=0))


def _problem(context: Context, key: Key, expected: Expected, value: Any) -> Comparison | None:
    """The row of a value that cannot be measured, or None."""
    gold, array = expected.gold, np.asarray(value)
    finding: Finding
    if value is None:
        finding, reason = "missing", "the candidate gave no such leaf"
    elif array.shape != gold.shape:
        finding, reason = "wrong shape", f"shape {array.shape} instead of {gold.shape}"
    elif array.dtype != context.dtype:
        finding, reason = "wrong dtype", f"dtype {array.dtype} instead of {context.dtype}"
    elif context.blame[0] and context.step >= context.blame[1]:
        finding, reason = "reference not finite", f"the case is not finite: {context.blame[0]}"
    elif not expected.finite:
        finding, reason = "reference not finite", "the reference's value is not finite: "
        reason += f"it overflows {context.dtype} or is undefined here"
    elif not np.isfinite(array).all():
        bad = np.argwhere(~np.isfinite(array))
        where = tuple(int(i) for i in bad[0])
        finding = "not finite"
        reason = f"{array[where]} at {where}, {len(bad)} of {array.size} entries are not finite"
        divergence = known_divergence(context, key, lambda: math.inf)
        if divergence:
            finding, reason = "known divergence", f"{divergence}; here {reason}"
    else:
        return None
    return context.row(
        key, finding=finding, reason=reason, shape=str(gold.shape), n_compared=gold.size,
        n_nonzero=expected.n_nonzero, resolution=expected.resolution(context.allowed),
    )  # fmt: skip


def _with_kinks_resolved(
    context: Context, expected: Expectations, values: Values, rows: list[Comparison]
) -> list[Comparison]:
    """Rows against the branches that the candidate took, where that explains a mismatch."""
    measurable = {
        (r.quantity, r.leaf): np.asarray(values[r.quantity, r.leaf])
        for r in rows if np.isfinite(r.noise_ratio)
    }  # fmt: skip
    gold, decidable = kinks.resolve(expected, measurable)
    again = (
        rows if gold is None else [_other_branch(context, expected, r, values, gold) for r in rows]
    )
    best = min(rows, again, key=lambda some: sum(r.verdict == "mismatch" for r in some))
    return best if decidable else [_undecided(expected, row) for row in best]


def _other_branch(
    context: Context, expected: Expectations, row: Comparison, values: Values, gold: Values
) -> Comparison:
    key = (row.quantity, row.leaf)
    e = dataclasses.replace(expected.leaves[key], gold=gold[key])
    new = _leaf_row(context, key, e, values.get(key))
    if row.verdict == "mismatch" and new.verdict == "match":
        reason = "an activation within rounding of its kink took the other branch"
        new = dataclasses.replace(new, finding="kinks resolved", reason=reason)
    return new


def _undecided(expected: Expectations, row: Comparison) -> Comparison:
    """A mismatch of numbers as unresolved; any other row as it is."""
    if row.verdict != "mismatch" or not np.isfinite(row.noise_ratio):
        return row
    reason = (f"{len(expected.ambiguous)} activations are within rounding of their kinks: too many "
              "to tell which branch each took")  # fmt: skip
    return dataclasses.replace(row, finding="kink on the way", verdict="unresolved", reason=reason)


def norm_row(
    context: Context, key: Key, expected: Expected, value: Any, past: int, kinks_since: int
) -> Comparison:
    """A row judged as a whole: ‖c - g‖₂ in units of the twins' spread, the same for all entries.

    ``past`` is the first step past the horizon, ``kinks_since`` the first with an activation
    within rounding of its kink; 0 where there is none yet.
    """
    problem = _problem(context, key, expected, value)
    if problem:
        return problem
    gold, size = expected.gold, float(expected.noise.flat[0])
    candidate = np.asarray(value).astype(gold.dtype)
    m, error = measure(candidate, expected), norm(candidate - gold)
    finding: Finding = "past horizon" if past else "kink on the way" if kinks_since else ""
    allowed = context.allowed
    if past:
        reason = (f"past the horizon: from step {past} on, runs that differ by rounding alone are "
                  "more than 1 % of the distance travelled apart")  # fmt: skip
    elif kinks_since:
        reason = (f"since step {kinks_since} an activation was within rounding of its kink, and "
                  "each implementation may have taken its own branch")  # fmt: skip
    else:
        reason = f"the run is {error:.3g} away in the 2-norm, {allowed * size:.3g} allowed"
    return context.row(
        key, shape=str(gold.shape), n_compared=gold.size, n_nonzero=expected.n_nonzero,
        normwise_error=m.normwise_error, componentwise_error=m.componentwise_error,
        max_ulp=m.max_ulp, worst_index=str(m.worst_index), noise_ratio=error / size,
        tolerance=allowed * size, minimum_passing=error, resolution=expected.resolution(allowed),
        finding=finding, reason=reason,
    )  # fmt: skip
