"""From a candidate's values to rows: shapes and dtypes first, then numbers, then kinks."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..adapters.protocols import Unsupported
from ..reference.protocols import Array
from . import kinks
from .divergences import known_divergence
from .measures import measure, normwise_error
from .records import Comparison, Finding, judged
from .tolerances import ALLOWED, Expectations, Expected, Key, Values, resolution, wide_dtype


@dataclass(frozen=True)
class Context:
    """What the rows of one candidate at one step have in common."""

    case: str
    mode: str
    dtype: np.dtype[Any]
    optimizer: str = ""
    candidate: str = ""
    step: int = 0
    blame: str = ""  # where the case itself is not finite

    def row(self, key: Key = ("", ""), **fields: Any) -> Comparison:
        """A judged row with these fields."""
        wide = wide_dtype(self.dtype).name
        return judged(Comparison(
            case=self.case, mode=self.mode, optimizer=self.optimizer,
            baseline=f"reference in {wide}", candidate=self.candidate, quantity=key[0],
            leaf=key[1], step=self.step, dtype=self.dtype.name,
            allowed=ALLOWED[self.dtype.name], **fields,
        ))  # fmt: skip


def failed_row(context: Context, error: Exception) -> Comparison:
    """The one row of a candidate that gave no numbers."""
    if isinstance(error, Unsupported):
        return context.row(finding="unsupported", reason=str(error))
    text = " ".join(str(error).split())
    return context.row(finding="error", reason=f"{type(error).__name__}: {text}")


def judge_values(
    context: Context, expected: Expectations, values: Values, doubt: Values | None = None
) -> list[Comparison]:
    """A row for every leaf that is expected, and for every leaf that is not."""
    doubt = doubt or {}
    rows = [
        _leaf_row(context, key, e, values.get(key), doubt.get(key))
        for key, e in expected.leaves.items()
    ]
    if any(row.verdict == "mismatch" for row in rows):
        rows = _with_kinks_resolved(context, expected, values, rows)
    for key in values.keys() - expected.leaves.keys():
        rows.append(context.row(
            key, n_compared=1, finding="wrong shape", reason="the reference has no such leaf"
        ))  # fmt: skip
    return rows


def _leaf_row(
    context: Context, key: Key, expected: Expected, value: Any, doubt: Array | None = None
) -> Comparison:
    gold = expected.gold
    problem = _problem(context, key, gold, value)
    if problem:
        return problem
    noise = expected.noise
    allowed = ALLOWED[context.dtype.name]
    if doubt is not None:
        noise = noise + np.asarray(doubt, np.float64) / allowed
    m = measure(np.asarray(value).astype(gold.dtype), gold, noise, context.dtype)
    zero = bool(np.all(np.abs(gold) <= allowed * noise)) and doubt is None
    divergence = known_divergence(context, key)
    finding: Finding = "known divergence" if divergence else "zero" if zero else ""
    row = context.row(
        key, shape=str(gold.shape), n_compared=gold.size, n_nonzero=int(np.count_nonzero(gold)),
        normwise_error=m.normwise_error, componentwise_error=m.componentwise_error,
        max_ulp=m.max_ulp, worst_index=str(m.worst_index), noise_ratio=m.noise_ratio,
        tolerance=allowed * m.noise, minimum_passing=m.error,
        resolution=resolution(dataclasses.replace(expected, noise=noise), allowed),
        linearity=expected.linearity, finding=finding,
    )  # fmt: skip
    if divergence:
        return dataclasses.replace(row, reason=divergence)
    return dataclasses.replace(row, reason=_explain(row, m.worst_index, value, gold))


def _explain(row: Comparison, index: tuple[int, ...], value: Any, gold: Array) -> str:
    if row.verdict == "mismatch":
        was, wanted = np.asarray(value)[index], gold[index]
        return (f"{row.minimum_passing:.3g} off at {row.worst_index}: {float(was):.9g} instead of "
                f"{float(wanted):.9g}, {row.tolerance:.3g} allowed")  # fmt: skip
    if row.verdict == "structural zero":
        return "the true value is zero to rounding, and so is the candidate's"
    if row.verdict == "unresolved":
        return ("a rounding is no small perturbation here: noise at one amplitude and at an eighth "
                f"of it do not scale (ratio {row.linearity:.2g})")  # fmt: skip
    return ""


def _problem(context: Context, key: Key, gold: Array, value: Any) -> Comparison | None:
    """The row of a value that cannot be measured, or None."""
    common: dict[str, Any] = {"shape": str(gold.shape), "n_compared": gold.size}
    if value is None:
        reason = "the candidate gave no such leaf"
        return context.row(key, finding="missing", reason=reason, **common)
    array = np.asarray(value)
    if array.shape != gold.shape:
        reason = f"shape {array.shape} instead of {gold.shape}"
        return context.row(key, finding="wrong shape", reason=reason, **common)
    if array.dtype != context.dtype:
        reason = f"dtype {array.dtype} instead of {context.dtype}"
        return context.row(key, finding="wrong dtype", reason=reason, **common)
    if not np.all(np.isfinite(gold)):
        reason = context.blame or "the reference itself overflows or is undefined here"
        reason = f"the reference's value is not finite: {reason}"
        return context.row(key, finding="reference not finite", reason=reason, **common)
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        where = tuple(int(i) for i in bad[0])
        reason = f"{array[where]} at {where}, {len(bad)} of {array.size} entries are not finite"
        return context.row(key, finding="not finite", reason=reason, **common)
    return None


def _with_kinks_resolved(
    context: Context, expected: Expectations, values: Values, rows: list[Comparison]
) -> list[Comparison]:
    """Rows against the branches that the candidate took, where that explains a mismatch."""
    measurable = {
        (r.quantity, r.leaf): np.asarray(values[r.quantity, r.leaf])
        for r in rows if np.isfinite(r.noise_ratio)
    }  # fmt: skip
    gold = kinks.resolve(expected, measurable)
    if gold is None:
        return rows
    again = []
    for row in rows:
        key = (row.quantity, row.leaf)
        e = dataclasses.replace(expected.leaves[key], gold=gold[key])
        new = _leaf_row(context, key, e, values.get(key))
        if row.verdict == "mismatch" and new.verdict == "match":
            reason = "an activation within rounding of its kink took the other branch"
            new = dataclasses.replace(new, finding="kinks resolved", reason=reason)
        again.append(new)
    return min(rows, again, key=lambda some: sum(r.verdict == "mismatch" for r in some))


def norm_row(
    context: Context, key: Key, gold: Array, size: float, value: Any, past: int, kinks_since: int
) -> Comparison:
    """A row judged as a whole: ‖c - g‖₂ in units of the twins' spread."""
    problem = _problem(context, key, gold, value)
    if problem:
        return problem
    candidate = np.asarray(value).astype(gold.dtype)
    floor = float(np.finfo(context.dtype).smallest_normal)
    allowed = ALLOWED[context.dtype.name]
    error = float(np.linalg.norm(np.ravel(candidate - gold)))
    norm = float(np.linalg.norm(np.ravel(gold)))
    finding: Finding = "past horizon" if past else "kink on the way" if kinks_since else ""
    m = measure(candidate, gold, np.full(gold.shape, size + floor), context.dtype)
    row = context.row(
        key, shape=str(gold.shape), n_compared=gold.size, n_nonzero=int(np.count_nonzero(gold)),
        normwise_error=normwise_error(candidate, gold), componentwise_error=m.componentwise_error,
        max_ulp=m.max_ulp, worst_index=str(m.worst_index), noise_ratio=error / (size + floor),
        tolerance=allowed * size, minimum_passing=error,
        resolution=allowed * size / norm if norm else 0.0, finding=finding,
    )  # fmt: skip
    reason = ""
    if row.verdict == "unresolved" and past:
        reason = (f"past the horizon: from step {past} on, runs that differ by rounding alone are "
                  "more than 1 % of the distance travelled apart")  # fmt: skip
    elif row.verdict == "unresolved":
        reason = (f"since step {kinks_since} an activation was within rounding of its kink, and "
                  "each implementation may have taken its own branch")  # fmt: skip
    elif row.verdict == "mismatch":
        reason = f"the run is {error:.3g} away in the 2-norm, {row.tolerance:.3g} allowed"
    return dataclasses.replace(row, reason=reason)
