"""ExponentialDecay: the rate shrinks by the same factor at every update."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from ..draws import steps
from ..protocols import Array, Sample


@final
@dataclass(frozen=True)
class ExponentialDecay:
    """η_t = η γ^(t - 1)                    t: (T,) integers from 1   η_t: (T,)

    lr η > 0, factor γ > 0. Source: torch.optim.lr_scheduler.ExponentialLR;
    optax.exponential_decay. Raises nothing of its own.
    """

    lr: float = 0.1
    factor: float = 0.95

    def __call__(self, t: Array) -> Array:
        return self.lr * self.factor ** (t - 1)

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(ExponentialDecay(0.1, 0.9), steps(40))
        yield Sample(ExponentialDecay(2.0, 0.3), steps(9))
        yield Sample(ExponentialDecay(1e-3, 1.01), steps(40))
