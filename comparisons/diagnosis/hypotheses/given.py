"""What is given is taken for something else: inputs exchanged, masks turned, labels shifted."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from ....reference.tree import leaves, tree_map
from ..around import around, at_leaf
from ..parts import Call, Part
from ..registry import Proposal, Proposals, hypothesis
from .cotangents import ways


@hypothesis("the input", bits=8, of=("layer", "loss"))
def another_input(part: Part) -> Proposals:
    """A mask turned, a label beside the right one, inputs exchanged, a part left out."""
    call = part.call()
    if call is None:
        return
    own = "target" if part.kind == "loss" else "params"
    for quantity, name, tree in (("x", "x", call.x), ("params", own, call.params)):
        for leaf, array in leaves(tree):
            called = f'{name}["{leaf}"]' if leaf else name
            for words, way, more in _ways(array):
                yield Proposal(
                    f"{part.type_name}: {words.format(called)}",
                    f"{part.type_name} with {words.format(called)}",
                    partial(_with, hooks={quantity: at_leaf(leaf, way)}),
                    more,
                )
    yield from _exchanged(part, call)


def _with(spec: Any, hooks: dict[str, Any]) -> Any:
    return around(spec, **hooks)


def _ways(array: Any) -> Iterator[tuple[str, Any, float]]:
    kind, shape = array.dtype.kind, array.shape
    if kind == "b":
        yield "{} turned: True for False", np.logical_not, 0
        yield "{} ignored: True everywhere", np.ones_like, 0
    elif kind in "iu":
        top = int(array.max(initial=0))
        yield "{} one too small", lambda a: np.maximum(a - 1, 0), 0
        yield "{} one too large", lambda a: np.minimum(a + 1, top), 0
        yield "{} at its largest everywhere", lambda a: np.full_like(a, top), 1
        for axis, n in enumerate(shape):
            if n > 1:
                yield f"{{}} reversed along axis {axis}", lambda a, axis=axis: np.flip(a, axis), 1
    elif kind == "f":
        yield "1 - {} in its place", lambda a: 1 - a, 1
        yield "the opposite of {}", lambda a: -a, 1
        yield "twice {}", lambda a: 2 * a, 2
        for words, way, more in ways(shape):
            yield words + " as its value", way, more + 2


def _exchanged(part: Part, call: Call) -> Proposals:
    """Two arrays of one shape taken for each other, among the inputs or among the parameters."""
    for quantity, result, tree in (("x", "dx", call.x), ("params", "dparams", call.params)):
        found = [(leaf, np.shape(a)) for leaf, a in leaves(tree)]
        for i, (one, shape) in enumerate(found):
            for two, other in found[i + 1 :]:
                if shape != other or (part.kind == "loss" and quantity == "params"):
                    continue
                text = f"{quantity}[{one}] and {quantity}[{two}] exchanged"
                swap = _Swap(one, two)
                yield Proposal(
                    f"{part.type_name}: {text}", f"{part.type_name} with {text}",
                    partial(_with, hooks={quantity: swap, result: swap}),
                )  # fmt: skip
                yield Proposal(
                    f"{part.type_name}: {text} in the gradient",
                    f"{part.type_name} with d{quantity}[{one}] and d{quantity}[{two}] exchanged",
                    partial(_with, hooks={result: swap}),
                )  # fmt: skip


class _Swap:
    """A hook that exchanges two leaves of a tree."""

    def __init__(self, one: str, two: str) -> None:
        self.pair = {one: two, two: one}

    def __call__(self, tree: Any, seen: Any) -> Any:
        values = dict(leaves(tree))
        order = iter(values)
        return tree_map(lambda v: values[self.pair.get(leaf := next(order), leaf)], tree)
