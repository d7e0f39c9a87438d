"""Several layers beside each other, all fed the same x."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any

from .protocols import Layer, Residuals, Tree
from .tree import tree_map


def total(trees: Sequence[Tree]) -> Tree:
    """Trees of one form added up: what is used more than once collects its cotangents."""
    return reduce(lambda a, b: tree_map(add, a, b), trees)


def fork(layers: tuple[Layer, ...], params: Tree, x: Any) -> tuple[tuple[Any, ...], Residuals]:
    """What every layer makes of x, and their residuals."""
    pairs = [layer.forward(p, x) for layer, p in zip(layers, params, strict=True)]
    return tuple(y for y, _ in pairs), tuple(kept for _, kept in pairs)


def fork_backward(
    layers: tuple[Layer, ...], residuals: Residuals, dys: Sequence[Any]
) -> tuple[Any, Tree]:
    """dx, to which every layer contributes, and dparams."""
    each = zip(layers, residuals, dys, strict=True)
    pairs = [layer.backward(kept, dy) for layer, kept, dy in each]
    return total([dx for dx, _ in pairs]), tuple(dp for _, dp in pairs)
