"""GELU: Gaussian error linear unit, exact or by a tanh."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import constant, normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree
from ..special import erfc

SQRT_2_PI, SQRT_HALF = 0.79788456080286535588, 0.70710678118654752440


@final
@dataclass(frozen=True)
class GELU:
    """y = x Φ(x),  Φ(x) = erfc(-x/√2)/2        x, y: any shape, elementwise

    Derivation. Φ' = φ = e^(-x²/2)/√(2π), so dx = dy (Φ(x) + x φ(x)). With ``approximate`` "tanh"
    Φ is replaced by (1 + tanh u)/2, u = √(2/π) (x + 0.044715 x³), and φ by its derivative

        (1 - tanh² u) u'/2,  u' = √(2/π) (1 + 0.134145 x²)

    1 + erf(x/√2) has no digits left far below 0; nor has 1 + tanh u, but so it is defined.
    approximate: "none" (torch's default) or "tanh" (jax.nn.gelu's). Source: Hendrycks and Gimpel,
    "Gaussian error linear units" (2016), section 2. Raises ValueError for another approximation.
    """

    approximate: str = "none"

    def __post_init__(self) -> None:
        if self.approximate not in ("none", "tanh"):
            raise ValueError(f"{self}: approximate is 'none' or 'tanh'")

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        if self.approximate == "tanh":
            tanh = np.tanh(SQRT_2_PI * (x + 0.044715 * (x * x * x)))
            Phi = (1 + tanh) / 2
            phi = (1 - tanh * tanh) * (SQRT_2_PI / 2) * (1 + 0.134145 * (x * x))
        else:
            Phi = erfc(-x * SQRT_HALF) / 2
            phi = np.exp(-x * x / 2) * (SQRT_2_PI / 2)
        return x * Phi, (Phi + x * phi,)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (slope,) = residuals
        return dy * slope, {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(GELU(), with_exact(3, 4))
        yield Sample(GELU("tanh"), with_exact(3, 4))
        yield Sample(GELU(), normal(2, 3, 4, scale=0.01))
        yield Sample(GELU("tanh"), constant(-1.5, 1.0, 1.9, 4.0))
        yield Sample(GELU(), constant(-8.0, -7.0, -6.0, -5.5), place="in its tail")
