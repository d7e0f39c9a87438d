"""Softsign: an S-shaped activation with algebraic tails."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import constant, normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree


@final
@dataclass(frozen=True)
class Softsign:
    """y = x / (1 + |x|)                  x, y: any shape, elementwise

    Derivation. With s = sign(x) and s x = |x|,

        ∂y/∂x = (1 + |x| - x s)/(1 + |x|)² = 1/(1 + |x|)²,   so  dx = dy/(1 + |x|)²

    The slope at 0 is 1 from both sides. Autograd of the quotient forms the difference above, and
    loses digits to it where |x| is large.

    Source: Bergstra, Desjardins, Lamblin, Bengio, "Quadratic polynomials learn better image
    features" (2009), section 2. Raises nothing of its own.
    """

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        r = 1 / (1 + np.abs(x))
        # Both are y. Far out the slope of the second, r², is seen without a difference.
        return np.where(np.abs(x) < 1, x * r, np.sign(x) * (1 - r)), (r,)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (r,) = residuals
        return dy * (r * r), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Softsign(), normal(3, 4))
        yield Sample(Softsign(), with_exact(2, 3, 5))
        yield Sample(Softsign(), normal(4, 2, scale=1e-3))
        yield Sample(Softsign(), constant(-2.1e6, -7e5, 5.3e5, 1.3e6, 2.9e6), place="far out")
