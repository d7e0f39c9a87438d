"""What the interactive page is given: the network as a program, its steps, and the ledger's finds.

The page holds no fact of its own: it runs the tape, shows what stands here, and works out nothing
else. Arrays are named by their place on the tape.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from .adapters.tracing import Event
from .comparisons.ledger.equations import headline
from .comparisons.ledger.explanation import Explanation
from .comparisons.ledger.ledger import Ledger, Row
from .comparisons.ledger.live import RATE, Live, lines_of_update, live, updated
from .comparisons.ledger.problem import named
from .comparisons.ledger.source import statements
from .comparisons.ledger.tape import CONSTANT, NotTraceable, Tape
from .explain_graph import graph
from .explain_sources import Listings
from .explain_words import counterpart, identity, remarks, said, shape, small, without
from .reference.optimizers.sgd import SGD
from .reference.protocols import Array
from .reference.tree import leaves

RECORDED, LEAST = 40_000, 64  # numbers, in all and of one array, that the page cannot compute
MOST = 1_500_000  # numbers that a page works out sixty times a second
NAMES = {"numpy": "NumPy", "torch": "PyTorch", "jax": "JAX"}


def page_data(e: Explanation) -> dict[str, Any]:
    """All that the page needs, as plain dicts, lists, numbers and strings."""
    why, program = "", None
    try:
        program = _computable(live(e.problem, e.ledger))
    except NotTraceable as error:
        why = f"This page cannot recompute {e.problem.name}: {error}."
    found = program or _recorded(e)
    rows = [row for row in e.ledger.rows if row.is_step or row.passes]
    wanted = {*found.given.values(), *found.updated.values(), *(found.rows[row] for row in rows)}
    needed = found.tape.needed(list(wanted))
    place = {var: i for i, var in enumerate(needed)}
    listings = Listings()
    steps = [_step(row, e.ledger, place[found.rows[row]], listings) for row in rows]
    steps += _updates(e, found, place, listings)
    losses = [row for row in rows if row.step.call.path == "loss" and row.step.role == "y"]
    return {
        "name": e.problem.name, "description": e.problem.description,
        "why": why, "tape": [_operation(found.tape, var, place) for var in needed],
        "given": {name: place[var] for name, var in found.given.items()},
        "parameters": [path for path, _ in leaves(e.problem.shown[0]) if path in found.given],
        "rate": RATE, "updated": {path: place[var] for path, var in found.updated.items()},
        "loss": place[found.rows[losses[-1]]] if losses else None,
        "labels": _labels(e.problem.shown[2]),
        "samples": len(next(a for _, a in leaves(e.problem.shown[1]))),
        "steps": steps, "sources": listings.all,
        "programs": {name: [_event(v) for v in _program(e, name)] for name in e.ledger.events},
        "frameworks": [_framework(name, e) for name in ("numpy", *_asked(e))],
        "graph": graph(e.problem, e.ledger, lambda row: place.get(found.rows.get(row, -1))),
    }  # fmt: skip


def _labels(target: Any) -> list[int] | None:
    """The classes of the samples, where that is what the target is."""
    labels = isinstance(target, np.ndarray) and target.dtype.kind in "iu" and target.ndim == 1
    return [int(v) for v in target] if labels else None


def _asked(e: Explanation) -> list[str]:
    """The frameworks of the ledger, and those that are missing."""
    return [*e.ledger.events, *(name for name in e.skipped if name in NAMES)]


def _framework(name: str, e: Explanation) -> dict[str, str]:
    return {"id": name, "name": NAMES.get(name, name), "missing": e.skipped.get(name, "")}


@cache
def page_operations() -> frozenset[str]:
    """The operations that the page has: read from the file that defines them."""
    text = files("backproof").joinpath("page", "operations.js").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^  (\w+): ", text, re.MULTILINE))


def _computable(program: Live) -> Live:
    """The program itself; NotTraceable where the page lacks an operation, or it is too large."""
    wanted = [*program.rows.values(), *program.updated.values()]
    operations = [program.tape.operations[var] for var in program.tape.needed(wanted)]
    if lacking := sorted({o.name for o in operations} - page_operations()):
        raise NotTraceable(f"it does not know {', '.join(lacking)}")
    if (size := sum(int(np.prod(o.shape)) for o in operations)) > MOST:
        raise NotTraceable(f"a pass makes {size:,} numbers, too many to follow a slider")
    return program


def _recorded(e: Explanation) -> Live:
    """A tape on which every number stands as it was recorded."""
    tape, given = Tape(), {}
    most = max(LEAST, RECORDED // len(e.ledger.rows))

    def kept(value: Array) -> int:
        """The whole array, or as many of its numbers as there is room for."""
        array = np.asarray(value, np.float64)
        numbers = [float(f"{v:.9g}") for v in array.ravel()[:most]]
        return tape.add(CONSTANT, (), array, numbers=numbers).var

    for path, w in leaves(named(*e.problem.shown)):
        given[path] = kept(w)
    given[RATE] = kept(np.asarray(e.problem.rate))
    rows = {row: kept(row.shown) for row in e.ledger.rows}
    gradients = {row.step.leaf: row.shown for row in e.ledger.rows if row.step.leaf}
    new = updated(e.problem, gradients)
    return Live(tape, given, rows, {path: kept(w) for path, w in new.items()})


def _operation(tape: Tape, var: int, place: dict[int, int]) -> list[Any]:
    """[name, shape, inputs, the rest], as short as can be."""
    o = tape.operations[var]
    more = dict(o.more)
    if "numbers" in more:
        more["numbers"] = [_finite(v) for v in more["numbers"]]
    return [o.name, list(o.shape), [place[i] for i in o.inputs], *([more] if more else [])]


def _finite(value: float) -> float | str:
    """JSON has no infinity and no NaN: they are given as words."""
    if np.isfinite(value):
        return int(value) if value == int(value) and abs(value) < 1e15 else value
    return str(value)


def _step(row: Row, ledger: Ledger, var: int, listings: Listings) -> dict[str, Any]:
    step, call = row.step, row.step.call
    line = int(step.where.rpartition(":")[2])
    return {
        "phase": call.phase, "path": call.path, "layer": call.layer, "name": step.name,
        "headline": headline(call.spec), "equation": said(step).replace(" so ", ", so "),
        "role": step.role, "leaf": step.leaf,
        "code": step.text, "where": step.where, "fork": step.fork, "same": identity(row),
        "array": var, **listings.place(step.file, line),
        "found": {name: _found(row, ledger, name) for name in ledger.events},
    }  # fmt: skip


def _found(row: Row, ledger: Ledger, name: str) -> dict[str, Any]:
    """The place of a step's counterpart in the framework's program, or why there is none."""
    match = row.matches.get(name)
    shown = [draws[-1] for draws in ledger.events[name]]
    if match is None:
        why = without(row, name) or "it does not depend on the numbers"
        return {"at": None, "inside": _around(row, ledger, name, shown), "text": why}
    at = next(i for i, event in enumerate(shown) if event is match.event)
    more = [*remarks(row, name), f"largest difference {small(match.off)}"]
    return {"at": at, "text": counterpart(match), "more": "; ".join(more)}


def _around(row: Row, ledger: Ledger, name: str, shown: list[Event]) -> int | None:
    """The event that a step without a counterpart is inside of: the first of its name."""
    phase, names = row.step.call.phase, row.inside.get(name, "").split(", ")
    place = {id(event): i for i, event in enumerate(shown)}
    earlier = (r.matches.get(name) for r in ledger.rows[: ledger.rows.index(row)])
    before = [place[id(m.event)] for m in earlier if m is not None and m.event.phase == phase]
    after = max(before, default=-1) + 1
    found = (i for i, e in enumerate(shown) if i >= after and e.phase == phase and e.name in names)
    return next(found, None)


def _program(e: Explanation, name: str) -> list[Event]:
    """All that the framework ran, in order: both passes, and an update."""
    return [draws[-1] for draws in e.ledger.events[name]] + e.updates.get(name, [])


def _event(e: Event) -> list[str]:
    """Its phase, and a line of its framework's program."""
    ran, held = (f": {e.operation}" if e.operation else ""), (f" holds {e.leaf}" if e.leaf else "")
    line = e.text or f"{e.name}{ran}{held}  ({shape(e.value)})"
    return [e.phase, f"{line}   # {e.scope}" if e.scope else line]


