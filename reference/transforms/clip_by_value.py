"""ClipByValue: every entry of a gradient held between two limits."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import many
from ..protocols import Sample, Tree
from ..tree import tree_map


@final
@dataclass(frozen=True)
class ClipByValue:
    """g ← max(-c, min(c, g))               g: a tree of arrays, entry by entry

    limit c > 0. Source: torch.nn.utils.clip_grad_value_; optax.clip. Raises nothing of its own.
    """

    limit: float = 1.0

    def __call__(self, grads: Tree) -> Tree:
        return tree_map(lambda g: np.maximum(np.minimum(g, self.limit), -self.limit), grads)

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(ClipByValue(0.7), many((4, 3), (3,)))
        yield Sample(ClipByValue(0.1), many((2, 3, 2), (5,), scale=1e4))
        yield Sample(ClipByValue(30.0), many((4,), (1,)))  # not active
