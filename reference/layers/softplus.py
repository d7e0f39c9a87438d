"""Softplus: a smooth rectifier."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import constant, normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree
from .sigmoid import sigmoid


@final
@dataclass(frozen=True)
class Softplus:
    """y = log(1 + e^βx) / β, and y = x where βx > t       x, y: any shape, elementwise

    Derivation. ∂y/∂x = e^βx/(1 + e^βx) = σ(βx), so dx = dy σ(βx), and dx = dy where βx > t. The
    logarithm is taken as max(βx, 0) + log(1 + e^-|βx|), in which no exponential exceeds 1.

    ``beta``: above 0, the sharpness of the bend. ``threshold``: t, above which y is x, as in torch;
    it makes y jump by e^-t/β. JAX's softplus has none.
    Source: Dugas, Bengio, Bélisle, Nadeau, Garcia, "Incorporating second-order functional knowledge
    for better option pricing" (2001), section 3. Raises ValueError unless beta > 0.
    """

    beta: float = 1.0
    threshold: float = 20.0

    def __post_init__(self) -> None:
        if not self.beta > 0:
            raise ValueError(f"Softplus takes beta > 0, got {self.beta}")

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        z = self.beta * x
        bend = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))
        above = z > self.threshold
        return np.where(above, x, bend / self.beta), (z, above)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        z, above = residuals
        return np.where(above, dy, dy * sigmoid(z)), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Softplus(), with_exact(3, 4))
        yield Sample(Softplus(beta=2.5, threshold=3.0), normal(2, 3, 5, scale=2))
        yield Sample(
            Softplus(), constant(-1000.0, -80.0, -20.0, 0.0, 18.0, 19.5, 20.5, 80.0, 1000.0)
        )
        yield Sample(Softplus(2.0, 3.0), constant(1.5, -1.0, 1.0), place="at its jump")
        yield Sample(Softplus(beta=0.3), constant(-90.0, -60.0, -30.0))  # only small slopes
