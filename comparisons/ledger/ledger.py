"""The ledger itself: each step of the reference with the events of a framework that are the same.

Steps and events are compared by their numbers, in two draws. A step whose numbers do not depend on
the draw is a constant; one whose numbers are there already is no step at all but a new name or
layout; a parameter's gradient must be what the framework itself holds for that parameter. Where
numbers repeat, order decides. What a fused operation hides stays without a counterpart, and the
ledger says inside of what.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from ...adapters.tracing import Event
from ...reference.protocols import Array, Tree
from ...reference.tree import leaves
from .matching import Index, Layout, same
from .steps import Key, Program, Step

T = TypeVar("T")
FEW = 3  # names of operations listed in one place
NOISE = 1e-12  # of the largest gradient: what rounding leaves of a true zero


@dataclass(frozen=True)
class Match:
    """The event that computes a step, and the later ones that pass it on.

    ``draws`` are the event's numbers in the draws that steps are aligned by. ``off`` is the largest
    difference from the step's numbers as they are shown, ``relative`` the same over the largest
    number, worst of all draws. ``anchored``: the framework itself holds it as the gradient of that
    parameter.
    """

    event: Event
    layout: Layout
    draws: tuple[Array, ...] = ()
    later: tuple[Event, ...] = ()
    off: float = 0.0
    relative: float = 0.0
    anchored: bool = False


@dataclass(eq=False)
class Row:
    """A step, and what every adapter has for it.

    ``values`` are its numbers in each draw, ``shown`` those to look at. ``same_as`` is the earlier
    step, or the input, that has the same numbers, with ``layout`` if they lie differently. A part
    of an expression has the number of the step that it belongs to, its ``whole``.
    """

    step: Step
    values: tuple[Array, ...]
    shown: Array
    number: int = 0
    constant: bool = False
    same_as: Row | str | None = None
    layout: str = ""
    whole: Row | None = None
    matches: dict[str, Match] = field(default_factory=dict)
    inside: dict[str, str] = field(default_factory=dict)  # why there is no match

    @property
    def label(self) -> str:
        """How other entries refer to it."""
        if self.whole is None:
            return f"step {self.number}, {self.step.name}"
        return f"a part of step {self.number}, {self.step.text}"

    @property
    def is_step(self) -> bool:
        """Whether it is a calculation in a statement of its own."""
        return not (self.constant or self.step.part or self.same_as is not None)

    @property
    def passes(self) -> bool:
        """Whether it leaves its layer."""
        return bool(self.step.role)


@dataclass
class Ledger:
    """All rows, in the order of the program.

    ``passed`` is the row of each value that leaves a layer, by its ``Passing.key``. ``events`` has
    those of each adapter, each event in every draw and as it is shown; ``skipped`` the adapters
    that could not run the network, and why.
    """

    rows: list[Row]
    passed: dict[Key, Row]
    events: dict[str, list[tuple[Event, ...]]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def matched(self, adapter: str, phase: str = "", passes: bool | None = None) -> tuple[int, int]:
        """How many steps have a counterpart, and of how many.

        ``passes``: only those that leave their layer, or only those that do not.
        """
        steps = [r for r in self.rows if r.is_step and phase in ("", r.step.call.phase)]
        steps = [r for r in steps if passes in (None, r.passes)]
        return sum(adapter in r.matches for r in steps), len(steps)

    def gradients(self, adapter: str) -> tuple[int, int]:
        """How many gradients are what the adapter holds for that parameter, and of how many."""
        held = [r for r in self.rows if r.step.leaf]
        return sum(adapter in r.matches for r in held), len(held)

    def worst(self, adapter: str) -> float:
        """The largest relative difference of a step from its counterpart."""
        return max((r.matches[adapter].relative for r in self.rows if adapter in r.matches),
                   default=0.0)  # fmt: skip

    def first_unmatched(self, adapter: str) -> Row | None:
        """Where a program leaves the framework's for good, if gradients of it are wrong.

        It is the first value that leaves a layer without a counterpart, of those that come between
        the last that has one and the first wrong gradient.
        """
        wrong = (r for r in self.rows if r.step.leaf and adapter not in r.matches)
        first: Row | None = next((r for r in wrong if not self._is_zero(r, adapter)), None)
        if first is None:
            return None
        on_the_way = [r for r in self.rows if r.step.role[:2] in ("y", "y.", "dx")]
        before = [r for r in on_the_way if r.number < first.number and not r.constant]
        for row in reversed(before):
            if adapter in row.matches:
                break
            first = row
        return first

    def _is_zero(self, row: Row, adapter: str) -> bool:
        """Whether a gradient is zero but for rounding, ours and theirs: a bias before a mean."""
        held = (e for e in self.events[adapter] if e[0].leaf == row.step.leaf)
        theirs = next(held, None)
        if theirs is None:
            return False
        ours = [r.values for r in self.rows if r.step.leaf]
        largest = (max(np.abs(v[draw]).max() for v in ours) for draw in range(len(row.values)))
        return all(
            max(np.abs(mine).max(), np.abs(event.value).max()) <= NOISE * most
            for mine, event, most in zip(row.values, theirs, largest, strict=False)
        )


def joined(runs: Sequence[Sequence[T]], key: Any) -> list[tuple[T, ...]]:
    """The members that all runs have, by their key, in the order of the first run."""
    tables = [{key(member, nth): member for member, nth in _counted(run, key)} for run in runs]
    return [
        tuple(table[k] for table in tables)
        for k in tables[0] if all(k in table for table in tables)
    ]  # fmt: skip


def _counted(run: Sequence[T], key: Any) -> Iterable[tuple[T, int]]:
    """Each member, with how many of the same key came before it."""
    seen: dict[Hashable, int] = defaultdict(int)
    for member in run:
        yield member, seen[key(member, 0)]
        seen[key(member, 0)] += 1


def step_key(step: Step, nth: int) -> Hashable:
    """What a step is in every run of the same program."""
    return step.key, nth


def event_key(event: Event, nth: int) -> Hashable:
    """What an event is in every run of the same program.

    Not its number: for a batch of one a framework may need fewer operations, and count otherwise.
    """
    return event.phase, event.name, event.operation, event.scope, event.leaf, nth


def of_reference(runs: Sequence[Program], inputs: Sequence[Tree]) -> Ledger:
    """The ledger of the reference alone. The last run is the one to show."""
    rows = _rows([run.steps for run in runs], inputs)
    of_step = {id(row.step): row for row in rows}
    kept = (p for p in runs[0].passed if id(p.step) in of_step)
    return Ledger(rows, {p.key: of_step[id(p.step)] for p in kept})


def _rows(runs: Sequence[Sequence[Step]], inputs: Sequence[Tree]) -> list[Row]:
    rows: list[Row] = []
    known, origin = _given(inputs)
    for steps in joined(runs, step_key):
        values = tuple(s.value for s in steps)
        row = Row(steps[0], values[:-1], values[-1])
        row.constant = same(values[:1], values[1:2]) is not None
        if row.constant:
            found: list[tuple[Any, Layout]] = []
        else:
            found = [(origin[i], layout) for i, layout in known.find(row.values)]
            known.add(row.values)
            origin.append(row)
        pieces = [r for r, _ in found if isinstance(r, Row) and r.step.part]
        if not row.step.part:  # what a statement has made comes before its parts
            found = [pair for pair in found if pair[0] not in pieces]
            rows = [r for r in rows if r not in pieces]
        if found:
            row.same_as = found[0][0]
            turned = same(known.arrays[origin.index(row.same_as)], row.values)
            row.layout = turned.text if turned else found[0][1].text
        if row.passes or not (found or row.constant):
            rows.append(row)
    _number(rows)
    return rows


def _number(rows: list[Row]) -> None:
    whole, number = None, sum(not row.step.part or row.passes for row in rows)
    for row in reversed(rows):  # parts come before what they are parts of
        if not row.step.part or row.passes:
            whole, row.number = row, number
            number -= 1
        else:
            row.whole, row.number = whole, number + 1


def _given(inputs: Sequence[Tree]) -> tuple[Index, list[Row | str]]:
    """The values of parameters, input and target in every draw, and their names."""
    columns = [dict(leaves(tree)) for tree in inputs[:-1]]
    floats = [name for name, a in columns[0].items() if a.dtype.kind in "fc"]
    return Index([column[name] for column in columns] for name in floats), list(floats)


def add_events(ledger: Ledger, name: str, runs: Sequence[Sequence[Event]]) -> None:
    """Give the rows their counterparts among an adapter's events, of every draw and to show."""
    rows = ledger.rows
    events = joined(runs, event_key)
    index = Index([tuple(e.value for e in draws[:-1]) for draws in events])
    last: dict[int, int] = {}  # of equal rows: the event that the row before has taken
    for row in rows:
        found = [] if row.constant else index.find(row.values)
        phase = row.step.call.phase
        own = [(i, layout) for i, layout in found if events[i][0].phase == phase]
        if not own and not row.passes and phase == "backward":
            own = found  # a number of the forward pass that is worked out once more
        first = id(row) if row.same_as is None else id(_root(row))
        later = [pair for pair in own if pair[0] > last.get(first, -1)] or own[-1:]
        match = _match(row, [(events[i], layout) for i, layout in later])
        if match is not None:
            row.matches[name] = match
            last[first] = later[0][0]
    ledger.events[name] = events
    _bracket(rows, name, [e[-1] for e in events])


