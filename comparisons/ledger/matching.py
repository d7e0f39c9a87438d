"""Which arrays hold the same numbers, whatever their layout.

Two arrays are the same where every number is within ``RTOL`` of the largest, as they are or after
axes are dropped, turned or joined. Negated or scaled numbers are not the same; ``multiple`` finds
them, for a hint. One draw of numbers can deceive, so what is called the same is so in two.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from ...reference.protocols import Array

RTOL = 1e-9
NEAR = 1e-8  # how far the sums may differ of arrays that are compared at all
MOST_AXES = 5  # that are turned: 120 ways
Axes = tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """How an array's numbers lie in another array: turn one or the other, then read in order."""

    one: Axes | None = None
    other: Axes | None = None
    text: str = ""

    def fits(self, a: Array, b: Array) -> bool:
        """Whether b holds a's numbers in this layout."""
        a, b = a.squeeze(), b.squeeze()
        if max(len(self.one or ()), len(self.other or ())) > max(a.ndim, b.ndim):
            return False
        return close(_turned(a, self.one), _turned(b, self.other))

    def difference(self, a: Array, b: Array) -> float:
        """The largest difference of a number from its counterpart."""
        a, b = _turned(a.squeeze(), self.one), _turned(b.squeeze(), self.other)
        return float(np.abs(a - b).max())


def _turned(a: Array, axes: Axes | None) -> Array:
    return (a if axes is None else a.transpose(axes)).ravel()


def close(a: Array, b: Array) -> bool:
    """Whether two rows of numbers are equal but for rounding."""
    return bool(np.abs(a - b).max(initial=0) <= RTOL * np.abs(b).max(initial=0))


def layouts(a: Array, b: Array) -> Iterator[Layout]:
    """The ways in which the numbers of a may lie in b, the plain ones first."""
    if a.size != b.size:
        return
    shape, other = a.squeeze().shape, b.squeeze().shape
    changed = "" if a.shape == b.shape else f"{_shape(a.shape)} as {_shape(b.shape)}"
    yield Layout(text=changed)
    turns = [t for t in permutations(range(len(shape))) if list(t) != sorted(t)]
    if len(shape) <= MOST_AXES:
        for turn in sorted(turns, key=lambda t: tuple(shape[i] for i in t) != other):
            whole = tuple(shape[i] for i in turn) == other
            name = "transposed" if turn == (1, 0) else f"axes {_shape(turn)}"
            yield Layout(turn, text=name if whole else f"{name}, {changed}")
    if 1 < len(other) <= MOST_AXES and shape != other:
        for turn in permutations(range(len(other))):
            if list(turn) != sorted(turn):
                yield Layout(None, turn, f"{changed}, axes {_shape(turn)}")


def _shape(numbers: Sequence[int]) -> str:
    return f"({', '.join(map(str, numbers))})"


def same(one: Sequence[Array], other: Sequence[Array]) -> Layout | None:
    """The layout in which the arrays of one are those of the other in every draw, if any."""
    return next(
        (
            layout for layout in layouts(one[0], other[0])
            if all(layout.fits(a, b) for a, b in zip(one, other, strict=True))
        ), None,
    )  # fmt: skip


def multiple(one: Sequence[Array], other: Sequence[Array]) -> float | None:
    """The factor by which one is a multiple of the other in every draw, if it is."""
    factors = []
    for a, b in zip(one, other, strict=True):
        square = float((b * b).sum())
        if a.shape != b.shape or not square:
            return None
        factors.append(float((a * b).sum()) / square)
        if not factors[-1] or not close(a.ravel(), (factors[-1] * b).ravel()):
            return None
    equal = max(factors) - min(factors) <= RTOL * abs(factors[0])
    return factors[0] if equal else None


class Index:
    """Arrays, each with its numbers in several draws, to be found by their numbers."""

    def __init__(self, arrays: Iterable[Sequence[Array]] = ()) -> None:
        self.arrays: list[Sequence[Array]] = []
        self.sums: dict[int, list[tuple[float, int]]] = {}  # by size
        for values in arrays:
            self.add(values)

    def add(self, values: Sequence[Array]) -> None:
        """Add an array, by its numbers in every draw."""
        insort(self.sums.setdefault(values[0].size, []), (_sum(values[0]), len(self.arrays)))
        self.arrays.append(values)

    def find(self, values: Sequence[Array]) -> list[tuple[int, Layout]]:
        """Which arrays hold these numbers, in the order they were added, and in which layout."""
        total, sums = _sum(values[0]), self.sums.get(values[0].size, [])
        if not total:
            return []
        low = bisect_left(sums, (total * (1 - NEAR), 0))
        high = bisect_left(sums, (total * (1 + NEAR), len(self.arrays)))
        found = ((i, same(values, self.arrays[i])) for i in sorted(i for _, i in sums[low:high]))
        return [(i, layout) for i, layout in found if layout is not None]


def _sum(a: Array) -> float:
    with np.errstate(over="ignore"):  # of what stands for minus infinity
        return float(np.abs(a).sum())
