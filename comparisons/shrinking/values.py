"""Simpler numbers: zeros, ones, small integers, short decimals."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ...reference.protocols import Array
from ..case import Case
from ..layouts import placed
from .fitting import resized
from .search import Search
from .structure import drop_chunks

ONE_BY_ONE = 500  # so many numbers that are not 0 are made simpler one by one
Change = Callable[[Array], Array]


def rounded(digits: int) -> Change:
    """To so many significant digits."""

    def change(a: Array) -> Array:
        return placed([float(f"{v:.{digits - 1}e}") for v in a.ravel().astype(float)], like=a)

    return change


def _integers(a: Array) -> Array:
    return np.rint(a)


def _away_from_zero(a: Array) -> Array:
    return np.copysign(np.ceil(np.abs(a)), a)


def _ones(a: Array) -> Array:
    return np.ones_like(a)


WHOLE: tuple[Change, ...] = (
    np.zeros_like, _ones, np.sign, np.abs, _integers, _away_from_zero, rounded(1), rounded(2),
    rounded(3),
)  # fmt: skip


def simpler_values(search: Search) -> None:
    """All arrays at once, then array by array, then number by number."""
    for change in WHOLE[2:]:
        search.better(_changed(search.case, None, change))
    for path, _ in list(search.case.leaves()):
        for change in WHOLE:
            search.better(_changed(search.case, path, change))
    if len(_nonzero(search.case)) <= ONE_BY_ONE:
        drop_chunks(search, lambda case: len(_nonzero(case)), _zeroed)
        for path, index in _nonzero(search.case):
            search.first(_at(search.case, path, index))


def _changed(case: Case, where: str | None, change: Change) -> Case:
    """The case with its floats changed, in the array of that path or in all."""

    def one(path: str, a: Array) -> Array:
        if a.dtype.kind == "f" and where in (None, path):
            return change(a)
        if a.dtype.kind in "iub" and where == path and change in WHOLE[:2]:
            return change(a)
        return a

    return case.replace(arrays=resized(case.arrays, one))


def _nonzero(case: Case) -> list[tuple[str, int]]:
    """Where there is something, the last first: what is needed then stays where arrays begin."""
    return [(path, int(i)) for path, a in case.leaves() for i in np.flatnonzero(a)[::-1]]


def _zeroed(case: Case, start: int, count: int) -> Case:
    """Without so many of the numbers that are not 0."""
    chosen = set(_nonzero(case)[start : start + count])

    def one(path: str, a: Array) -> Array:
        other = np.array(a)
        other.flat[[i for where, i in chosen if where == path]] = 0
        return other

    return case.replace(arrays=resized(case.arrays, one))


def _at(case: Case, path: str, index: int) -> Iterator[Case]:
    """The case with one number simpler."""
    value = dict(case.leaves())[path].flat[index]
    kind = value.dtype.kind
    if kind == "b" or not np.isfinite(value):
        return
    tries = [1, abs(value), round(float(value)), value // 2 if kind != "f" else 2]
    if kind == "f":
        tries += [float(f"{value:.{digits}e}") for digits in (0, 1, 2)]
    for new in dict.fromkeys(tries):
        if new != value:

            def one(where: str, a: Array, new: float = new) -> Array:
                other = np.array(a)
                if where == path:
                    other.flat[index] = new
                return other

            yield case.replace(arrays=resized(case.arrays, one))
