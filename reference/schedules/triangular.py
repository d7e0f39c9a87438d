"""Triangular: up and down between two rates, again and again."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import steps
from ..protocols import Array, Sample


@final
@dataclass(frozen=True)
class Triangular:
    """η_t = a + (b - a) max(0, 1 - |s/n - 2k + 1|),  k = ⌊1 + s/2n⌋,  s = t - 1

    t: (T,) integers from 1, η_t: (T,). low a >= 0, high b > a, half n >= 1 the updates of a
    rise and of a fall. Source: Smith, "Cyclical learning rates for training neural networks"
    (2017), section 3.2; torch's CyclicLR. Raises ValueError for an n below 1.
    """

    low: float = 0.01
    high: float = 0.1
    half: int = 4

    def __post_init__(self) -> None:
        if self.half < 1:
            raise ValueError(f"Triangular: half is {self.half}, 1 or more is needed")

    def __call__(self, t: Array) -> Array:
        s = (t - 1) % (2 * self.half)
        return self.low + (self.high - self.low) * (1 - np.abs(s / self.half - 1))

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Triangular(0.01, 0.1, 3), steps(17))
        yield Sample(Triangular(0.1, 0.7, 1), steps(6))
        yield Sample(Triangular(0.3, 2.0, 7), steps(30))
