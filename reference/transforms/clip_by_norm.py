"""ClipByNorm: each gradient scaled down by its own norm."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from ..draws import many
from ..protocols import Sample, Tree
from ..tree import tree_map
from .clip_by_global_norm import ClipByGlobalNorm


@final
@dataclass(frozen=True)
class ClipByNorm:
    """g_i ← g_i min(1, c/(‖g_i‖ + ε))     g: a tree of arrays, each clipped for itself

    max_norm c > 0; eps ε >= 0: torch adds 1e-6, optax nothing. Source: tf.clip_by_norm;
    torch.nn.utils.clip_grad_norm_ of one array. Raises nothing of its own.
    """

    max_norm: float = 1.0
    eps: float = 0.0

    def __call__(self, grads: Tree) -> Tree:
        whole = ClipByGlobalNorm(self.max_norm, self.eps)
        return tree_map(whole, grads)

    @staticmethod
    def samples() -> Iterator[Sample]:
        for eps in (0.0, 1e-6):
            yield Sample(ClipByNorm(1.3, eps), many((4, 3), (3,)))
            yield Sample(ClipByNorm(0.5, eps), many((2, 3, 2), (5,), scale=1e4))
            yield Sample(ClipByNorm(2.5, eps), many((4, 3), (2,)))  # active for the first alone
