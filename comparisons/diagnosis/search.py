"""The search: every proposal for every part, run, screened, confirmed and ranked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from ...reference.protocols import Array
from ...reference.tree import leaves
from ..problems import Specs
from ..tolerances import Key
from .around import mixed, mixed_rule
from .bench import Bench, step_of
from .evidence import ENOUGH, strain
from .fitting import fit, snapped
from .parts import Change, Part, everywhere, replaced
from .registry import Family, Proposal, hypotheses, proposed

AHEAD = 2  # steps after the first wrong one on which proposals are tried
CONFIRMED = 10  # explanations that are confirmed at most, the cheapest first
PLAUSIBLE = 9.0  # bits that the second of two causes may cost
FIRST = 2  # partial explanations on which a second one is tried
SECOND = 4.0  # bits that a second cause costs
RIVAL = 2.0  # bits more that a cause may cost, and still be told beside the likeliest


@dataclass(frozen=True, eq=False)
class Element:
    """One proposal for one part, for every part of its type or this one, and to what limited."""

    part: Part
    proposal: Proposal
    every: bool = False
    only: frozenset[Key] = frozenset()

    @property
    def make(self) -> Change:
        """The change of the part's spec."""
        if not self.only:
            return self.proposal.make
        return partial(_limit, make=self.proposal.make, keys=self.only)

    def applied(self, specs: Specs) -> Specs:
        """The specs with the change."""
        if self.every:
            return everywhere(specs, type(self.part.spec), self.make)
        return replaced(specs, self.part.place, self.make)


def _limit(spec: Any, make: Change, keys: frozenset[Key]) -> Any:
    if hasattr(spec, "update"):
        ((which, _),) = keys
        return mixed_rule(spec, make(spec), which)
    return mixed(spec, make(spec), keys)


@dataclass(frozen=True)
class Explanation:
    """Elements that together make the candidate's numbers, and how well.

    ``keys`` are the wrong keys that they explain, ``ratio`` the worst noise ratio of these and of
    all that are right; ``bits`` what the explained entries tell, ``strain`` what is lost where
    they fit less well than is usual.
    """

    elements: tuple[Element, ...]
    keys: frozenset[Key]
    ratio: float = np.inf
    bits: float = 0.0
    strain: float = 0.0
    since: int = 0  # the step from which on it computes so, 0 for always

    @property
    def cost(self) -> float:
        """Of its proposals, of their number, and of every limit."""
        limits = sum(1.0 for e in self.elements if e.only) + (2.0 if self.since else 0.0)
        return (
            sum(e.proposal.cost for e in self.elements) + limits + SECOND * (len(self.elements) - 1)
        )

    @property
    def worth(self) -> float:
        """The bits that it saves."""
        return self.bits - self.cost - self.strain

    @property
    def id(self) -> str:
        """The ids of its causes, in order."""
        return " + ".join(sorted(e.proposal.id for e in self.elements))

    def applied(self, specs: Specs) -> Specs:
        """The specs with every change."""
        for element in self.elements:
            specs = element.applied(specs)
        return specs


