"""Parameter trees: dicts and tuples of arrays, whose leaves have dotted paths such as "0.W"."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

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


def as_dtype(tree: Tree, dtype: Any) -> Tree:
    """The tree with its floats in that dtype; integers and masks as they are."""
    return tree_map(lambda a: a.astype(dtype) if a.dtype.kind == "f" else a, tree)
