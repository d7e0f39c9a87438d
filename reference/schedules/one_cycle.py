"""OneCycle: up to the peak rate and down again to almost nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import steps
from ..protocols import Array, Sample


@final
@dataclass(frozen=True)
class OneCycle:
    """η_t = a + (b - a) (1 - cos(π s))/2                     t: (T,) integers from 1   η_t: (T,)

    from a = η/d to b = η while t - 1 runs from 0 to m, s being the share of it that is done; then
    from η to η/(d e) until t - 1 = n, and constant after that. With ``inclusive`` (torch) m is
    rise x total - 1 and n is total - 1: the last of ``total`` updates has the final rate. Without
    (optax) m = ⌊rise x total⌋ and n = total: only the update after them has it.
    lr η the peak, total >= 2, rise in (0, 1), divisor d > 0, final_divisor e > 0.
    Source: Smith and Topin, "Super-convergence" (2018); torch's OneCycleLR;
    optax.cosine_onecycle_schedule. Raises ValueError where a phase has no update.
    """

    lr: float = 0.1
    total: int = 10
    rise: float = 0.3
    divisor: float = 25.0
    final_divisor: float = 1e4
    inclusive: bool = True

    def __post_init__(self) -> None:
        top, last = self.phases()
        if not 0 < top < last:
            raise ValueError(f"OneCycle: {self.total} updates are too few for two phases")

    def phases(self) -> tuple[float, int]:
        """How many updates are done at the peak, and at the end."""
        if self.inclusive:
            return float(self.rise) * self.total - 1, self.total - 1
        return int(float(self.rise) * self.total), self.total

    def __call__(self, t: Array) -> Array:
        (top, last), done = self.phases(), t - 1
        up, down = done / top, (np.minimum(done, last) - top) / (last - top)
        low, final = self.lr / self.divisor, self.lr / self.divisor / self.final_divisor
        rising = low + (self.lr - low) * (1 - np.cos(np.pi * up)) / 2
        falling = self.lr + (final - self.lr) * (1 - np.cos(np.pi * down)) / 2
        return np.where(done <= top, rising, falling)

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(OneCycle(0.1, 10), steps(10))
        yield Sample(OneCycle(1.0, 13, 0.4, 7.0, 100.0), steps(13))
        yield Sample(OneCycle(1.0, 10, inclusive=False), steps(12))
        yield Sample(OneCycle(0.1, 13, 0.4, 7.0, 100.0, inclusive=False), steps(15))
