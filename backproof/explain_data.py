"""The ledger as data: what ``backproof explain --format json`` prints.

The schema is described in docs/ledger.md; its number changes when a field goes or means another
thing, not when one is added.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from . import __version__
from .comparisons import environment
from .comparisons.ledger.equations import derivation, equation, headline
from .comparisons.ledger.explanation import Bug, Explanation
from .comparisons.ledger.ledger import Ledger, Match, Row
from .explain_words import identity, kind, operations
from .reference.protocols import Array
from .reference.tree import leaves

SCHEMA = 1
MOST = 4096  # numbers of one array; of a larger one the first


def as_json(e: Explanation) -> str:
    """Everything, indented."""
    return json.dumps(as_data(e), indent=2, ensure_ascii=False)


def as_data(e: Explanation) -> dict[str, Any]:
    """Everything that was found, as plain dicts, lists, numbers and strings."""
    forward, second = e.forward, e.second
    return {
        "schema": SCHEMA, "backproof": __version__,
        "versions": environment.versions(tuple(e.adapters)),
        "network": e.problem.name, "description": e.problem.description, "unfused": e.unfused,
        "adapters": e.adapters, "skipped": e.skipped, "wrong": e.wrong,
        "layers": _layers(e.ledger),
        "steps": [_step(row, e.ledger) for row in e.ledger.rows],
        "summary": _summary(e.ledger),
        "forward_mode": forward and {
            "steps": [_step(row, forward.ledger) for row in forward.ledger.rows],
            "summary": _summary(forward.ledger), "rates": forward.rates,
            "by_gradient": forward.by_gradient, "disagreement": forward.disagreement,
        },
        "second_order": second and {
            "how": second.how, "tolerance": second.tolerance, "agrees": second.agrees,
            "curvature": second.curvature, "asymmetry": second.asymmetry,
            "skipped": second.skipped,
            "direction": {leaf: _array(v) for leaf, v in leaves(second.direction)},
            "products": {
                name: {leaf: _array(v) for leaf, v in leaves(tree)}
                for name, tree in second.products.items()
            },
            "off": {name: second.off(name) for name in second.products},
        },
        "bug": e.bug and _bug(e.bug),
    }  # fmt: skip


def _layers(ledger: Ledger) -> list[dict[str, str]]:
    """Each layer once, with its derivation."""
    specs = {row.step.call.layer: row.step.call.spec for row in ledger.rows}
    return [
        {"layer": name, "headline": headline(spec), "derivation": derivation(spec)}
        for name, spec in specs.items()
    ]


def _step(row: Row, ledger: Ledger) -> dict[str, Any]:
    step, call = row.step, row.step.call
    same = row.same_as.number if isinstance(row.same_as, Row) else row.same_as
    return {
        "number": row.number, "phase": call.phase, "path": call.path, "layer": call.layer,
        "use": call.use, "name": step.name, "kind": kind(row), "role": step.role,
        "gradient_of": step.leaf, "equation": equation(step), "code": step.text,
        "statement": step.statement, "where": step.where, "function": step.function,
        "turn": step.turn, "fork": step.fork, "same_as": same, "layout": row.layout,
        "says": identity(row), "value": _array(row.shown),
        "matches": {name: _match(m, name, ledger) for name, m in row.matches.items()},
        "inside": {name: where for name, where in row.inside.items() if where},
    }  # fmt: skip


def _match(match: Match, name: str, ledger: Ledger) -> dict[str, Any]:
    event = match.event
    return {
        "name": event.name, "number": event.number, "operation": event.operation,
        "operations": operations(ledger, name, match), "scope": event.scope,
        "where": event.where, "text": event.text, "fork": event.fork, "layout": match.layout.text,
        "held": match.anchored, "later": list(dict.fromkeys(v.name for v in match.later)),
        "off": match.off, "relative": match.relative,
    }  # fmt: skip


def _summary(ledger: Ledger) -> dict[str, Any]:
    return {
        name: {
            **{phase: ledger.matched(name, phase) for phase in ("forward", "backward")},
            "gradients": ledger.gradients(name), "relative": ledger.worst(name),
        } for name in ledger.events
    }  # fmt: skip


def _bug(bug: Bug) -> dict[str, Any]:
    return {
        "name": bug.name, "description": bug.description,
        "first_wrong": {
            name: wrong and {
                "phase": wrong.call.phase, "path": wrong.call.path,
                "layer": wrong.call.layer, "name": wrong.right.step.name,
                "code": wrong.step.text, "where": wrong.step.where,
                "right": wrong.right.number, "hint": wrong.hint,
                "after": wrong.after and wrong.after.number,
                "unchecked": [s.text for s in wrong.unchecked],
            } for name, wrong in bug.first.items()
        },
    }  # fmt: skip


def _array(value: Array) -> dict[str, Any]:
    """Shape and numbers; of more than ``MOST`` the first of them, in one list."""
    value = np.asarray(value)
    if value.size <= MOST:
        return {"shape": list(value.shape), "numbers": value.tolist()}
    return {"shape": list(value.shape), "first": value.ravel()[:MOST].tolist()}
