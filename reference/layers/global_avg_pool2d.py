"""GlobalAvgPool2d: the mean of every channel."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree, expect


@final
@dataclass(frozen=True)
class GlobalAvgPool2d:
    """y_nc = Σ_hw x_nchw / (H W)      x: (N, C, H, W)   y: (N, C)

    Derivation. Every entry has the weight 1/(H W), so

        dx_nchw = dy_nc / (H W)

    Source: Lin, Chen, Yan, "Network in network" (2013), section 3.2.
    Raises ValueError where x has not four axes.
    """

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        expect(x.ndim == 4, self, "x of shape (N, C, H, W)", x)
        return x.mean(axis=(2, 3)), (x.shape[2:],)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        ((height, width),) = residuals
        everywhere = np.ones((height, width), dy.dtype)
        return (dy / (height * width))[:, :, None, None] * everywhere, {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(GlobalAvgPool2d(), normal(2, 3, 4, 5))
        yield Sample(GlobalAvgPool2d(), with_exact(3, 2, 1, 3))
        yield Sample(GlobalAvgPool2d(), normal(2, 2, 3, 3, offset=1e4))
