"""XavierNormal: normal, so that the variance is kept both ways, on average."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ..draws import constant
from ..fans import variance_of
from ..protocols import Array, Sample


@final
@dataclass(frozen=True)
class XavierNormal:
    """W ~ N(0, g²/n)                         n = (fan_in + fan_out)/2

    gain g > 0. Source: Glorot and Bengio (2010), equation 12. Raises ValueError for a shape of
    one axis.
    """

    gain: float = 1.0

    independent: ClassVar[bool] = True

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return self.gain * np.sqrt(variance_of("fan_avg", shape)) * rng.standard_normal(shape)

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(XavierNormal(), constant(40, 24))
        yield Sample(XavierNormal(0.6), constant(6, 8, 3, 3))
