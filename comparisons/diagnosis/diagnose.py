"""From a candidate and a problem to a diagnosis: where it goes wrong first, and why."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from ...adapters.protocols import Adapter
from .. import cases
from ..distributions import Drawing
from ..problems import Problem
from ..summary import BACKWARD, IN_STEP
from ..tolerances import REPLICAS, Exact, Key
from .bench import Bench, step_of
from .initialisers import other_distribution
from .locate import Located, alone, in_order, likely, located, parts_of
from .parts import Part
from .registry import Asked, Observation, observed
from .search import Element, Explanation, Search, confirmed
from .second import surviving
from .verdicts import Cause, Diagnosis, Where, told

FEW = 4  # parts that are searched together at once, and replicas where none is judged
NONE: frozenset[str] = frozenset()


@dataclass
class Inquiry:
    """One candidate on one problem, and what has been found out so far."""

    problem: Problem
    adapter: Adapter
    bench: Bench
    seed: int = 0
    without: frozenset[str] = NONE
    tried: dict[str, int] = field(default_factory=dict)
    full: list[Explanation] = field(default_factory=list)
    some: list[Explanation] = field(default_factory=list)
    culprit: Located | None = None
    parts: list[Part] = field(default_factory=list)

    def run(self) -> None:
        """Ask for the parts where that is possible, and the whole otherwise."""
        parts = self.parts = parts_of(self.problem)
        if len(parts) > 1:
            self._by_parts(parts)
        if not self.full:
            for suspects in self._suspects(parts):
                if self._search(self.bench, suspects):
                    return

    def _search(self, bench: Bench, parts: list[Part]) -> list[Explanation]:
        search = Search(bench, parts, self.without)
        found = search.run()
        for kind, count in search.tried.items():
            self.tried[kind] = self.tried.get(kind, 0) + count
        if bench is self.bench:
            self.full += found
            self.some += search.partly() if not found else []
        return found

    def _by_parts(self, parts: list[Part]) -> None:
        """Each wrong part alone, until together they explain the whole."""
        base: list[tuple[Element, ...]] = [()]
        try:
            for wrong in self._wrong_parts(parts):
                self.culprit = self.culprit or wrong
                root = [p for p in parts_of(wrong.bench.problem) if len(p.place) == 1]
                found = self._search(wrong.bench, root)
                base = self._in_the_whole(wrong.part, found, base, parts)
                if self.full or not base:
                    return
        except Exception:  # it knows its own whole network alone
            return

    def _wrong_parts(self, parts: list[Part]) -> Iterator[Located]:
        order = in_order(self.bench, parts)
        yield from located(order, self.adapter, self.problem.dtype, self.seed)

    def _in_the_whole(
        self, part: Part, found: list[Explanation], bases: list[tuple[Element, ...]],
        parts: list[Part],
    ) -> list[tuple[Element, ...]]:  # fmt: skip
        """What explains a part, tried on the whole: there it is the cause, or one of several."""
        several = sum(type(p.spec) is type(part.spec) for p in parts) > 1
        more = []
        for explanation in found:
            for every in (True, False) if several else (False,):
                elements = tuple(
                    dataclasses.replace(e, part=part, every=every) for e in explanation.elements
                )
                for base in bases:
                    whole = Explanation((*base, *elements), frozenset(self.bench.wrong))
                    sure = confirmed(self.bench, whole)
                    if sure:
                        self.full.append(sure)
                        break
                    more.append((*base, *elements))
                else:
                    continue
                break
        self.full.sort(key=lambda e: e.cost + e.strain)
        return more[:2]

    def _suspects(self, parts: list[Part]) -> list[list[Part]]:
        """Groups of what may be wrong, the likeliest first."""
        if self.problem.mode == "function":
            return [parts[::-1]]
        layers = in_order(self.bench, parts) if len(parts) > 1 else parts
        if self.problem.mode == "vjp" or len(parts) == 1:
            return [layers] if len(layers) < FEW else [likely(self.bench, layers), layers]
        wrong = [q for q, leaf in self.bench.wrong if step_of((q, leaf)) == self.bench.first_step]
        others = [p for p in parts if p.kind in ("optimizer", "loop")]
        shown = {q.split()[-1] for q, _ in self.bench.keys}
        if {q.split()[-1] for q in wrong} <= {"weights", "state"} and "gradient" in shown:
            return [others]
        return [[*likely(self.bench, layers), *others], [*layers, *others]]


def diagnosed(
    problem: Problem | Drawing, adapter: Adapter, *, candidate: str = "", case: str = "",
    seed: int = 0, replicas: int = REPLICAS, without: frozenset[str] = NONE,
) -> Diagnosis:  # fmt: skip
    """The diagnosis of a candidate's answer to a problem.

    ``without`` are ids of causes and kinds of hypotheses that are left out.
    """
    if isinstance(problem, Drawing):
        return other_distribution(problem, adapter, candidate, case, without)
    with cases.one_thread(), np.errstate(all="ignore"):
        try:
            values, doubts = problem.ask(adapter)
        except Exception as error:
            return Diagnosis(candidate, case, answer=f"it raises {type(error).__name__}: {error}")
        bench = Bench.of(problem, values, doubts, seed, replicas)
        if not bench.wrong:
            return Diagnosis(candidate, case, matches=True)
        inquiry = Inquiry(problem, adapter, bench, seed, without)
        seen = [_seen(bench, o) for o in observed(Asked(problem, adapter, bench, case), without)]
        certain = [c for c in seen if c.kind != "lower precision"]
        if not certain:
            inquiry.run()
        full = surviving(problem, adapter, inquiry.full, seed)
        causes, partial = ([_cause(bench, e) for e in some] for some in (full, inquiry.some))
        causes = [*certain, *causes] or seen  # rounding explains what nothing else does
        where = _where(inquiry)
        return Diagnosis(candidate, case, where, (*causes,), (*partial,), inquiry.tried)


def _where(inquiry: Inquiry) -> Where:
    """The first wrong quantity: of the wrong part where one was found, else of the whole."""
    bench, step, part = inquiry.bench, inquiry.bench.first_step, None
    if inquiry.culprit is not None:
        bench, part = inquiry.culprit.bench, inquiry.culprit.part
    elif inquiry.full and inquiry.full[0].elements[0].part.name:
        bench, part = _first_of(inquiry.full[0].elements[0], inquiry) or (bench, None)
    key = min((k for k in bench.wrong if step_of(k) == bench.first_step), key=_rank(bench))
    layer = part.label if part and (part.name or part.kind == "loss") else ""
    return Where(step, layer, key[0].split()[-1], key[1], bench.rows[key].normwise_error)


def _first_of(element: Element, inquiry: Inquiry) -> tuple[Bench, Part] | None:
    """Of the parts that an element changes, the first whose own numbers it changes."""
    parts = [element.part]
    if element.every:
        same = type(element.part.spec)
        parts = [p for p in in_order(inquiry.bench, inquiry.parts) if type(p.spec) is same]
    for part in parts:
        own = _alone_as(dataclasses.replace(element, part=part), inquiry)
        if own and own.wrong:
            return own, part
    return None


def _alone_as(element: Element, inquiry: Inquiry) -> Bench | None:
    """The part alone, as the explanation has it, beside the right one."""
    dtype = inquiry.problem.dtype
    problem = alone(element.part, dtype)
    if problem is None:
        return None
    (wrong,) = (element.make(s) for s in problem.specs)
    values = {k: np.asarray(v, dtype) for k, v in problem.run((wrong,), Exact(dtype)).items()}
    return Bench.of(problem, values, {}, inquiry.seed, FEW)


def _rank(bench: Bench) -> Callable[[Key], tuple[int, int]]:
    """The order in which quantities are reached; of gradients, the last layer's first."""
    place = {key: i for i, key in enumerate(bench.rows)}

    def rank(key: Key) -> tuple[int, int]:
        quantity = key[0].split()[-1]
        order = IN_STEP.index(quantity) if quantity in IN_STEP else len(IN_STEP)
        return order, -place[key] if quantity in BACKWARD else place[key]

    return rank


def _seen(bench: Bench, o: Observation) -> Cause:
    """An observation as a cause; it saves what all its entries tell."""
    ratios = [bench.rows[k].noise_ratio for k in o.keys if k in bench.rows]
    names = tuple(sorted({" ".join(k).strip() for k in o.keys}))
    bits = float(bench.bits(o.keys).sum())
    return Cause(o.id, o.kind, o.text, o.ratio, float(np.nanmax([*ratios, 0.0])), bits, names)


def _cause(bench: Bench, e: Explanation) -> Cause:
    ratios = [bench.rows[k].noise_ratio for k in e.keys if k in bench.rows]
    return Cause(
        e.id, " and ".join(dict.fromkeys(x.proposal.kind for x in e.elements)), told(e),
        e.ratio, float(np.nanmax([*ratios, 0.0])), e.worth,
        tuple(sorted({" ".join(k).strip() for k in e.keys})), e,
    )  # fmt: skip
