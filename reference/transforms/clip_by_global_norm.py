"""ClipByGlobalNorm: all gradients scaled down together, so that their common norm has a limit."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import many
from ..protocols import Sample, Tree
from ..tree import leaves, tree_map


@final
@dataclass(frozen=True)
class ClipByGlobalNorm:
    """g_i ← g_i min(1, c/(n + ε)),  n = √Σ_i ‖g_i‖²         g: a tree of arrays, all clipped alike

    max_norm c > 0; eps ε >= 0: torch adds 1e-6, optax nothing. The norm is of all arrays
    together: taken one by one, the direction of the gradient would change.
    Source: Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks"
    (2013), algorithm 1. Raises nothing of its own.
    """

    max_norm: float = 1.0
    eps: float = 0.0

    def __call__(self, grads: Tree) -> Tree:
        norm = np.sqrt(sum((g * g).sum() for _, g in leaves(grads)))
        scale = np.where(norm + self.eps > self.max_norm, self.max_norm / (norm + self.eps), 1.0)
        return tree_map(lambda g: g * scale, grads)

    @staticmethod
    def samples() -> Iterator[Sample]:
        for eps in (0.0, 1e-6):
            yield Sample(ClipByGlobalNorm(1.3, eps), many((4, 3), (3,)))
            yield Sample(ClipByGlobalNorm(0.5, eps), many((2, 3, 2), (5,), scale=1e4))
            yield Sample(ClipByGlobalNorm(50.0, eps), many((4, 3), (3,)))  # not active
            yield Sample(ClipByGlobalNorm(1e-3, eps), many((4,), (1,), scale=0.01))
