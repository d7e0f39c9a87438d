"""LossScale: the factor on the loss that keeps half-precision gradients in range."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import steps
from ..protocols import Array, Sample


@final
@dataclass(frozen=True)
class LossScale:
    """s_t: times ``growth`` after n updates in a row without overflow, times ``backoff`` after one

    t: (T,) integers from 1, s_t: (T,). initial s_1 > 0, growth > 1, backoff in (0, 1), interval
    n >= 1; overflows: whether the gradients of each update were not all finite (the update is
    then left out). The gradients are divided by s_t before anything else sees them.
    Source: Micikevicius et al., "Mixed precision training" (2018), section 3.2;
    torch.amp.GradScaler. Raises ValueError where t goes beyond the overflows.
    """

    overflows: tuple[bool, ...]
    initial: float = 65536.0
    growth: float = 2.0
    backoff: float = 0.5
    interval: int = 2000

    def __call__(self, t: Array) -> Array:
        if t.max() > len(self.overflows) + 1:
            raise ValueError(f"LossScale: update {t.max()} needs {t.max() - 1} overflows")
        scale, clean = self.initial, 0
        scales = [scale]
        for overflow in self.overflows:
            clean = 0 if overflow else clean + 1
            if overflow:
                scale = scale * self.backoff
            elif clean == self.interval:
                scale, clean = scale * self.growth, 0
            scales.append(scale)
        return np.stack([scales[i - 1] for i in t])

    @staticmethod
    def samples() -> Iterator[Sample]:
        overflows = tuple(i in (3, 4, 9) for i in range(1, 20))
        yield Sample(LossScale(overflows, 1024.0, interval=3), steps(20))
        yield Sample(LossScale(overflows, 3.0, 1.5, 0.375, 2), steps(20))