@dataclass
class Search:
    """The trials of one bench on some parts; ``without`` are ids and kinds that are left out.

    ``full`` explain everything, ``some`` a part of it; ``rough`` are formulas that lose digits, and
    may explain it. ``tried`` counts proposals by kind.
    """

    bench: Bench
    parts: list[Part]
    without: frozenset[str] = frozenset()
    tried: dict[str, int] = field(default_factory=dict)
    full: list[Explanation] = field(default_factory=list)
    some: list[Explanation] = field(default_factory=list)
    bases: list[tuple[Element, ...]] = field(default_factory=list)
    rough: list[Explanation] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.quick = self.bench.until(self.bench.first_step + AHEAD)
        self._right = frozenset(self.quick.keys) - set(self.quick.wrong) - self.quick.undecided
        types = [type(p.spec) for p in self.parts]
        self._several = {t for t in types if types.count(t) > 1}
        self._known: dict[Explanation, Explanation | None] = {}

    def run(self) -> list[Explanation]:
        """The explanations of everything, best first."""
        self._pass(())
        found = self.confirmed() or self._confirmed_of(self.rough)
        if not found:
            for base in self._first_causes():
                self._pass(base)
            found = self.confirmed()
        return found

    def confirmed(self) -> list[Explanation]:
        """The cheapest full explanations that their own tolerances bear out, best first."""
        return self._confirmed_of(self.full)

    def _confirmed_of(self, some: list[Explanation]) -> list[Explanation]:
        best = sorted(some, key=lambda e: e.cost)[:CONFIRMED]
        sure = [c for e in best if (c := self._confirmed(e))]
        return sorted(sure, key=lambda e: e.cost + e.strain)

    def _confirmed(self, e: Explanation) -> Explanation | None:
        if e not in self._known:
            self._known[e] = confirmed(self.bench, e)
        return self._known[e]

    def partly(self) -> list[Explanation]:
        """The best explanations of a part of what is wrong, confirmed."""
        best = sorted(self.some, key=lambda e: (-len(e.keys), e.cost))[:CONFIRMED]
        return [c for e in best if (c := confirmed(self.bench, e))][:FIRST]

    def _first_causes(self) -> Iterator[tuple[Element, ...]]:
        """What to try a second cause on top of: of each set of keys explained, the cheapest."""
        seen: set[Any] = set()
        for e in sorted(self.some, key=lambda e: (-len(e.keys), e.cost)):
            if e.keys not in seen and len(seen) < FIRST:
                seen.add(e.keys)
                yield e.elements
        yield from self.bases[:1]

    def _pass(self, base: tuple[Element, ...]) -> None:
        """Every hypothesis, the likeliest first, on top of a base, until none left is as likely."""
        specs = Explanation(base, frozenset()).applied(self.quick.problem.specs)
        for h in hypotheses():
            if h.bits > (self._limit(base) if not base else min(self._limit(base), PLAUSIBLE)):
                return
            done: set[type] = set()
            for part in self.parts:
                scopes = [False]
                if type(part.spec) in self._several:
                    scopes = [False] if type(part.spec) in done else [True, False]
                    done.add(type(part.spec))
                for proposal in proposed(h, part, self.without):
                    self.tried[h.kind] = self.tried.get(h.kind, 0) + 1
                    for every in scopes:
                        for option in self._settled(part, proposal, every, specs):
                            self._trial(base, Element(part, option, every), specs)

    def _limit(self, base: tuple[Element, ...]) -> float:
        """The bits beyond which no hypothesis can rival what explains everything already."""
        for e in sorted(self.full, key=lambda e: e.cost)[:CONFIRMED]:
            if len(e.elements) == len(base) + 1 and self._confirmed(e):
                return e.elements[-1].proposal.cost + RIVAL
        return np.inf

    def _settled(
        self, part: Part, proposal: Proposal | Family, every: bool, specs: Specs
    ) -> Iterator[Proposal]:
        """The proposal, or a family's with its number fitted."""
        if isinstance(proposal, Proposal):
            yield proposal
            return

        def run(make: Change) -> Array | None:
            return self._values(Element(part, Proposal("", "", make), every), specs)

        fitted = fit(self.quick, proposal, run)
        if fitted:
            entry = float(np.max(self.quick.bits(), initial=0.0))
            yield from snapped(proposal, fitted, part, entry)

    def _values(self, element: Element, specs: Specs) -> Array | None:
        try:
            return self.quick.run(element.applied(specs))
        except Exception:  # a proposal need not be possible
            return None

    def _trial(self, base: tuple[Element, ...], element: Element, specs: Specs) -> None:
        values = self._values(element, specs)
        if values is None:
            return
        found = self._kept(base, element, self.quick.screen(values).explained)
        if found:
            return
        if not base and self.quick.collinear(values):
            self.bases.append((element,))
        if not base and self._unsteady(values):
            self.rough.append(Explanation((element,), frozenset(self.bench.wrong)))
            return
        explained = self.quick.screen(values).explained & set(self.quick.wrong)
        for only in self._limits(element.part, explained):
            limited = replace(element, only=only)
            values = self._values(limited, specs)
            if values is not None:
                self._kept(base, limited, self.quick.screen(values).explained)

    def _unsteady(self, values: Array) -> bool:
        """Whether a formula that loses digits may be what the candidate computes."""
        right = self.quick.screen(values).explained
        return self.quick.unsteady(values) and self._right <= right

    def _kept(self, base: tuple[Element, ...], element: Element, explained: frozenset[Key]) -> bool:
        """Note an explanation that leaves right what is right; whether it is one."""
        keys, since = frozenset(self.quick.wrong) & explained, 0
        if not keys:
            return False
        if not self._right <= explained:
            since = self.quick.first_step  # in lockstep, what was before has no say
            late = frozenset(k for k in self._right if step_of(k) >= since)
            if since < 2 or self.quick.problem.mode != "lockstep" or not late <= explained:
                return False
        if keys >= set(self.quick.wrong):
            found = Explanation((*base, element), frozenset(self.bench.wrong), since=since)
            self.full.append(found)
        elif not base:
            self.some.append(Explanation((element,), keys))
        return True

    def _limits(self, part: Part, explained: frozenset[Key]) -> Iterator[frozenset[Key]]:
        """To which quantities of a part a change may be limited, from what is wrong."""
        wrong = {quantity.split()[-1] for quantity, _ in self.quick.wrong}
        if part.kind == "optimizer":
            if len(wrong) == 1:
                yield frozenset((quantity, "") for quantity in wrong)
        elif part.kind in ("layer", "loss") and explained:
            if len(part.place) == 1 and self.quick.problem.mode == "vjp":
                yield explained
                return
            own = frozenset(
                ("dparams", leaf) for leaf, path in part.own.items()
                if {("dparams", path)} & set(self.quick.wrong)
            )  # fmt: skip
            call = part.call()
            dx = frozenset(("dx", leaf) for leaf, _ in leaves(call.dx if call else None))
            y = frozenset(("y", leaf) for leaf, _ in leaves(call.y if call else None))
            yield from (keys for keys in dict.fromkeys((own, dx, own | dx, y)) if keys)


def confirmed(bench: Bench, explanation: Explanation) -> Explanation | None:
    """The explanation with its evidence, or None where its own tolerances do not bear it out."""
    try:
        ratios, expected = bench.confirm(explanation.applied(bench.problem.specs))
    except Exception:
        return None
    right = set(bench.keys) - set(bench.wrong) - bench.undecided
    right = {key for key in right if step_of(key) >= explanation.since}
    judged = [ratios.get(k, np.inf) for k in (right | explanation.keys)]
    ratio = float(max(judged, default=np.inf))
    if not ratio <= bench.allowed:
        return None
    bits = bench.bits(explanation.keys, expected)
    found = replace(
        explanation, ratio=ratio, bits=float(bits.sum()), strain=strain(ratio, len(bits))
    )
    return found if found.worth >= ENOUGH else None
