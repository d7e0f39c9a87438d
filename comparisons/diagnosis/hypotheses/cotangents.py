"""The backward pass sees another cotangent than the one it was given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from ....reference.protocols import Tree
from ....reference.tree import leaves, tree_map
from ..around import around, at_leaf
from ..parts import Part
from ..registry import Proposal, Proposals, hypothesis

Way = tuple[str, Callable[[Any], Any], float]


@hypothesis("the cotangent", bits=8, of=("layer", "loss"))
def another_cotangent(part: Part) -> Proposals:
    """dy replaced by ones, a part of it, its positive part, another order of it..."""
    call = part.call()
    if call is None or call.dy is None:
        return
    each = list(leaves(call.dy))
    for leaf, dy in each:
        name = f"dy[{leaf}]" if leaf else "dy"
        for words, way, more in ways(np.shape(dy)):
            yield Proposal(
                f"{part.type_name}: {words.format(name)}",
                f"{part.type_name} with {words.format(name)} in its backward pass",
                partial(_with_dy, leaf=leaf, way=way),
                more,
            )
    if len(each) > 1:
        yield Proposal(
            f"{part.type_name}: parts of dy exchanged",
            f"{part.type_name} with the parts of dy in another order",
            lambda spec: around(spec, dy=lambda dy, seen: dy[::-1]), 2,
        )  # fmt: skip


def _with_dy(spec: Any, leaf: str, way: Callable[[Any], Any]) -> Any:
    return around(spec, dy=at_leaf(leaf, way))


def ways(shape: tuple[int, ...]) -> Iterator[Way]:
    """What may be seen in the place of an array of that shape."""
    yield "ones for {}", lambda a: a * 0 + 1, 0
    yield "zeros for {}", lambda a: a * 0, 0
    yield "the positive part of {}", lambda a: np.maximum(a, 0), 1
    yield "the absolute value of {}", np.absolute, 1
    yield "the sign of {}", np.sign, 1
    yield "the square of {}", lambda a: a * a, 2
    for axis, n in enumerate(shape):
        if n == 1:
            continue
        where = f"along axis {axis}" if axis else "of the batch"
        for words, keep in portions(n):
            more = 0 if axis < 2 else 1
            yield f"{words} of {{}} {where} alone", partial(_kept, axis=axis, keep=keep), more
        yield f"the mean of {{}} {where}", partial(_mean, axis=axis), 1
        yield f"the sum of {{}} {where} at every place", partial(_sum, axis=axis), 2
        for step in (1, -1):
            yield f"{{}} rolled by {step} {where}", partial(_rolled, axis=axis, step=step), 1
        yield f"{{}} reversed {where}", partial(_taken, axis=axis, order=[*range(n)][::-1]), 1
    for order in orders(shape):
        more = 1 if order[0] != len(shape) - 1 else 0
        yield "{} read in another memory order", partial(_reread, order=order), more


def portions(n: int) -> list[tuple[str, slice]]:
    """Parts of n places that a loop or a slice may take by mistake."""
    return [
        ("the first", slice(0, 1)), ("the last", slice(n - 1, n)),
        ("all but the last", slice(0, n - 1)), ("all but the first", slice(1, n)),
    ]  # fmt: skip


def orders(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Orders of axes in which the memory of an array may be read by mistake."""
    n = len(shape)
    if n > 1:
        yield tuple(range(n))[::-1]
    for i in range(n - 1):
        if n > 2:
            order = [*range(n)]
            order[i], order[i + 1] = order[i + 1], order[i]
            yield tuple(order)


def _kept(a: Any, axis: int, keep: slice) -> Any:
    mask = np.zeros(a.shape[axis], bool)
    mask[keep] = True
    return a * mask.reshape(-1, *(1,) * (a.ndim - axis - 1))


def _mean(a: Any, axis: int) -> Any:
    return a * 0 + a.mean(axis=axis, keepdims=True)


def _sum(a: Any, axis: int) -> Any:
    return a * 0 + a.sum(axis=axis, keepdims=True)


def _taken(a: Any, axis: int, order: list[int]) -> Any:
    return a[(*(slice(None),) * axis, np.asarray(order))]


def _rolled(a: Any, axis: int, step: int) -> Any:
    return _taken(a, axis, [(i - step) % a.shape[axis] for i in range(a.shape[axis])])


def _reread(a: Any, order: tuple[int, ...]) -> Any:
    return a.transpose(*order).reshape(a.shape)


def scaled(tree: Tree, c: Any) -> Tree:
    """Every leaf times a constant."""
    return tree_map(lambda a: c * a, tree)
