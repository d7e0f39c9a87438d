"""XavierUniform: uniform, so that the variance is kept both ways, on average."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ..draws import constant
from ..fans import variance_of
from ..protocols import Array, Sample


@final
@dataclass(frozen=True)
class XavierUniform:
    """W ~ U(-a, a),  a = g √(3/n)            n = (fan_in + fan_out)/2

    gain g > 0. Source: Glorot and Bengio, "Understanding the difficulty of training deep
    feedforward neural networks" (2010), equation 16. Raises ValueError for a shape of one axis.
    """

    gain: float = 1.0

    independent: ClassVar[bool] = True

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        a = self.gain * np.sqrt(3 * variance_of("fan_avg", shape))
        return rng.uniform(-a, a, shape)

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(XavierUniform(), constant(40, 24))
        yield Sample(XavierUniform(1.7), constant(6, 8, 3, 3))
