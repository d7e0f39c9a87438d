"""In which order the axes of an array lie in memory: part of a case, for some bugs depend on it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..reference.protocols import Array, Tree
from ..reference.tree import tree_map


def memory_order(a: Array) -> tuple[int, ...]:
    """The axes from the one with the longest stride to the one with the shortest."""
    if a.flags.c_contiguous:
        return tuple(range(a.ndim))
    return tuple(sorted(range(a.ndim), key=lambda axis: (a.shape[axis] > 1, -a.strides[axis])))


def in_order(a: Array, order: tuple[int, ...]) -> Array:
    """A dense copy of the array whose axes lie in memory in that order."""
    back = tuple(int(i) for i in np.argsort(order))
    return np.array(a.transpose(order), order="C").transpose(back)


def dense(value: Any) -> Array:
    """A dense copy: views and paddings go, the order of the axes stays."""
    copy = np.array(value)  # NumPy keeps the order as far as it can
    return in_order(copy, memory_order(copy))


def placed(values: Any, like: Array) -> Array:
    """The values, in logical order, as an array that lies in memory as another does."""
    copy = np.array(like)
    copy[...] = np.reshape(values, like.shape)
    return copy


def dense_tree(tree: Tree) -> Tree:
    """``dense`` at every leaf."""
    return tree_map(dense, tree)
