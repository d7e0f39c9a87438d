"""KaimingUniform: uniform, so that the variance survives a ReLU."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ..draws import constant
from ..fans import variance_of
from ..protocols import Array, Sample


@final
@dataclass(frozen=True)
class KaimingUniform:
    """W ~ U(-a, a),  a = √(6/((1 + s²) n))   n the fan-in, or with mode "fan_out" the fan-out

    slope s >= 0 of a leaky ReLU below zero. Source: He, Zhang, Ren, Sun, "Delving deep into
    rectifiers" (2015), equations 10 and 15. Raises ValueError for another mode or one axis.
    """

    mode: str = "fan_in"
    slope: float = 0.0

    independent: ClassVar[bool] = True

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        a = np.sqrt(6 / (1 + self.slope**2) * variance_of(self.mode, shape))
        return rng.uniform(-a, a, shape)

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(KaimingUniform(), constant(40, 24))
        yield Sample(KaimingUniform("fan_out", 0.5), constant(6, 8, 3, 3))
