"""KaimingNormal: normal, so that the variance survives a ReLU."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ..draws import constant
from ..fans import variance_of
from ..protocols import Array, Sample


@final
@dataclass(frozen=True)
class KaimingNormal:
    """W ~ N(0, 2/((1 + s²) n))               n the fan-in, or with mode "fan_out" the fan-out

    slope s >= 0 of a leaky ReLU below zero. Source: He, Zhang, Ren, Sun (2015), equations 10 and
    15. Raises ValueError for another mode or one axis.
    """

    mode: str = "fan_in"
    slope: float = 0.0

    independent: ClassVar[bool] = True

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        spread = np.sqrt(2 / (1 + self.slope**2) * variance_of(self.mode, shape))
        return spread * rng.standard_normal(shape)

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(KaimingNormal(), constant(40, 24))
        yield Sample(KaimingNormal("fan_out", 0.5), constant(6, 8, 3, 3))
