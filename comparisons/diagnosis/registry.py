"""The registry of hypotheses: what a wrong implementation may have done instead.

A hypothesis is a function that looks at a part (a layer, a loss, an optimizer...) and proposes
other specs in its place, each with an id, a text and a cost. It is registered by the decorator
``hypothesis`` in a file of ``hypotheses``; nothing else is to be done. The search runs every
proposal, and judges the candidate against it by the tolerances computed for it.

The cost is counted in bits: how surprising the proposal is before any number is looked at. One of
2^n equally likely proposals costs n bits; a free number, fitted to the candidate, costs in
addition as many bits as one entry of the result tells (see ``evidence``).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, TypeVar

from ...adapters.protocols import Adapter
from ..problems import Problem
from ..tolerances import Key
from .bench import Bench
from .parts import Change, Part

ANY = ("layer", "loss", "optimizer", "function", "loop", "initialiser")


@dataclass(frozen=True)
class Proposal:
    """One other way to compute: ``make`` turns the right spec into it.

    ``id`` names the cause wherever it is found, without sizes or places in it. ``text`` completes
    "these numbers are those of ...". ``more`` adds to the cost of its hypothesis.
    """

    id: str
    text: str
    make: Change
    more: float = 0.0
    kind: str = ""
    cost: float = 0.0


@dataclass(frozen=True)
class Family:
    """Proposals with a free number: ``make(c)`` turns the right spec into that of c.

    ``start`` is where c is right, ``names`` are values that c is expected to have, and ``text(c)``
    completes the sentence for a value, or for the name of one.
    """

    id: str
    text: Callable[[str], str]
    make: Callable[[Any], Change]
    start: float = 1.0
    names: dict[str, float] = field(default_factory=dict)
    more: float = 0.0
    kind: str = ""
    cost: float = 0.0


@dataclass(frozen=True)
class Asked:
    """A candidate that can be asked again, and its first answer on the bench."""

    problem: Problem
    adapter: Adapter
    bench: Bench
    case: str


@dataclass(frozen=True)
class Observation:
    """What asking again has shown: it explains these wrong keys, at that noise ratio."""

    id: str
    text: str
    keys: tuple[Key, ...]
    ratio: float = 0.0
    kind: str = ""


Observations = Iterator[Observation]
Proposals = Iterator[Proposal | Family]
Propose = Callable[[Any], Iterator[Any]]


@dataclass(frozen=True)
class Hypothesis:
    """A registered function: what kind of cause it proposes, of which parts, and at which cost."""

    kind: str
    bits: float
    of: tuple[str, ...]
    propose: Propose


REGISTRY: list[Hypothesis] = []


F = TypeVar("F", bound=Callable[..., Iterator[Any]])


def hypothesis(kind: str, bits: float, of: tuple[str, ...] = ANY) -> Callable[[F], F]:
    """Register a function from a part to proposals.

    ``kind`` is the name of the kind in reports; ``bits`` what one proposal costs; ``of`` the kinds
    of parts that it is asked about, or ("candidate",) for one that asks the candidate again.
    """

    def register(propose: F) -> F:
        REGISTRY.append(Hypothesis(kind, bits, of, propose))
        return propose

    return register


@cache
def hypotheses() -> tuple[Hypothesis, ...]:
    """Every hypothesis, the likeliest kinds first."""
    package = importlib.import_module(f"{__package__}.hypotheses")
    for file in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{file.name}")
    return tuple(sorted(REGISTRY, key=lambda h: h.bits))


def proposed(h: Hypothesis, part: Part, without: frozenset[str] = frozenset()) -> Proposals:
    """What a hypothesis proposes for a part, with kind and cost; no id twice.

    ``without`` are ids and kinds that are left out.
    """
    if part.kind not in h.of or h.kind in without:
        return
    seen = set(without)
    for p in h.propose(part):
        if p.id not in seen:
            seen.add(p.id)
            yield type(p)(**{**vars(p), "kind": h.kind, "cost": h.bits + p.more})


def observed(asked: Asked, without: frozenset[str] = frozenset()) -> Observations:
    """What the hypotheses about the candidate itself find; one that cannot be asked finds none."""
    for h in hypotheses():
        if "candidate" in h.of and h.kind not in without:
            try:
                found = list(h.propose(asked))
            except Exception:  # a candidate need not answer other questions
                continue
            yield from (replace(o, kind=h.kind) for o in found if o.id not in without)