def _root(row: Row) -> Row | str:
    while isinstance(row.same_as, Row):
        row = row.same_as
    return row if row.same_as is None else row.same_as


def _match(row: Row, found: list[tuple[tuple[Event, ...], Layout]]) -> Match | None:
    """The first event is the one that computes it; but a gradient must be the parameter's own."""
    held = [(e, layout) for e, layout in found if e[0].leaf == row.step.leaf and not layout.text]
    if not found or (row.step.leaf and not held):
        return None
    (first, layout), *rest = found
    values = *row.values, row.shown
    offs = [layout.difference(v, e.value) for v, e in zip(values, first, strict=True)]
    sizes = [float(np.abs(v).max()) or 1.0 for v in values]
    relative = max(off / size for off, size in zip(offs, sizes, strict=True))
    draws, later = tuple(e.value for e in first[:-1]), tuple(e[-1] for e, _ in rest)
    return Match(first[-1], layout, draws, later, offs[-1], relative, bool(row.step.leaf))


def _bracket(rows: Sequence[Row], name: str, events: list[Event]) -> None:
    """For a step without a counterpart, what runs between its neighbours that have one."""
    place = {id(event): i for i, event in enumerate(events)}
    owners: dict[tuple[str, int], set[int]] = defaultdict(set)  # of a node: the calls of its rows
    for row in rows:
        if (match := row.matches.get(name)) is not None:
            for event in (match.event, *match.later):
                owners[event.phase, event.number].add(id(row.step.call))

    def neighbour(part: Iterable[Row], phase: str) -> int | None:
        found = (r.matches[name].event for r in part if name in r.matches)
        return next((place[id(e)] for e in found if e.phase == phase), None)

    for i, row in enumerate(rows):
        if name not in row.matches and not row.constant:
            call, phase = row.step.call, row.step.call.phase
            before = neighbour(reversed(rows[:i]), phase)
            after = neighbour(rows[i + 1 :], phase)
            if after is not None:
                start = before + 1 if before is not None and before < after else after
                row.inside[name] = _listed(
                    e.name for e in events[start : after + 1]
                    if e.phase == phase and not e.leaf and not e.moves
                    and owners[e.phase, e.number] <= {id(call)}
                ) or events[after].name  # fmt: skip


def _listed(names: Iterable[str]) -> str:
    unique = list(dict.fromkeys(names))
    more = f" and {len(unique) - FEW} more" if len(unique) > FEW else ""
    return ", ".join(unique[:FEW]) + more
