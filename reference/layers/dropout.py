"""Dropout: units left out at random; which ones is data."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ..draws import with_exact
from ..protocols import Array, Draw, Residuals, Sample, Tree, expect


def with_mask(*shape: int, p: float) -> Draw:
    """Numbers, some of them exactly 0, and a mask that is True with probability 1 - p."""
    numbers = with_exact(*shape)
    return lambda rng: (numbers(rng), rng.random(shape) >= p)


@final
@dataclass(frozen=True)
class Dropout:
    """y = x m / (1 - p)                    x = (x, m): any shape, elementwise; m: booleans

    m_i is True where x_i is kept, which happens with probability 1 - p, so E[y] = x.

    Derivation. Elementwise: dx = dy m / (1 - p), zero exactly where x was left out. The mask has
    no cotangent.

    Chance is data here: m comes with x, and is the same for everyone who is compared.
    ``p``: 0 <= p < 1. Source: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout"
    (2014), sections 4 and 10 (scaled in training). Raises ValueError for another p, and for a
    mask that is not of booleans and of x's shape.
    """

    p: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.p < 1:
            raise ValueError(f"{self}: p is a probability below 1")

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Any) -> tuple[Array, Residuals]:
        x, mask = x
        ok = mask.dtype == bool and mask.shape == x.shape
        expect(ok, self, f"a mask of booleans of shape {x.shape}", mask)
        return x * mask / (1 - self.p), (mask,)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[tuple[Array, None], Tree]:
        (mask,) = residuals
        return (dy * mask / (1 - self.p), None), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Dropout(), with_mask(4, 5, p=0.5))
        yield Sample(Dropout(0.3), with_mask(2, 3, 4, p=0.3))
        yield Sample(Dropout(0.8), with_mask(5, 12, p=0.8))
