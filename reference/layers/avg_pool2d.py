"""AvgPool2d: the mean of every window."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..pooling import counts, on, pool, to_all, total
from ..protocols import Array, Residuals, Sample, Tree, expect
from ..windows import Size


@final
@dataclass(frozen=True)
class AvgPool2d:
    """y_nchw = Σ_ij x̄_nc,sh+i,sw+j / M_hw      x: (N, C, H, W)   y: (N, C, H', W')

    with x̄ = x in p rows and columns of zeros, and M_hw the entries of the window that count: with
    ``count_include_pad`` those of x̄, else those of x. H' = (H + 2p - K)/s + 1 rounded down; or up
    with ``ceil``, if the last window starts before the padding behind; what it lacks never counts.
    Derivation. Each entry of a window has the same weight in it:

        dx̄_nclm = Σ_hwij dy_nchw / M_hw [l = sh + i, m = sw + j]

    ``stride``: None for the kernel's size. ``padding``: at most half the kernel.
    Source: LeCun et al., "Gradient-based learning applied to document recognition" (1998), section
    II.B. Raises ValueError where a hyperparameter or x is out of range.
    """

    kernel: Size
    stride: Size | None = None
    padding: Size = 0
    ceil: bool = False
    count_include_pad: bool = True

    def __post_init__(self) -> None:
        pool(self, 2)

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        expect(pool(self, 2).fits(x), self, pool(self, 2).wants(), x)
        over, sizes = on(self, x.shape[2:]), x.shape[2:]
        M = counts(self, sizes).astype(x.dtype)
        return total(x, over) / M, (M, over, sizes)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        M, over, sizes = residuals
        return to_all(dy / M, over, sizes), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(AvgPool2d(2), normal(2, 3, 4, 5))
        yield Sample(AvgPool2d(3, 2, 1), with_exact(2, 2, 5, 4))
        yield Sample(AvgPool2d((2, 3), (2, 3), 1, True, False), normal(2, 1, 5, 5, scale=1e-3))
        yield Sample(AvgPool2d(3, 2, 1, True), normal(2, 1, 4, 6))
