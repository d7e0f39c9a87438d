"""TanhShrink: what the hyperbolic tangent takes away."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import constant, normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree


@final
@dataclass(frozen=True)
class TanhShrink:
    """y = x - tanh(x)                    x, y: any shape, elementwise

    Derivation. tanh'(x) = 1 - tanh(x)², so ∂y/∂x = tanh(x)² and dx = dy tanh(x)². Near 0, where y
    is about x³/3, the difference has no digits left, and autograd's dy - dy (1 - tanh(x)²) neither.
    There y = x w/(1 + w) from Lambert's continued fraction, all terms of which are positive:

        tanh x = x/(1 + w),  w = x²/(3 + x²/(5 + x²/(7 + ...)))

    Source: torch.nn.Tanhshrink; Abramowitz and Stegun (1964), 4.5.70. Raises nothing of its own.
    """

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        t, square, w = np.tanh(x), np.minimum(x * x, 1), 0 * x
        for odd in range(19, 1, -2):  # below |x| = 1 these are enough for 1e-19
            w = square / (odd + w)
        return np.where(np.abs(x) < 1, x * w / (1 + w), x - t), (t,)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (t,) = residuals
        return dy * (t * t), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(TanhShrink(), normal(3, 4, offset=-2))
        yield Sample(TanhShrink(), with_exact(2, 3, 5))
        yield Sample(TanhShrink(), constant(-1000.0, -20.0, -5.0, 0.0, 3.0, 9.0, 1000.0))
        yield Sample(TanhShrink(), normal(2, 5, scale=1e-3), place="near 0")