def _updates(
    e: Explanation, found: Live, place: dict[int, int], listings: Listings
) -> Iterator[dict[str, Any]]:
    """A step for each parameter: the update rule."""
    file, line = lines_of_update()[-1]
    rule = headline(SGD()).partition(",")[0]
    new = updated(e.problem, {r.step.leaf: r.shown for r in e.ledger.rows if r.step.leaf})
    for path, var in found.updated.items():
        yield {
            "phase": "update", "path": "", "layer": "SGD", "headline": rule, "name": path,
            "role": "", "leaf": path, "equation": rule, "code": statements(file)[line].text,
            "where": f"optimizers/sgd.py:{line}", "fork": False, "same": "", "array": place[var],
            **listings.place(file, line),
            "found": {name: _new_value(_program(e, name), path, new[path]) for name in e.updates},
        }  # fmt: skip


def _new_value(program: list[Event], path: str, new: Array) -> dict[str, Any]:
    """Where a framework makes the new value of a parameter, by its own bookkeeping."""
    for at, event in enumerate(program):
        if event.phase == "update" and event.leaf == path:
            off = small(float(np.abs(event.value - new).max()))
            name = ": ".join(filter(None, (event.name, event.operation)))
            return {"at": at, "text": name, "more": f"it becomes {path}; largest difference {off}"}
    return {"at": None, "text": "no counterpart"}
