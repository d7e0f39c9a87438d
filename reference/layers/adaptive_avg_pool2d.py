"""AdaptiveAvgPool2d: means of as many parts as are asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree, expect
from ..resampling import along, segments


@final
@dataclass(frozen=True)
class AdaptiveAvgPool2d:
    """y_nchw = Σ_lm A_hl B_wm x_nclm / M_hw      x: (N, C, H, W)   y: (N, C, H', W')

    where A_hl is 1 for l in part h of the rows, ⌊h H/H'⌋ <= l < ⌈(h + 1) H/H'⌉, else 0; B likewise
    for the columns; and M_hw = Σ_lm A_hl B_wm. Parts overlap where H' does not divide H, and a row
    is in several where H' > H. Derivation. The map is linear, so the transpose carries dy back:

        dx_nclm = Σ_hw A_hl B_wm dy_nchw / M_hw

    ``size``: (H', W'), 1 or more. Source: He et al., "Spatial pyramid pooling in deep convolutional
    networks" (2014), section 2.3. Raises ValueError where a hyperparameter or x is out of range.
    """

    size: tuple[int, int]

    def __post_init__(self) -> None:
        if min(self.size) < 1:
            raise ValueError(f"{self}: both sizes must be 1 or more")

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        expect(x.ndim == 4, self, "x of shape (N, C, H, W)", x)
        A, B = (segments(n, parts) for n, parts in zip(x.shape[2:], self.size, strict=True))
        M = np.outer(A.sum(axis=1), B.sum(axis=1)).astype(x.dtype)
        return along(A, x, B) / M, (A, B, M)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        A, B, M = residuals
        return along(A.T, dy / M, B.T), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(AdaptiveAvgPool2d((2, 3)), normal(2, 3, 5, 6))
        yield Sample(AdaptiveAvgPool2d((1, 1)), with_exact(3, 2, 4, 3))
        yield Sample(AdaptiveAvgPool2d((4, 5)), normal(2, 2, 7, 3, scale=1e4))
