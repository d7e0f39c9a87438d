"""A problem as a program that a page can run: its tape, and which array each step of it is."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import numpy as np

from ...reference.floats import is_float
from ...reference.optimizers.sgd import SGD
from ...reference.protocols import Array, Tree
from ...reference.tree import leaves, tree_map
from .ledger import Ledger, Row
from .problem import Problem
from .steps import Program, record
from .tape import NotTraceable, Tape, Traced

RATE = "lr"  # the name under which the learning rate is given


@dataclass
class Live:
    """What is where on the tape.

    ``given`` holds parameters, input, target and learning rate by name; ``rows`` the step of each
    row, ``updated`` each parameter after one update, by its path.
    """

    tape: Tape
    given: dict[str, int]
    rows: dict[Row, int] = field(default_factory=dict)
    updated: dict[str, int] = field(default_factory=dict)


def live(problem: Problem, ledger: Ledger) -> Live:
    """The problem on a tape.

    Raises NotTraceable for what a tape has no word for, and where its numbers are not the ledger's.
    """
    tape, given = Tape(), {}

    def named(prefix: str) -> Any:
        def give(path: str, value: Array) -> Any:
            if not is_float(value):
                return value
            name = ".".join(filter(None, (prefix, path)))
            found = tape.given(name, value)
            given[name] = found.var
            return found

        return give

    params, x, target = problem.shown
    params, x = _mapped(named(""), params), _mapped(named("x"), x)
    target = _mapped(named("target"), target)
    program = _recorded(problem, params, x, target)
    by_key = {step.key: step.traced for step in program.steps}
    found = Live(tape, given)
    for row in ledger.rows:
        traced = by_key.get(row.step.key)
        if traced is None or not np.array_equal(traced.payload, row.shown, equal_nan=True):
            raise NotTraceable(f"{row.label} has other numbers on a tape")
        found.rows[row] = traced.var
    gradients = {step.leaf: step.traced for step in program.steps if step.leaf}
    rate: Any = tape.given(RATE, np.asarray(problem.rate))
    given[RATE] = rate.var
    for path, w in leaves(params):
        g = gradients.get(f"d{path}")
        if isinstance(w, Traced):
            given_to: Any = tape.of(np.zeros(w.shape)) if g is None else g, {}, w, 1
            new: Any = SGD(rate).update(*given_to)[0]
            found.updated[path] = new.var
    return found


def _recorded(problem: Problem, params: Tree, x: Tree, target: Tree) -> Program:
    try:
        return record(problem.network, problem.loss, params, x, target)
    except NotTraceable:
        raise
    except Exception as error:  # a layer of the user's may do with an array whatever it likes
        raise NotTraceable(f"{type(error).__name__}: {error}") from error


def _mapped(give: Any, tree: Tree) -> Tree:
    paths = (path for path, _ in leaves(tree))
    return tree_map(lambda value: give(next(paths), value), tree)


def updated(problem: Problem, gradients: Mapping[str, Array]) -> dict[str, Array]:
    """The parameters after one update by plain gradient descent, by path."""
    rule = SGD(problem.rate)
    return {
        path: rule.update(gradients.get(f"d{path}", np.zeros_like(w)), {}, w, 1)[0]
        for path, w in leaves(problem.shown[0])
    }


def lines_of_update() -> list[tuple[str, int]]:
    """The lines of the update rule that run, as (file, line)."""
    ran: list[tuple[str, int]] = []

    def follow(frame: FrameType, event: str, arg: Any) -> Any:
        if event == "line":
            ran.append((frame.f_code.co_filename, frame.f_lineno))
        return follow

    one, before = np.ones(1), sys.gettrace()
    sys.settrace(follow)
    try:
        SGD().update(one, {}, one, 1)
    finally:
        sys.settrace(before)
    own = SGD.update.__code__.co_filename
    return [place for place in ran if place[0] == own]
