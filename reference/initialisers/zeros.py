"""Zeros: nothing, as for a bias."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ..draws import constant
from ..protocols import Array, Sample


@final
@dataclass(frozen=True)
class Zeros:
    """W = 0

    Source: none needed. Raises nothing of its own.
    """

    independent: ClassVar[bool] = True

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return np.zeros(shape)

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Zeros(), constant(40))
        yield Sample(Zeros(), constant(3, 2))
