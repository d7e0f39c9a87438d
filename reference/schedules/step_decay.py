"""StepDecay: the rate drops by a factor at regular intervals."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from ..draws import steps
from ..protocols import Array, Sample


@final
@dataclass(frozen=True)
class StepDecay:
    """η_t = η γ^⌊(t - 1)/n⌋               t: (T,) integers from 1   η_t: (T,)

    The first drop is at update n + 1. lr η > 0, factor γ > 0, every n >= 1 updates.
    Source: torch.optim.lr_scheduler.StepLR; optax.exponential_decay with staircase.
    Raises ValueError for an n below 1.
    """

    lr: float = 0.1
    every: int = 10
    factor: float = 0.1

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"StepDecay: every is {self.every}, 1 or more is needed")

    def __call__(self, t: Array) -> Array:
        return self.lr * self.factor ** ((t - 1) // self.every)

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(StepDecay(0.1, 3, 0.3), steps(17))
        yield Sample(StepDecay(1e-4, 1, 0.9), steps(17))
        yield Sample(StepDecay(3.0, 5, 0.1), steps(17))
