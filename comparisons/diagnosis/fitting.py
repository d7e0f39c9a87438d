"""The one free number of a family, fitted to a candidate and snapped to a number with a name.

Gauss-Newton on Σ ((candidate - V(c))/noise)², the slope from the last two runs: exact after one
step where V is linear in c, as a gradient is in a constant factor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ...reference.protocols import Array
from .bench import SLACK, Bench
from .parts import Change, Part
from .registry import Family, Proposal

STEPS = 9
Run = Callable[[Change], Array | None]  # the values of the problem with a part changed


@dataclass(frozen=True)
class Fitted:
    """The number that fits best, and how far it may be off and still fit."""

    value: float
    tolerance: float


def fit(bench: Bench, family: Family, run: Run) -> Fitted | None:
    """The c that brings wrong keys within noise; None where there is none."""
    wrong = bench.spread_out(np.array([k in bench.wrong for k in bench.keys])).astype(bool)
    c0, v0 = family.start, run(family.make(family.start))
    c1 = c0 * (1 + 2.0**-6) if c0 else 2.0**-6
    v1 = run(family.make(c1))
    for step in range(STEPS):
        if v0 is None or v1 is None or c1 == c0:
            return None
        slope = (v1 - v0) / (c1 - c0)
        use = wrong & np.isfinite(slope) & (slope != 0) & np.isfinite(bench.candidate)
        if not use.any():
            return None
        exact = bench.unit / 1024 * np.abs(bench.candidate[use])  # there, noise is next to nothing
        unit = np.maximum(bench.noise[use], exact)
        d, r = slope[use] / unit, (bench.candidate - v1)[use] / unit
        length = np.linalg.norm(d)
        if step == 0 and abs(d @ r) < 0.5 * length * np.linalg.norm(r):
            return None  # it moves the numbers in another direction
        c2 = float(c1 + (d @ r) / length**2)
        c0, v0, c1, v1 = c1, v1, c2, run(family.make(c2)) if math.isfinite(c2) else None
        if v1 is not None and _fits(bench, v1, use):
            return Fitted(c1, SLACK * bench.allowed / float(np.max(np.abs(d))))
    return None


def _fits(bench: Bench, values: Array, use: Array) -> bool:
    """Whether every wrong key that the family moves is explained."""
    moved = np.logical_or.reduceat(use, bench._starts)
    return bool(np.all(bench.ratios(values)[moved] <= SLACK * bench.allowed))


def snapped(family: Family, fitted: Fitted, part: Part, entry: float) -> Iterator[Proposal]:
    """The fitted number's names, then the shortest number within its tolerance, then itself.

    ``entry`` is what a number costs that has no name: the bits of the entry that it is read from.
    """
    c, off = fitted.value, fitted.tolerance
    near = [n for n, v in family.names.items() if abs(v - c) <= max(off, 1e-12 * abs(c))]
    for i, name in enumerate(near):
        cost = family.cost + math.log2(1 + len(family.names)) / 2 + i
        yield _proposal(family, name, family.names[name], cost)
    if not near:
        text, value, bits = shortest(c, off)
        yield _proposal(family, text, value, family.cost + min(bits, entry))


def _proposal(family: Family, name: str, value: float, cost: float) -> Proposal:
    return Proposal(
        f"{family.id}={name}", family.text(name), family.make(value), family.more, family.kind, cost
    )


def shortest(c: float, off: float) -> tuple[str, float, float]:
    """The number of the fewest digits, or the simplest fraction, within ``off``; its bits."""
    for digits in range(1, 10):
        text = f"{c:.{digits}g}"
        if abs(float(text) - c) <= off:
            return text, float(text), 4 + 3.3 * digits
        simple = Fraction(c).limit_denominator(4**digits)
        if digits < 5 and abs(float(simple) - c) <= off:
            return str(simple), float(simple), 6 + 4.0 * digits
    return f"{c:.12g}", c, math.inf


def first_number(values: Any) -> float:
    """The largest of some bits, 0 of none."""
    return float(np.max(values, initial=0.0))
