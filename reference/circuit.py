"""Circuit: a plain function of named numbers as a layer, with its gradient by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from .protocols import Residuals, Sample, Tree
from .tree import tree_map


@final
@dataclass(frozen=True, repr=False)
class Circuit:
    """y = f(p)                       p: a dict of named arrays, the parameters; x is not used

    ``program(xp, **p)`` computes y, an array or a tree of them, with operators and the functions
    of a namespace: xp.exp, xp.maximum. NumPy runs it, torch and JAX run and differentiate it.
    ``by_hand(dy, **p)`` is the same derivative by hand, in NumPy: the dict of all dp.
    ``inputs`` are the pairs (name, number or nested tuple of numbers) to start from.

    A larger circuit shows its inner nodes too: add a parameter that is zero to a node, and its
    cotangent is the node's. Source: Wengert, "A simple automatic derivative evaluation program"
    (1964). Raises what the two functions raise.
    """

    program: Callable[..., Tree]
    by_hand: Callable[..., Tree]
    inputs: tuple[tuple[str, Any], ...] = ()

    def __repr__(self) -> str:
        return f"Circuit({self.program.__name__})"

    def init(self, rng: np.random.Generator) -> Tree:
        """The inputs; nothing is drawn."""
        return {name: np.array(value, np.float64) for name, value in self.inputs}

    def forward(self, params: Tree, x: Tree) -> tuple[Tree, Residuals]:
        """The program in NumPy."""
        return self.program(np, **params), (params, x)

    def backward(self, residuals: Residuals, dy: Tree) -> tuple[Tree, Tree]:
        """The derivative by hand; that of x is zero."""
        params, x = residuals
        return tree_map(lambda part: 0 * part, x), self.by_hand(dy, **params)

    @staticmethod
    def samples() -> Iterator[Sample]:
        """(x + y) z, as CS231n draws it."""

        def product(xp: Any, x: Any, y: Any, z: Any) -> Any:
            return (x + y) * z

        def by_hand(dy: Any, x: Any, y: Any, z: Any) -> Tree:
            return {"x": dy * z, "y": dy * z, "z": dy * (x + y)}

        inputs = (("x", -2.0), ("y", 5.0), ("z", -4.0))
        yield Sample(Circuit(product, by_hand, inputs), lambda rng: ())
