"""LinearRate: a straight line from one rate to another, then constant: warm-up or decay."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import steps
from ..protocols import Array, Sample


@final
@dataclass(frozen=True)
class LinearRate:
    """η_t = η (a + (b - a) min(t - 1, n)/n)                 t: (T,) integers from 1   η_t: (T,)

    Update 1 has the rate η a, update n + 1 the rate η b. lr η > 0, start a, end b, total n >= 1.
    A warm-up whose first update is not idle starts at a = 1/n or more.
    Source: torch.optim.lr_scheduler.LinearLR (0 < a <= 1 only); optax.linear_schedule.
    Raises ValueError for an n below 1.
    """

    lr: float = 0.1
    start: float = 0.1
    end: float = 1.0
    total: int = 5

    def __post_init__(self) -> None:
        if self.total < 1:
            raise ValueError(f"LinearRate: total is {self.total}, 1 or more is needed")

    def __call__(self, t: Array) -> Array:
        done = np.minimum(t - 1, self.total) / self.total
        return self.lr * (self.start + (self.end - self.start) * done)

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(LinearRate(0.1, 0.3, 1.0, 7), steps(17))
        yield Sample(LinearRate(2.0, 1.0, 0.1, 12), steps(17))
        yield Sample(LinearRate(0.3, 0.0, 1.0, 4), steps(9))
