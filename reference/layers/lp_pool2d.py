"""LPPool2d: the p-norm of every window."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import dead, normal, with_exact
from ..pooling import pool, to_all, total
from ..protocols import Array, Residuals, Sample, Tree, expect
from ..windows import Size


@final
@dataclass(frozen=True)
class LPPool2d:
    """y_nchw = (Σ_ij |x_nc,sh+i,sw+j|^p)^(1/p)      x: (N, C, H, W)   y: (N, C, H', W')

    Derivation. With S = Σ |x|^p, y = S^(1/p): ∂y/∂S = S^(1/p - 1)/p = y^(1-p)/p, and
    ∂|x|^p/∂x = p sign(x) |x|^(p-1); so
        dx_nclm = sign(x_nclm) |x_nclm|^(p-1) Σ_hwij dy_nchw y_nchw^(1-p) [l = sh + i, m = sw + j]

    Where a window is 0, y has a kink: 0 is taken. ``p`` >= 1. ``stride``: None for the kernel's
    size. Source: Sermanet et al., "Convolutional neural networks applied to house numbers digit
    classification" (2012), equation 1. Raises ValueError for what is out of range.
    """

    p: float
    kernel: Size
    stride: Size | None = None

    def __post_init__(self) -> None:
        pool(self, 2)
        if self.p < 1:
            raise ValueError(f"{self}: p must be 1 or more")

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        over = pool(self, 2)
        expect(over.fits(x), self, over.wants(), x)
        y = np.power(total(np.power(np.abs(x), self.p), over), 1 / self.p)
        return y, (x, y, over)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        x, y, over = residuals
        slope = np.where(y > 0, np.power(np.where(y > 0, y, 1), 1 - self.p), 0)
        share = to_all(dy * slope, over, x.shape[2:])
        return np.sign(x) * np.power(np.abs(x), self.p - 1) * share, {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(LPPool2d(2.0, 2), normal(2, 3, 4, 5))
        yield Sample(LPPool2d(3.0, (2, 3), 2), normal(2, 1, 5, 4, offset=3))
        yield Sample(LPPool2d(2.5, 3, 1), normal(2, 1, 5, 4, scale=10))
        yield Sample(LPPool2d(1.0, 2, 1), with_exact(2, 1, 3, 4), kink=("complex_step", "jax"))
        blank = dead(normal(2, 1, 4, 4), 0, 0, slice(2), slice(2))  # a window of zeros
        yield Sample(LPPool2d(2.0, 2), blank, kink=("complex_step",))
