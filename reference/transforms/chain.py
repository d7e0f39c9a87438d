"""Chain: one transform after the other."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, final

from ..draws import with_counts
from ..protocols import Sample
from .accumulate import Accumulate
from .clip_by_global_norm import ClipByGlobalNorm


@final
@dataclass(frozen=True)
class Chain:
    """y = f_n(... f_2(f_1(x)))            x: what the first takes   y: what the last gives

    The order matters: to clip the gradient of a whole batch, the micro-batches are summed first.
    Source: optax.chain, for transforms that keep no state. Raises what its parts raise.
    """

    parts: tuple[Callable[[Any], Any], ...]

    def __call__(self, x: Any) -> Any:
        for part in self.parts:
            x = part(x)
        return x

    @staticmethod
    def samples() -> Iterator[Sample]:
        for equal, eps in ((False, 1e-6), (True, 0.0)):  # as torch has them, and as optax has
            clipped = Chain((Accumulate(equal), ClipByGlobalNorm(0.5, eps)))
            yield Sample(clipped, with_counts(6, 2, 1))
            loose = Chain((Accumulate(equal), ClipByGlobalNorm(50.0, eps)))  # not active
            yield Sample(loose, with_counts(3, 3))
