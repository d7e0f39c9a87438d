"""The first wrong step of a wrong program: where its numbers leave those of a framework.

The program is recorded like the right one. Each of its steps that the right program has too (the
same line, or the same value that leaves the same layer) must be the event that the right one is:
the same numbers in the same layout, in two draws. That a number is somewhere else in the trace
does not help it: a slope that was forgotten leaves the cotangent as it came, and that is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...reference.protocols import Array, Layer, Loss
from ...reference.tree import leaves
from .ledger import Ledger, Row, joined, step_key
from .matching import Layout, layouts, multiple, same
from .problem import Problem
from .steps import Call, Key, Program, Step, record

REFERENCE = "numpy"  # judged by the right program itself, where no framework is installed


@dataclass(frozen=True)
class Wrong:
    """The first wrong step, what it should be, and a hint.

    ``call`` is the layer that makes it, or that passes it on where it should have done more.
    ``right`` is the row that it stands for, ``hint`` says what its numbers are instead, where that
    is simple. ``after`` is the last step that was right. ``unchecked`` are the steps between the
    two that have no counterpart: the mistake is in this step or in one of them.
    """

    step: Step
    call: Call
    right: Row
    hint: str = ""
    after: Row | None = None
    unchecked: list[Step] = field(default_factory=list)


def recorded(problem: Problem, network: Layer, loss: Loss) -> list[Program]:
    """A variation of the problem's network or loss, in each of its draws."""
    return [record(network, loss, *case) for case in problem.draws]


def first_wrong(ledger: Ledger, adapter: str, runs: Sequence[Program]) -> Wrong | None:
    """The first wrong step of a program that varies the right one, if there is one."""
    by_line = {row.step.key: row for row in ledger.rows}
    last, unchecked = None, list[Step]()
    for steps, call, row in _checks(runs, ledger, by_line):
        values = tuple(s.value for s in steps)
        right = None if row is None else _is_right(values, row, adapter)
        if row is None or right is None:
            unchecked += [steps[0]] if steps[0] not in unchecked[-1:] else []
        elif right:
            last, unchecked = row, []
        else:
            before = [s for s in unchecked if s is not steps[0]]
            return Wrong(steps[0], call, row, hint(values, row, ledger.rows), last, before)
    return None


def first_wrong_gradient(
    ledger: Ledger, adapter: str, gradients: Mapping[str, Sequence[Array]]
) -> Wrong | None:
    """The first wrong one of somebody's gradients, in the order of the backward pass.

    ``gradients`` maps a leaf ("d0.W", "dx") to its values in the problem's draws.
    """
    last = None
    for row in ledger.rows:
        if row.step.leaf in gradients:
            values = tuple(gradients[row.step.leaf])
            shaped = all(a.shape == b.shape for a, b in zip(values, row.values, strict=True))
            right = _is_right(values, row, adapter)
            if right is False or not shaped:
                return Wrong(row.step, row.step.call, row, hint(values, row, ledger.rows), last)
            last = row if right else last
    return None


def gradients_of(vjp: Callable[..., Any], problem: Problem) -> dict[str, list[Array]]:
    """The gradients that a candidate's ``vjp`` gives in each draw, by leaf."""
    found: dict[str, list[Array]] = {}
    for params, x, target in problem.draws:
        y, _ = problem.network.forward(params, x)
        dy = problem.loss.backward(problem.loss.forward(y, target)[1])
        _, dx, dparams, *_ = vjp(problem.network, params, x, dy)
        for leaf, value in leaves(dparams):
            found.setdefault(f"d{leaf}", []).append(np.asarray(value))
        for leaf, value in leaves(dx):
            found.setdefault(f"dx{leaf and '.' + leaf}", []).append(np.asarray(value))
    return found


def _checks(
    runs: Sequence[Program], ledger: Ledger, by_line: Mapping[Key, Row]
) -> Iterator[tuple[tuple[Step, ...], Call, Row | None]]:
    """Every step, and every value that leaves a layer, with the right row that it stands for."""
    passed = joined([run.passed for run in runs], lambda p, nth: (p.key, nth))
    for steps in joined([run.steps for run in runs], step_key):
        yield steps, steps[0].call, by_line.get(steps[0].key)
        for passing in passed:
            if passing[0].after is steps[0] and passing[0].key in ledger.passed:
                found = tuple(p.step for p in passing)
                yield found, passing[0].call, ledger.passed[passing[0].key]


def _is_right(values: Sequence[Array], row: Row, adapter: str) -> bool | None:
    """Whether they are the event's numbers, in the layout that is right; None without an event."""
    match = row.matches.get(adapter)
    if adapter == REFERENCE:
        layout, right = Layout(), row.values
    elif match is None:
        return None
    else:
        layout, right = match.layout, match.draws
    pairs = zip(values, right, strict=True)
    return all(a.size == b.size and layout.fits(a, b) for a, b in pairs)


def hint(values: Sequence[Array], right: Row, rows: Sequence[Row]) -> str:
    """What wrong numbers are instead, if they are a multiple, an earlier step, or turned."""
    shapes = {a.shape for a in values}, {a.shape for a in right.values}
    if shapes[0] != shapes[1]:
        wanted, got = (", ".join(map(str, s)) for s in (shapes[1], shapes[0]))
        if values[0].size != right.values[0].size:
            return f"its shape is {got}, and should be {wanted}"
    if not any(a.any() for a in values):
        return "it is zero"
    if (factor := multiple(values, right.values)) is not None:
        return f"it is {factor:.6g} times the right value"
    layout = next(
        (w for w in layouts(values[0], right.values[0]) if w.text and all(
            w.fits(a, b) for a, b in zip(values, right.values, strict=True))), None
    )  # fmt: skip
    if layout is not None:
        return f"it has the right numbers in the wrong place ({layout.text})"
    for row in rows:
        if row is not right and same(values, row.values) is not None:
            return f"it has the numbers of {row.label}"
        if row is not right and (factor := multiple(values, row.values)) is not None:
            return f"it is {factor:.6g} times {row.label}"
    return ""
