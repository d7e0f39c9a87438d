"""Numbers in another order: transposed, reversed, rolled, in blocks or interleaved.

An order may be wrong in what is given (y, dx, dparams), or in what is seen (x, params): forward
and backward then either agree on it, and the cotangent comes back in the reverse order, or not.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ....reference.tree import leaves
from ..around import around, at_leaf
from ..parts import Part
from ..registry import Proposal, Proposals, hypothesis
from .cotangents import orders

BLOCKS = (2, 3, 4)


@dataclass(frozen=True)
class Order:
    """A rearrangement of an array and the one that undoes it."""

    text: str
    there: Callable[[Any], Any]
    back: Callable[[Any], Any]
    more: float = 0.0


@hypothesis("another order", bits=8, of=("layer", "loss"))
def rearranged(part: Part) -> Proposals:
    """One array of a call in another order."""
    call = part.call()
    if call is None:
        return
    trees = {"y": call.y, "dx": call.dx, "dparams": call.dparams}
    for quantity, tree in trees.items():
        for leaf, array in leaves(tree):
            for order in arrangements(np.shape(array)):
                yield _given(part, quantity, leaf, order)
    for quantity, tree in (("x", call.x), ("params", call.params if part.kind == "layer" else {})):
        for leaf, array in leaves(tree):
            for order in arrangements(np.shape(array)):
                yield from _seen(part, quantity, leaf, order)
    for leaf, array in leaves(call.y):
        for order in arrangements(np.shape(array)):
            yield _both(part, "y", leaf, order)


def _name(quantity: str, leaf: str) -> str:
    return f'{quantity}["{leaf}"]' if leaf else quantity


def _given(part: Part, quantity: str, leaf: str, order: Order) -> Proposal:
    """The result in another order."""
    what = f"{_name(quantity, leaf)} {order.text}"
    return Proposal(
        f"{part.type_name}: {what}", f"{part.type_name} with {what}",
        lambda spec: around(spec, **{quantity: at_leaf(leaf, order.there)}), order.more,
    )  # fmt: skip


def _seen(part: Part, quantity: str, leaf: str, order: Order) -> Iterator[Proposal]:
    """What is given in another order: to both passes, or to the forward pass alone."""
    what = f"{_name(quantity, leaf)} {order.text}"
    result = {"x": "dx", "params": "dparams"}[quantity]
    yield Proposal(
        f"{part.type_name}: {what}", f"{part.type_name} of {what}, forward and backward",
        lambda spec: around(spec, **{quantity: at_leaf(leaf, order.there),
                                     result: at_leaf(leaf, order.back)}), order.more,
    )  # fmt: skip
    yield Proposal(
        f"{part.type_name}: {what}, not undone",
        f"{part.type_name} of {what}, whose gradient is not brought back into order",
        lambda spec: around(spec, **{quantity: at_leaf(leaf, order.there)}), order.more + 1,
    )  # fmt: skip


def _both(part: Part, quantity: str, leaf: str, order: Order) -> Proposal:
    """The output in another order, and its cotangent taken so."""
    what = f"{_name(quantity, leaf)} {order.text}"
    return Proposal(
        f"{part.type_name}: {what}, forward and backward",
        f"{part.type_name} with {what}, forward and backward",
        lambda spec: around(spec, y=at_leaf(leaf, order.there), dy=at_leaf(leaf, order.back)),
        order.more + 1,
    )  # fmt: skip


def arrangements(shape: tuple[int, ...]) -> Iterator[Order]:
    """The other orders of an array of that shape that keep it."""
    n = len(shape)
    for axes in itertools.permutations(range(n)) if 1 < n < 5 else ():
        if axes != tuple(range(n)) and tuple(shape[a] for a in axes) == shape:
            back = tuple(int(i) for i in np.argsort(axes))
            text = "transposed" if n == 2 else f"with its axes as {axes}"
            yield Order(text, _axes(axes), _axes(back), 0 if n == 2 else 1)
    for axes in orders(shape):
        yield Order(f"read in the memory order {axes}", partial(_reread, axes=axes),
                    partial(_written, axes=axes), 1)  # fmt: skip
    for axis, size in enumerate(shape):
        for text, index, more in along(size):
            where = f"{text} along axis {axis}"
            yield Order(where, _taken(axis, index), _taken(axis, np.argsort(index)), more)
    if n > 3 and min(shape[-2:]) > 1:
        yield Order("turned by 180°", lambda a: a[..., ::-1, ::-1], lambda a: a[..., ::-1, ::-1])


def along(size: int) -> Iterator[tuple[str, Any, float]]:
    """Orders of one axis, as indices."""
    index = np.arange(size)
    if size < 2:
        return
    yield "reversed", index[::-1], 0
    if size > 2:
        yield "rolled by 1", np.roll(index, 1), 0
        yield "rolled by -1", np.roll(index, -1), 0
    for blocks in BLOCKS:
        if size % blocks or size == blocks:
            continue
        parts = index.reshape(blocks, -1)
        yield f"interleaved by {blocks}", parts.T.ravel(), 1
        if size // blocks != blocks:
            yield f"taken apart by {blocks}", index.reshape(-1, blocks).T.ravel(), 1
        for order in itertools.permutations(range(blocks)):
            if order != tuple(range(blocks)):
                text = "its halves exchanged" if blocks == 2 else f"its {blocks} blocks as {order}"
                yield text, parts[list(order)].ravel(), 0 if blocks == 2 else 3


def _axes(axes: tuple[int, ...]) -> Callable[[Any], Any]:
    return lambda a: a.transpose(*axes)


def _taken(axis: int, index: Any) -> Callable[[Any], Any]:
    return lambda a: a[(*(slice(None),) * axis, index)]


def _reread(a: Any, axes: tuple[int, ...]) -> Any:
    return a.transpose(*axes).reshape(a.shape)


def _written(a: Any, axes: tuple[int, ...]) -> Any:
    turned = tuple(a.shape[i] for i in axes)
    return a.reshape(turned).transpose(*(int(i) for i in np.argsort(axes)))
