"""CosineRestarts: a cosine decay that starts anew, each time longer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import steps
from ..protocols import Array, Sample


@final
@dataclass(frozen=True)
class CosineRestarts:
    """η_t = η_e + (η - η_e) (1 + cos(π s/n_i))/2            t: (T,) integers from 1   η_t: (T,)

    where s updates of cycle i are done, whose length is n_i = n m^i. lr η > 0, end η_e >= 0,
    period n >= 1, growth m >= 1 an integer. The rate never is η_e: update n_i + 1 of a cycle is
    the first of the next. Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with
    warm restarts" (2017), equation 5; torch's CosineAnnealingWarmRestarts; optax.sgdr_schedule.
    Raises ValueError for an n or m below 1.
    """

    lr: float = 0.1
    period: int = 10
    growth: int = 1
    end: float = 0.0

    def __post_init__(self) -> None:
        if min(self.period, self.growth) < 1:
            raise ValueError("CosineRestarts: period and growth are integers of 1 or more")

    def cycles(self, last: int) -> list[int]:
        """The lengths of as many cycles as update ``last`` needs."""
        lengths = [self.period]
        while sum(lengths) < last:
            lengths.append(lengths[-1] * self.growth)
        return lengths

    def __call__(self, t: Array) -> Array:
        lengths = np.asarray(self.cycles(int(t.max())))
        starts = np.cumsum(lengths) - lengths
        i = (t[:, None] > starts).sum(axis=1) - 1
        turn = np.pi * (t - 1 - starts[i]) / lengths[i]
        return self.end + (self.lr - self.end) * (1 + np.cos(turn)) / 2

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(CosineRestarts(0.1, 3, end=0.01), steps(11))
        yield Sample(CosineRestarts(0.3, 2, growth=2), steps(17))
        yield Sample(CosineRestarts(2.0, 5, growth=3, end=0.5), steps(23))
