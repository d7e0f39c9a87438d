"""PolynomialDecay: the rate falls as a power of the time that is left."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import steps
from ..protocols import Array, Sample


@final
@dataclass(frozen=True)
class PolynomialDecay:
    """η_t = η_e + (η - η_e) (1 - min(t - 1, n)/n)^p         t: (T,) integers from 1   η_t: (T,)

    lr η > 0, end η_e >= 0 (torch has 0 only), total n >= 1, power p > 0.
    Source: torch.optim.lr_scheduler.PolynomialLR; optax.polynomial_schedule.
    Raises ValueError for an n below 1.
    """

    lr: float = 0.1
    total: int = 10
    power: float = 1.0
    end: float = 0.0

    def __post_init__(self) -> None:
        if self.total < 1:
            raise ValueError(f"PolynomialDecay: total is {self.total}, 1 or more is needed")

    def __call__(self, t: Array) -> Array:
        left = 1 - np.minimum(t - 1, self.total) / self.total
        return self.end + (self.lr - self.end) * left**self.power

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(PolynomialDecay(0.1, 7, 2.0), steps(12))
        yield Sample(PolynomialDecay(0.3, 9, 0.5), steps(12))
        yield Sample(PolynomialDecay(0.3, 9, 3.0, 0.01), steps(12))
