"""From a candidate's values to rows: each leaf, and then what kinks and zero gradients explain."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from . import kinks
from .honest import HonestRuns
from .measures import Expected
from .records import LINEAR, Comparison
from .rows import Context, in_doubt, leaf_row
from .tolerances import Expectations, Key, Values, placed
from .zeros import Leaves, at_rest, loosened

INSIDE, OUTSIDE = 1 / 4, 1000.0  # of K: a first look decides below and above these
ENTRIES_AT_REST = ("an entry whose gradient is zero to rounding went its own way, no farther than "
                   "roundings drive it")  # fmt: skip

Rows = dict[Key, Comparison]


def undecided(row: Comparison) -> bool:
    """Whether a first look left it open what the last will find."""
    ratio = row.noise_ratio / row.allowed
    near = INSIDE < ratio < OUTSIDE or row.verdict == "unresolved"
    return near or not 2 / LINEAR <= row.linearity <= LINEAR / 2


def reached(expected: Expectations, last: int) -> Expectations:
    """What is expected up to a step, where keys have steps; 0 for no such limit."""
    if not last:
        return expected
    leaves = {key: e for key, e in expected.leaves.items() if placed(key)[2] <= last}
    return dataclasses.replace(expected, leaves=leaves)


def judge_values(
    context: Context, expected: Expectations, values: Values, doubt: Values | None = None
) -> list[Comparison]:
    """A row for every leaf that is expected, and for every leaf that is not.

    ``doubt`` is, by leaf, what an oracle says that it may itself be off by.
    """
    gold = "" if expected.final else "float64"
    context = dataclasses.replace(context, origin=expected.origin, gold=gold)
    if doubt:
        expected = _doubted(context, expected, doubt)
        own = f"{expected.origin}, its own uncertainty"
        context = dataclasses.replace(context, origin=own)
    resting = at_rest(expected.leaves, expected.honest, context.allowed)
    expected = dataclasses.replace(expected, leaves={**expected.leaves, **resting})
    rows = {
        key: leaf_row(context, key, e, values.get(key), key in resting)
        for key, e in expected.leaves.items()
    }  # fmt: skip
    if any(row.verdict == "mismatch" for row in rows.values()):
        rows = _explained(context, expected, values, rows)
    if context.format.half:
        rows = {key: in_doubt(row, expected.overflows) for key, row in rows.items()}
    extra = values.keys() - expected.leaves.keys()
    reason = "the reference has no such leaf"
    return [*rows.values()] + [
        context.row(key, n_compared=1, finding="wrong shape", reason=reason)
        for key in sorted(extra)
    ]  # fmt: skip


def _doubted(context: Context, expected: Expectations, doubt: Values) -> Expectations:
    """The expectations with an oracle's own uncertainty in the tolerance."""
    leaves = dict(expected.leaves)
    for key in doubt.keys() & leaves.keys():
        e = leaves[key]
        unsure = np.asarray(doubt[key], np.float64) / context.allowed
        leaves[key] = dataclasses.replace(e, noise=e.noise + unsure)
    return dataclasses.replace(expected, leaves=leaves)


def _explained(context: Context, expected: Expectations, values: Values, rows: Rows) -> Rows:
    """Rows of which a mismatch may be a branch that the candidate took, or a step out of nothing.

    First kinks are resolved, which leaves no doubt; then what remains is looked for in entries
    whose gradient is zero.
    """
    measurable = {k: np.asarray(values[k]) for k, r in rows.items() if np.isfinite(r.noise_ratio)}
    leaves, decidable, _ = kinks.resolve(expected, measurable, context.allowed)
    found = [(rows, expected.leaves)]
    if leaves is not None:
        resting = at_rest(leaves, expected.honest, context.allowed)
        leaves = {**leaves, **resting}
        again = {key: _other_branch(context, key, row, values.get(key), leaves[key], key in resting)
                 for key, row in rows.items()}  # fmt: skip
        found.append((again, leaves))
    best, leaves = min(found, key=lambda some: _mismatches(some[0]))
    if _mismatches(best) and expected.honest:
        best = _with_zeros_loosened(context, expected.honest, leaves, values, best)
    if decidable or not _mismatches(best):
        return best
    sure = kinks.unmoved(expected, measurable)
    return {key: row if key in sure else _undecided(expected, row) for key, row in best.items()}


def _mismatches(rows: Rows) -> int:
    return sum(row.verdict == "mismatch" for row in rows.values())


def _with_zeros_loosened(
    context: Context, runs: HonestRuns, leaves: Leaves, values: Values, rows: Rows
) -> Rows:
    """Rows whose mismatch is no more than what honest runs make of an entry without gradient."""
    wrong = [key for key, r in rows.items()
             if r.verdict == "mismatch" and np.isfinite(r.noise_ratio)]  # fmt: skip
    rows = dict(rows)
    for key, e in loosened(leaves, wrong, runs).items():
        new = leaf_row(context, key, e, values[key])
        if new.verdict == "match":
            new = dataclasses.replace(new, finding="zero entries", reason=ENTRIES_AT_REST)
        rows[key] = new
    return rows


def _other_branch(
    context: Context, key: Key, row: Comparison, value: Any, expected: Expected, resting: bool
) -> Comparison:
    new = leaf_row(context, key, expected, value, resting)
    if row.verdict == "mismatch" and new.verdict == "match":
        reason = "an entry within rounding of its kink took the other branch"
        new = dataclasses.replace(new, finding="kinks resolved", reason=reason)
    return new


def _undecided(expected: Expectations, row: Comparison) -> Comparison:
    """A mismatch of numbers as unresolved; any other row as it is."""
    if row.verdict != "mismatch" or not np.isfinite(row.noise_ratio):
        return row
    reason = (f"{len(expected.ambiguous)} entries are within rounding of their kinks: too many to "
              "tell which branch each took")  # fmt: skip
    return dataclasses.replace(row, finding="kink on the way", verdict="unresolved", reason=reason)
