"""Accumulate: the gradient of a batch from those of its unequal micro-batches."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from ..draws import with_counts
from ..protocols import Array, Sample


@final
@dataclass(frozen=True)
class Accumulate:
    """g = Σ_k n_k g_k / Σ_k n_k            x = (g: (K, ...), n: (K,) integers)   y: (...)

    where g_k is the mean over the n_k tokens of micro-batch k. The mean of the g_k is something
    else as soon as the n_k differ: every token of a small micro-batch would count for more.
    ``equal`` gives that mean all the same (optax.MultiSteps), right for equal n_k alone.
    Source: the mean of a sum; transformers issue 34191 for the mistake. Raises nothing of its own.
    """

    equal: bool = False

    def __call__(self, x: tuple[Array, Array]) -> Array:
        g, n = x
        if self.equal:
            return g.mean(axis=0)
        share = (n / n.sum()).astype(g.dtype).reshape(-1, *(1,) * (g.ndim - 1))
        return (g * share).sum(axis=0)

    @staticmethod
    def samples() -> Iterator[Sample]:
        for equal in (False, True):
            yield Sample(Accumulate(equal), with_counts(6, 2, 1))
            yield Sample(Accumulate(equal), with_counts(3, 3, 3, 1))  # a partial last micro-batch
