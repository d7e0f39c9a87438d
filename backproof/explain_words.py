"""How a ledger's entries are put into words: the same on a terminal, in JSON and on a page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .comparisons.ledger.equations import equation, headline
from .comparisons.ledger.explanation import Explanation
from .comparisons.ledger.ledger import Ledger, Match, Row
from .comparisons.ledger.steps import Call, Step
from .reference.protocols import Array

DIGITS = 9
TITLES = {"forward": "Forward", "backward": "Backward"}


@dataclass(frozen=True)
class Group:
    """The rows of one pass through one layer that follow each other."""

    call: Call
    rows: list[Row]

    @property
    def title(self) -> str:
        """Where the layer is, and what it is."""
        c = self.call
        again = f" (use {c.use + 1})" if c.use else ""
        return " ".join(filter(None, (c.path, c.layer))) + again

    @property
    def headline(self) -> str:
        """What the layer computes."""
        return headline(self.call.spec)


def groups(ledger: Ledger, whole: bool) -> Iterator[Group]:
    """The rows layer by layer: all of them, or the steps alone."""
    now: Group | None = None
    for row in ledger.rows:
        if whole or row.is_step or row.passes:
            if now is None or now.call is not row.step.call:
                if now is not None:
                    yield now
                now = Group(row.step.call, [])
            now.rows.append(row)
    if now is not None:
        yield now


def kind(row: Row) -> str:
    """What an entry is: step, part (of an expression), renamed or constant."""
    if row.constant:
        return "constant"
    if row.same_as is not None:
        return "renamed"
    return "part" if row.step.part else "step"


def said(step: Step) -> str:
    """The equation of a step, or its code where the docstrings have none of it."""
    whole = step.role or step.name not in ("y", "dx")  # not what is on its way to be one
    return (equation(step) if whole else "") or (
        step.text if step.part else f"{step.name} = {step.text}"
    )


def numbers(value: Array, most: int) -> str:
    """The first numbers of an array, to nine digits."""
    flat = np.ravel(value)
    shown = " ".join(f"{v:.{DIGITS}g}" for v in flat[:most])
    return f"{shown} ..." if flat.size > most else shown


def small(value: float) -> str:
    """A difference: 0, or 3e-17."""
    return "0" if value == 0 else f"{value:.0e}".replace("e-0", "e-")


def shape(value: Array) -> str:
    """2×3, or "scalar"."""
    return "×".join(map(str, value.shape)) or "scalar"


def identity(row: Row) -> str:
    """For an entry that computes nothing: which numbers it has."""
    if row.constant:
        return "does not depend on the numbers"
    if row.same_as is None:
        return ""
    of = row.same_as.label if isinstance(row.same_as, Row) else row.same_as
    return f"the numbers of {of}" + (f", {row.layout}" if row.layout else "")


def operations(ledger: Ledger, adapter: str, match: Match) -> list[str]:
    """What else ran in the node that computes a step, in order."""
    event = match.event
    node = (e[-1] for e in ledger.events[adapter] if not e[-1].leaf and not e[-1].fork)
    same = (e.operation for e in node if (e.phase, e.number) == (event.phase, event.number))
    return [name for name in same if name]


def counterpart(match: Match) -> str:
    """The event that computes a step: "AddmmBackward0: mm", or "mul in transpose(jvp(2 Dense))"."""
    event = match.event
    name = event.name
    if event.operation:
        name += f": {event.operation}"
    if event.scope:
        name += f" in {event.scope}"
    kind = "cotangents" if event.phase == "backward" else "tangents"
    return f"{name}, a sum of {kind}" if event.fork else name


def remarks(row: Row, adapter: str) -> list[str]:
    """What there is to say about a counterpart beside its name: layout, whose gradient it is."""
    match = row.matches[adapter]
    found = [match.layout.text] if match.layout.text else []
    if match.anchored:
        found.append(f"held as {row.step.leaf}")
    return found


def without(row: Row, adapter: str) -> str:
    """Why a step has no counterpart."""
    if row.constant:
        return ""
    where = row.inside.get(adapter, "")
    return f"no counterpart; inside {where}" if where else "no counterpart"


def counts(e: Explanation, ledger: Ledger) -> list[tuple[str, dict[str, str]]]:
    """How many steps have a counterpart, by pass, for each adapter."""
    phases = dict.fromkeys(r.step.call.phase for r in ledger.rows)
    table = []
    for phase in phases:
        for where, passes in (("between", True), ("inside", False)):
            found = {a: ledger.matched(a, phase, passes) for a in ledger.events}
            if any(total for _, total in found.values()):
                cells = {a: f"{n} of {total}" for a, (n, total) in found.items()}
                table.append((f"{phase} pass, {where} layers", cells))
    if any(r.step.leaf for r in ledger.rows):
        cells = {a: "{} of {}".format(*ledger.gradients(a)) for a in ledger.events}
        table.append(("gradients that it holds itself", cells))
    cells = {a: f"{ledger.worst(a):.1e}" for a in ledger.events}
    return [*table, ("largest relative difference", cells)]
