"""LeCunNormal: normal, so that the variance of the input is kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ..draws import constant
from ..fans import variance_of
from ..protocols import Array, Sample
from .truncated_normal import CUT_DEVIATION, TruncatedNormal


@final
@dataclass(frozen=True)
class LeCunNormal:
    """W ~ N(0, 1/n), n the fan-in; with ``truncated`` cut at two deviations and widened again

    so that the deviation stays √(1/n), as jax.nn.initializers.lecun_normal does.
    Source: LeCun, Bottou, Orr, Müller, "Efficient BackProp" (1998), equation 16. Raises ValueError
    for a shape of one axis.
    """

    truncated: bool = True

    independent: ClassVar[bool] = True

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        spread = np.sqrt(variance_of("fan_in", shape))
        if not self.truncated:
            return spread * rng.standard_normal(shape)
        return TruncatedNormal(spread / CUT_DEVIATION).draw(rng, shape)

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(LeCunNormal(), constant(40, 24))
        yield Sample(LeCunNormal(truncated=False), constant(6, 8, 3, 3))
