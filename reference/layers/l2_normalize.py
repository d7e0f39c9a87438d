"""L2Normalize: vectors of length one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import uniform
from ..protocols import Array, Residuals, Sample, Tree


@final
@dataclass(frozen=True)
class L2Normalize:
    """y = x / max(‖x‖, ε)                          x, y: any shape, ‖x‖ along ``axis``

    Derivation. Where ‖x‖ > ε, ∂‖x‖/∂x_j = y_j; below, the divisor is constant. So, with
    d = max(‖x‖, ε),

        dx_j = (dy_j - [‖x‖ > ε] y_j Σ_i dy_i y_i) / d

    ``axis``: an integer, from the end if negative; ``eps`` > 0: the shortest length that is divided
    by, clamped and not added, as in torch.
    Source: Schroff, Kalenichenko, Philbin, "FaceNet" (2015), section 3: embeddings of length one.
    Raises ValueError for an eps that is not positive.
    """

    axis: int = -1
    eps: float = 1e-12

    def __post_init__(self) -> None:
        if not self.eps > 0:
            raise ValueError(f"{self}: eps is positive")

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        norm = np.sqrt((x * x).sum(axis=self.axis, keepdims=True))
        d = np.maximum(norm, self.eps)
        return x / d, (x / d, d, norm > self.eps)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        y, d, long = residuals
        return (dy - long * (y * (dy * y).sum(axis=self.axis, keepdims=True))) / d, {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(L2Normalize(), uniform(3, 4, low=-2, high=2))
        yield Sample(L2Normalize(axis=1), uniform(2, 3, 4, low=-1e4, high=1e4))
        rows = np.array([[0.0, 0.0], [0.3, -0.2], [3.0, 4.0], [1e-9, -0.6]])  # short and long
        yield Sample(L2Normalize(eps=0.5), lambda rng: rows + 0.0)
        at = np.array([[0.5, 0.0], [3.0, -4.0]])  # exactly ε
        yield Sample(L2Normalize(eps=0.5), lambda rng: at + 0, kink=("finite_differences", "torch"))
