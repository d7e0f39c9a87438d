"""WarmupCosine: a straight line up, then a cosine down."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import steps
from ..protocols import Array, Sample


@final
@dataclass(frozen=True)
class WarmupCosine:
    """η_t = η (a + (1 - a) s/w) while s < w;  then  η_e + (η - η_e) (1 + cos(π (s - w)/n))/2

    with s = t - 1 updates done, and constant after w + n of them. t: (T,) integers from 1,
    η_t: (T,). lr η the peak; start a in [0, 1], of the peak (at a = 0 the first update is idle;
    torch's LinearLR wants a > 0); end η_e >= 0; warmup w >= 1 and decay n >= 1 updates: optax's
    decay_steps is w + n, torch's T_max is n. Source: Goyal et al., "Accurate, large minibatch SGD"
    (2017), section 2.2; Loshchilov and Hutter, "SGDR" (2017), equation 5;
    optax.warmup_cosine_decay_schedule. Raises ValueError for a w or n below 1.
    """

    lr: float = 0.1
    warmup: int = 5
    decay: int = 20
    start: float = 0.0
    end: float = 0.0

    def __post_init__(self) -> None:
        if min(self.warmup, self.decay) < 1:
            raise ValueError("WarmupCosine: warmup and decay are 1 or more")

    def __call__(self, t: Array) -> Array:
        s = t - 1
        rising = self.lr * (self.start + (1 - self.start) * s / self.warmup)
        turn = np.pi * np.minimum(s - self.warmup, self.decay) / self.decay
        falling = self.end + (self.lr - self.end) * (1 + np.cos(turn)) / 2
        return np.where(s < self.warmup, rising, falling)

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(WarmupCosine(0.1, 3, 8, start=0.2, end=0.01), steps(12))
        yield Sample(WarmupCosine(0.1, 2, 4), steps(9))
        yield Sample(WarmupCosine(3.0, 5, 6, start=0.01), steps(12))
