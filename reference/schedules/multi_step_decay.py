"""MultiStepDecay: the rate drops by a factor at chosen updates."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import steps
from ..protocols import Array, Sample


@final
@dataclass(frozen=True)
class MultiStepDecay:
    """η_t = η γ^k,  k how many milestones are below t       t: (T,) integers from 1   η_t: (T,)

    A milestone m counts the updates done: update m is the last at the old rate. lr η > 0,
    factor γ > 0, milestones increasing.
    Source: torch.optim.lr_scheduler.MultiStepLR; optax.piecewise_constant_schedule.
    Raises ValueError for milestones that do not increase.
    """

    lr: float = 0.1
    milestones: tuple[int, ...] = (30, 60)
    factor: float = 0.1

    def __post_init__(self) -> None:
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError(f"MultiStepDecay: milestones {self.milestones} do not increase")

    def __call__(self, t: Array) -> Array:
        return self.lr * self.factor ** (t[:, None] > np.asarray(self.milestones)).sum(axis=1)

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(MultiStepDecay(0.1, (2, 9, 10), 0.3), steps(17))
        yield Sample(MultiStepDecay(5.0, (1,), 0.01), steps(5))
        yield Sample(MultiStepDecay(0.2, (4, 30), 1.7), steps(17))
