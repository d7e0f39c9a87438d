"""Parameter trees: dicts and tuples of arrays, whose leaves have dotted paths such as "0.W"."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .floats import is_float
from .protocols import Tree


def leaves(tree: Tree, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted path, array) in the tree's own order; a bare array has the path "".

    None is an empty tree: the cotangent of an integer input.
    """
    if tree is None:
        return
    if isinstance(tree, dict):
        items: Any = tree.items()
    elif isinstance(tree, tuple):
        items = enumerate(tree)
    else:
        yield path, tree
        return
    for key, child in items:
        yield from leaves(child, f"{path}.{key}" if path else str(key))


def tree_map(f: Callable[..., Any], tree: Tree, *rest: Tree) -> Tree:
    """Apply f to every leaf of tree, with the matching subtrees of rest.

    A leaf of ``tree`` may stand beside a whole subtree of ``rest`` (an optimizer's state).
    """
    if isinstance(tree, dict):
        return {k: tree_map(f, v, *[r[k] for r in rest]) for k, v in tree.items()}
    if isinstance(tree, tuple):
        return tuple([tree_map(f, v, *[r[i] for r in rest]) for i, v in enumerate(tree)])
    if tree is None:
        return None
    return f(tree, *rest)


def unzip(tree: Tree, n: int, like: Tree) -> tuple[Tree, ...]:
    """Split a tree whose leaves (at like's leaves) are n-tuples into n trees."""
    return tuple(tree_map(lambda _, pair, i=i: pair[i], like, tree) for i in range(n))


def unflatten(like: Tree, values: Iterator[Any]) -> Tree:
    """The tree shaped as ``like`` whose leaves are taken from ``values`` in order."""
    return tree_map(lambda _: next(values), like)


def joined(tree: Tree, kept: int = 0) -> Any:
    """All leaves as one vector, in the tree's own order; their first ``kept`` axes stay."""
    flat = [a.reshape(*a.shape[:kept], -1) for _, a in leaves(tree)]
    return np.concatenate(flat, axis=-1)


def split(like: Tree, vector: Any) -> Tree:
    """The tree shaped as ``like`` that ``joined`` made into the last axis of ``vector``."""
    start = 0

    def cut(w: Any) -> Any:
        nonlocal start
        start, here = start + w.size, slice(start, start + w.size)
        return vector[..., here].reshape((*vector.shape[:-1], *w.shape))

    return tree_map(cut, like)


def as_dtype(tree: Tree, dtype: Any) -> Tree:
    """The tree with its floats in that dtype; integers and masks as they are."""
    return tree_map(lambda a: a.astype(dtype) if is_float(a) else a, tree)


def map_floats(f: Callable[[float], Any], spec: Any) -> Any:
    """The spec with f applied to every float among its hyperparameters, a nested spec's too."""

    def mapped(value: Any) -> Any:
        if isinstance(value, float):
            return f(value)
        return map_floats(f, value) if dataclasses.is_dataclass(value) else value

    values = {field.name: mapped(getattr(spec, field.name)) for field in dataclasses.fields(spec)}
    return dataclasses.replace(spec, **values)
