"""A row of one candidate and one leaf: what there is to compare, how far it is, and the verdict."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..adapters.protocols import Unsupported
from ..reference.floats import is_float
from ..reference.protocols import Array
from .divergences import KnownDivergence, concerning, known_divergence
from .formats import DOUBT, Format, format_of, name_of, wide_dtype
from .measures import Expected, measure, norm
from .records import Comparison, Finding, judge
from .tolerances import Key, placed

ZERO = "the true value is zero to rounding, and so is the candidate's"
AT_REST = ("its gradient is zero to rounding, so any step the optimizer makes of it is as good as "
           "another, and the candidate's is no longer than roundings drive it")  # fmt: skip


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
    origin: str = ""  # what the tolerances rest on
    gold: str = ""  # the precision of the gold value, that of ``wide_dtype`` if empty

    @cached_property
    def format(self) -> Format:
        """What rounding does in dtype."""
        return format_of(self.dtype)

    @cached_property
    def allowed(self) -> float:
        """K, the noise ratio above which a row is a mismatch."""
        return self.format.allowed

    @cached_property
    def divergences(self) -> list[KnownDivergence]:
        """The known divergences of this candidate, case and dtype."""
        return concerning(self)

    def of(self, candidate: str) -> Context:
        """The same of another candidate."""
        return dataclasses.replace(self, candidate=candidate)

    def row(
        self, key: Key = ("", ""), *, finding: Finding = "", noise_ratio: float = float("nan"),
        linearity: float = 1.0, n_compared: int = 0, reason: str = "", **measured: Any,
    ) -> Comparison:  # fmt: skip
        """A row with its verdict, and the reason where it is not a plain match."""
        verdict = judge(finding, noise_ratio, self.allowed, linearity, n_compared)
        quantity, leaf, step = placed(key, self.step)
        return Comparison(
            quantity=quantity, leaf=leaf, step=step, finding=finding, noise_ratio=noise_ratio,
            linearity=linearity, n_compared=n_compared, verdict=verdict,
            reason="" if verdict == "match" else reason, **self._common, **measured,
        )  # fmt: skip

    def takes(self, array: Array) -> bool:
        """Whether an array may have this dtype: in 16 bits some numbers are kept wider."""
        wider = self.format.half and is_float(array) and array.dtype.itemsize > 2
        return array.dtype == self.dtype or wider

    @cached_property
    def _common(self) -> dict[str, Any]:
        baseline = f"reference in {self.gold or name_of(wide_dtype(self.dtype))}"
        return {
            "case": self.case, "mode": self.mode, "optimizer": self.optimizer,
            "baseline": baseline, "candidate": self.candidate, "dtype": self.dtype.name,
            "allowed": self.allowed, "origin": self.origin,
        }  # fmt: skip


def failed_row(context: Context, error: Exception) -> Comparison:
    """The one row of a candidate that gave no numbers."""
    if isinstance(error, Unsupported):
        return context.row(finding="unsupported", reason=str(error))
    text = " ".join(str(error).split())
    return context.row(finding="error", reason=f"{type(error).__name__}: {text}")


def leaf_row(
    context: Context, key: Key, expected: Expected, value: Any, resting: bool = False
) -> Comparison:
    """A row judged entry by entry; ``resting`` where its gradient is zero."""
    problem = _problem(context, key, expected, value)
    if problem:
        return problem
    gold, allowed = expected.gold, context.allowed
    m = measure(np.asarray(value).astype(gold.dtype), expected)
    tolerance = allowed * float(expected.noise[m.worst_index])
    quantity, leaf, step = placed(key, context.step)
    divergence = known_divergence(
        context, (quantity, leaf), lambda: _beyond(value, expected, allowed), step
    )
    zero = resting or expected.is_zero
    finding: Finding = "known divergence" if divergence else "zero" if zero else ""
    if not finding and expected.is_swamped(allowed):
        finding = "swamped"
    if divergence:
        reason = divergence
    elif m.noise_ratio > allowed:
        got, wanted = (float(np.asarray(a)[m.worst_index]) for a in (value, gold))
        reason = (f"{m.error:.3g} off at {m.worst_index}: {got:.9g} instead of {wanted:.9g}, "
                  f"{tolerance:.3g} allowed")  # fmt: skip
    elif zero:
        reason = AT_REST if resting else ZERO
    elif finding == "swamped":
        times = f"{expected.resolution(allowed):.2g} times the largest entry"
        reason = f"rounding noise swamps the value: an error of {times} would still be allowed"
    else:
        reason = ("a rounding is no small perturbation here: noise at one amplitude and at an "
                  f"eighth of it do not scale (ratio {expected.linearity:.2g})")  # fmt: skip
    return context.row(
        key, **_counts(expected), n_finite=gold.size, normwise_error=m.normwise_error,
        componentwise_error=m.componentwise_error, max_ulp=m.max_ulp,
        worst_index=str(m.worst_index), noise_ratio=m.noise_ratio, tolerance=tolerance,
        minimum_passing=m.error, resolution=expected.resolution(allowed),
        linearity=expected.linearity, finding=finding, reason=reason,
    )  # fmt: skip


def _counts(expected: Expected) -> dict[str, Any]:
    """How much there is to compare."""
    return {
        "shape": str(expected.gold.shape), "n_compared": expected.gold.size,
        "n_nonzero": expected.n_nonzero, "n_distinct": expected.n_distinct,
        "n_unresolved": expected.n_unresolved,
    }  # fmt: skip


def in_doubt(row: Comparison, overflows: bool) -> Comparison:
    """A mismatch as unresolved, where 16 bits cannot tell."""
    if row.verdict != "mismatch" or row.finding not in ("", "swamped", "not finite"):
        return row
    if overflows:
        finding: Finding = "overflow"
        reason = f"a number on the way is too large or too small for {row.dtype}"
    elif row.noise_ratio <= DOUBT * row.allowed:
        finding, more = "in doubt", f"{DOUBT:g} times as much noise as is allowed"
        reason = f"16 bits cannot tell a mistake from {more}"
    else:
        return row
    return dataclasses.replace(row, finding=finding, verdict="unresolved", reason=reason)


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
    elif not context.takes(array):
        finding, reason = "wrong dtype", f"dtype {array.dtype} instead of {context.dtype}"
    elif context.blame[0] and placed(key, context.step)[2] >= context.blame[1]:
        finding, reason = "reference not finite", f"the case is not finite: {context.blame[0]}"
    elif not expected.finite:
        finding = "overflow" if context.format.half else "reference not finite"
        reason = "the reference's value is not finite: it overflows "
        reason += f"{context.dtype} or is undefined here"
    elif not np.isfinite(array).all():
        bad = np.argwhere(~np.isfinite(array))
        where = tuple(int(i) for i in bad[0])
        finding = "not finite"
        reason = f"{array[where]} at {where}, {len(bad)} of {array.size} entries are not finite"
        quantity, leaf, step = placed(key, context.step)
        divergence = known_divergence(context, (quantity, leaf), lambda: math.inf, step)
        if divergence:
            finding, reason = "known divergence", f"{divergence}; here {reason}"
    else:
        return None
    counts = _counts(expected) if array.shape == gold.shape else {"n_compared": gold.size}
    numbers = value is not None and array.dtype.kind in "fiuV"
    finite = int(np.isfinite(array).sum()) if numbers else 0
    return context.row(
        key, finding=finding, reason=reason, **{"shape": str(gold.shape), **counts},
        n_finite=finite, resolution=expected.resolution(context.allowed),
    )  # fmt: skip


def norm_row(
    context: Context, key: Key, expected: Expected, value: Any, past: int, kinks_since: int,
    resting: bool,
) -> Comparison:  # fmt: skip
    """A row judged as a whole: ‖c - g‖₂ in units of the twins' spread, the same for all entries.

    ``past`` is the first step past the horizon, ``kinks_since`` the first with an entry within
    rounding of its kink, 0 where there is none yet; ``resting`` that its gradient has been zero.
    """
    problem = _problem(context, key, expected, value)
    if problem:
        return problem
    gold, size, allowed = expected.gold, float(expected.noise.flat[0]), context.allowed
    candidate = np.asarray(value).astype(gold.dtype)
    m, error = measure(candidate, expected), norm(candidate - gold)
    finding: Finding = "past horizon" if past else "kink on the way" if kinks_since else ""
    if past and resting and error <= allowed * size:
        finding, reason = "zero", "its gradient is zero to rounding, and the candidate's has gone "
        reason += "no farther than roundings drive it"
    elif past:
        reason = (f"past the horizon: from step {past} on, runs that differ by rounding alone are "
                  "more than 1 % of the distance travelled apart")  # fmt: skip
    elif kinks_since:
        reason = (f"since step {kinks_since} an entry was within rounding of its kink, and each "
                  "implementation may have taken its own branch")  # fmt: skip
    else:
        reason = f"the run is {error:.3g} away in the 2-norm, {allowed * size:.3g} allowed"
    return context.row(
        key, **_counts(expected), n_finite=gold.size, normwise_error=m.normwise_error,
        componentwise_error=m.componentwise_error, max_ulp=m.max_ulp,
        worst_index=str(m.worst_index), noise_ratio=error / size, tolerance=allowed * size,
        minimum_passing=error, resolution=expected.resolution(allowed), finding=finding,
        reason=reason,
    )  # fmt: skip
