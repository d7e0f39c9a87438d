"""Which part is wrong: each is asked alone, and given what the reference gives it.

That is lockstep by layer: what goes wrong in one layer does not reach another, so the first that
is wrong is the wrong one. A candidate that only knows its own whole network cannot be asked for
its layers; then the whole's gradients tell between which two layers the cotangent went wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...adapters.protocols import Adapter
from ..problems import LossVJP, NetworkVJP, Problem
from ..tolerances import Exact
from .bench import Bench, step_of
from .parts import Part, record

REPLICAS = 8  # of one part: a few suffice to tell right from wrong


@dataclass(frozen=True)
class Located:
    """A part that is wrong when it is asked alone."""

    part: Part
    bench: Bench


def parts_of(problem: Problem) -> list[Part]:
    """The parts of a problem with what they see, in the order of ``places``."""
    with np.errstate(all="ignore"):
        return record(problem.specs, lambda specs: problem.run(specs, Exact(problem.dtype)))


def alone(part: Part, dtype: np.dtype[Any]) -> NetworkVJP | LossVJP | None:
    """The problem of a part alone, on what it saw last; None where it saw no cotangent."""
    call = part.call()
    if call is None or call.dy is None:
        return None
    if part.kind == "loss":
        return LossVJP(part.spec, call.x, call.params, np.asarray(call.dy), dtype)
    return NetworkVJP(part.spec, call.params, call.x, call.dy, dtype)


def located(
    parts: list[Part], adapter: Adapter, dtype: np.dtype[Any], seed: int
) -> Iterator[Located]:
    """The parts that are wrong, in the order given; raises what the candidate raises."""
    wrong: list[Part] = []
    for part in parts:
        problem = alone(part, dtype)
        if problem is None or any(_within(part, other) for other in wrong):
            continue
        values, doubts = problem.ask(adapter)
        bench = Bench.of(problem, values, doubts, seed, REPLICAS)
        if bench.wrong:
            wrong.append(part)
            yield Located(part, bench)


def _within(whole: Part, part: Part) -> bool:
    """Whether a part lies within another: what is wrong there is wrong in the whole, too."""
    return part.place[: len(whole.place)] == whole.place


def in_order(bench: Bench, parts: list[Part]) -> list[Part]:
    """The layers and losses in the order in which they should be suspected.

    Where an output is wrong: from the first on. Otherwise from the last on, as the cotangent goes,
    and those between the last right gradient and the first wrong one before the others. What is
    made of other parts comes after them.
    """
    asked = [p for p in parts if p.kind in ("layer", "loss")]
    simple = [p for p in asked if not p.composed]
    composed = [p for p in asked if p.composed]
    wrong = _wrong(bench)
    if any(quantity in ("y", "loss") for quantity, _ in wrong):
        return simple + composed
    simple = simple[::-1]
    between = _between(simple, wrong)
    return [*between, *(p for p in simple if p not in between), *composed]


def likely(bench: Bench, ordered: list[Part]) -> list[Part]:
    """The first of those in order: what is between right and wrong, and what that is within."""
    wrong = _wrong(bench)
    if any(quantity in ("y", "loss") for quantity, _ in wrong):
        return ordered
    between = _between([p for p in ordered if not p.composed], wrong)
    around = [p for p in ordered if p.composed and any(_within(p, q) for q in between)]
    return [*between, *around] or ordered


def _wrong(bench: Bench) -> set[tuple[str, str]]:
    first = bench.first_step
    return {(q.split()[-1], leaf) for q, leaf in bench.wrong if step_of((q, leaf)) == first}


def _between(backwards: list[Part], wrong: set[tuple[str, str]]) -> list[Part]:
    """From the last part whose gradients are right to the first whose gradients are wrong."""
    status = [_status(part, wrong) for part in backwards]
    last = status.index("wrong") if "wrong" in status else len(status) - 1
    right = [i for i, s in enumerate(status[:last]) if s == "right"]
    return backwards[right[-1] if right else 0 : last + 1]


def _status(part: Part, wrong: set[tuple[str, str]]) -> str:
    """Whether the part's own gradients are right, as far as the whole tells: "" if it does not."""
    keys = {(quantity, n) for quantity in ("dparams", "gradient") for n in part.own.values()}
    return "" if not keys else "wrong" if keys & wrong else "right"
