"""LeCunUniform: uniform, so that the variance of the input is kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ..draws import constant
from ..fans import variance_of
from ..protocols import Array, Sample


@final
@dataclass(frozen=True)
class LeCunUniform:
    """W ~ U(-a, a),  a = √(3/n)              n the fan-in

    Source: LeCun, Bottou, Orr, Müller, "Efficient BackProp" (1998), section 4.6. Raises ValueError
    for a shape of one axis.
    """

    independent: ClassVar[bool] = True

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        a = np.sqrt(3 * variance_of("fan_in", shape))
        return rng.uniform(-a, a, shape)

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(LeCunUniform(), constant(40, 24))
        yield Sample(LeCunUniform(), constant(6, 8, 3, 3))
