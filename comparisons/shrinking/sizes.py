"""Smaller sizes of layers and arrays, and simpler hyperparameters."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from ...reference.protocols import Array, Tree
from ...reference.tree import leaves
from ..case import Case
from ..expressions import changed
from .fitting import cut, refit, resized
from .nodes import arguments, is_layer, renamed, tried, whole_numbers
from .search import Search

SIZED = {"vjp": ("x", "target"), "optimizer": ("params",), "training": ("batches",),
         "function": ("x",)}  # fmt: skip
MOST_CHOICES = 100
FLOATS = (0.0, 1.0, 0.5, 0.1)


def smaller_sizes(search: Search) -> None:
    """Wherever a size stands, in specs and arrays together or in either alone, a smaller one."""
    while search.first(_resized(search.case)):
        pass


def _resized(case: Case) -> Iterator[Case | None]:
    trees = {name: case.arrays[name] for name in SIZED[case.kind] if name in case.arrays}
    in_arrays = {n for _, a in leaves(trees) for n in a.shape}
    in_specs = {n for spec in case.specs.values() for n in whole_numbers(spec)}
    for old in sorted(in_arrays | in_specs, reverse=True):
        for new in fewer(old):
            specs = {name: renamed(spec, old, new) for name, spec in case.specs.items()}
            cuts = _cut_all(trees, old, new)
            yield refit(case, specs, cuts)
            yield refit(case, specs, _wrapped(cuts, new))
            yield refit(case, specs, {})
            yield refit(case, {}, cuts)
            for axes in _chosen(trees, old):
                yield refit(case, {}, _cut_axes(trees, axes, new, last=False))
                yield refit(case, {}, _cut_axes(trees, axes, new, last=True))


def fewer(size: int) -> list[int]:
    """Smaller sizes to try, the smallest first."""
    return sorted({n for n in (1, 2, 3, size // 2, size - 2, size - 1) if 0 < n < size})


def _cut_all(trees: dict[str, Tree], old: int, new: int) -> dict[str, Tree]:
    return {
        name: resized(tree, lambda _, a: cut(a, tuple(new if n == old else n for n in a.shape)))
        for name, tree in trees.items()
    }


def _wrapped(trees: dict[str, Tree], new: int) -> dict[str, Tree]:
    """The integers, where they number classes or tokens, below the new size."""
    return {
        name: resized(tree, lambda _, a: a % new if a.dtype.kind in "iu" else a)
        for name, tree in trees.items()
    }


def _chosen(trees: dict[str, Tree], size: int) -> Iterator[dict[str, int]]:
    """One axis of that size in some of the arrays: by path, those of all batches as one."""
    axes: dict[str, list[int]] = {}
    for path, a in leaves(trees):
        axes[_of_any_batch(path)] = [axis for axis, n in enumerate(a.shape) if n == size]
    choices = itertools.product(*([(path, None), *((path, i) for i in those)]
                                  for path, those in axes.items()))  # fmt: skip
    for choice in itertools.islice(choices, 1, MOST_CHOICES):
        yield {path: axis for path, axis in choice if axis is not None}


def _of_any_batch(path: str) -> str:
    head, *rest = path.split(".")
    return ".".join([head, *rest[1:]]) if head == "batches" else path


def _cut_axes(
    trees: dict[str, Tree], axes: dict[str, int], new: int, last: bool
) -> dict[str, Tree]:
    """The first, or last, entries along the axis chosen for each array."""

    def change(path: str, a: Array) -> Array:
        axis = axes.get(_of_any_batch(path))
        if axis is None:
            return a
        kept = slice(-new, None) if last else slice(new)
        return a[(slice(None),) * axis + (kept,)]

    cuts: dict[str, Tree] = resized(trees, change)
    return cuts


def simpler_specs(search: Search) -> None:
    """Hyperparameters at their defaults, or smaller, or rounder."""
    while search.first(_simplified(search.case)):
        pass


def _simplified(case: Case) -> Iterator[Case | None]:
    for name, spec in case.specs.items():
        for simpler in variations(spec):
            yield refit(case, {name: simpler}, {})


def variations(spec: Any) -> Iterator[Any]:
    """The spec with one hyperparameter simpler, in it or in a layer inside it."""
    for parameter, value in arguments(spec):
        default = parameter.default
        for simpler in _simpler(value, default if default is not parameter.empty else None):
            other = tried(changed, spec, **{parameter.name: simpler})
            if other is not None:
                yield other


def _simpler(value: Any, default: Any) -> Iterator[Any]:
    if is_layer(value):
        yield from variations(value)
        return
    if default is not None and value != default:
        yield default
    if isinstance(value, tuple):
        for i, part in enumerate(value):
            for simpler in _simpler(part, None):
                yield (*value[:i], simpler, *value[i + 1 :])
    elif isinstance(value, bool):
        if value:
            yield False
    elif isinstance(value, int):
        yield from (n for n in (0, *fewer(value)) if n < value)
    elif isinstance(value, float):
        yield from (f for f in (*FLOATS, float(f"{value:.1g}")) if f != value)
