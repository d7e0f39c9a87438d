"""Noam: a straight line up, then down with the inverse square root of time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import steps
from ..protocols import Array, Sample


@final
@dataclass(frozen=True)
class Noam:
    """η_t = η min(t^(-1/2), t w^(-3/2))    t: (T,) integers from 1   η_t: (T,)

    lr η > 0 (the paper's d_model^(-1/2)), warmup w >= 1: the peak is at update w.
    Source: Vaswani et al., "Attention is all you need" (2017), equation 3.
    Raises ValueError for a w below 1.
    """

    lr: float = 0.1
    warmup: int = 5

    def __post_init__(self) -> None:
        if self.warmup < 1:
            raise ValueError(f"Noam: warmup is {self.warmup}, 1 or more is needed")

    def __call__(self, t: Array) -> Array:
        return self.lr * np.where(t < self.warmup, t * float(self.warmup) ** -1.5, t**-0.5)

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Noam(0.1, 4), steps(17))
        yield Sample(Noam(2.0, 1), steps(5))
        yield Sample(Noam(0.044, 9), steps(30))
