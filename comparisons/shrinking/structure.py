"""Fewer steps, fewer layers, fewer weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...reference.protocols import Tree
from ...reference.tree import leaves
from ..case import Case
from .failure import first_step
from .fitting import refit
from .locating import vjp
from .nodes import children, edits, parts
from .search import Search


def fewer_steps(search: Search) -> None:
    """Steps after the first that is wrong, then any that are not needed."""
    name = "batches" if search.case.kind == "training" else "grads"
    if name not in search.case.arrays:
        return

    def without(case: Case, start: int, count: int) -> Case | None:
        steps = case.arrays[name]
        return case.replace(arrays={name: steps[:start] + steps[start + count :]})

    if last := first_step(search.rows):
        search.better(without(search.case, last, search.case.steps))
    drop_chunks(search, lambda case: case.steps, without)


def drop_chunks(
    search: Search, length: Callable[[Case], int],
    without: Callable[[Case, int, int], Case | None],
) -> None:  # fmt: skip
    """Leave out half of a sequence, a quarter, ... one by one, whatever is not needed."""
    count = max(length(search.case) // 2, 1)
    while count:
        start = 0
        while start < length(search.case):
            if not search.better(without(search.case, start, count)):
                start += count
        count //= 2


def fewer_layers(search: Search) -> None:
    """The ends of a sequence of layers first, then any layer that can be left out or unwrapped."""
    if "network" not in search.case.specs:
        return
    if search.case.kind == "vjp":
        _trim(search)
    while search.first(_edited(search.case)):
        pass


def _edited(case: Case) -> Iterator[Case | None]:
    for network, params in edits(case.specs["network"], case.arrays["params"]):
        yield refit(case, {"network": network}, {"params": params})


def _trim(search: Search) -> None:
    """Leave out layers at both ends; those that stay are given what they were given."""

    def length(case: Case) -> int:
        inside = list(children(case.specs["network"]))
        whole = type(case.specs["network"]).__name__ == "Sequential"
        return len(inside) if whole else 0

    def ends(case: Case, start: int, count: int) -> Case | None:
        network, a = case.specs["network"], case.arrays
        stop = start + count
        if start and stop < length(case):
            return None  # in the middle the sizes need not fit: see edits
        given = parts(network, a["params"], a["x"], a["dy"])
        kept = given[stop:] if not start else given[:start]
        if not kept or len(given) != length(case):
            return None
        layers, params = tuple(p.layer for p in kept), tuple(p.params for p in kept)
        spec = {"network": type(network)(*layers)}
        return vjp(case, spec, params=params, x=kept[0].x, dy=kept[-1].dy)

    drop_chunks(search, length, ends)


def fewer_weights(search: Search) -> None:
    """One array of an optimizer's weights alone."""
    if search.case.kind != "optimizer":
        return
    search.first(_single(search.case))


def _single(case: Case) -> Iterator[Case]:
    for path, w in sorted(leaves(case.arrays["params"]), key=lambda leaf: leaf[1].size):
        grads: list[Tree] = [{"w": dict(leaves(g))[path]} for g in case.arrays["grads"]]
        yield case.replace(arrays={"params": {"w": w}, "grads": tuple(grads)})
