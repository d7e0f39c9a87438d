"""PixelShuffle: channels laid out as pixels."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree, expect


@final
@dataclass(frozen=True)
class PixelShuffle:
    """y_n,c,rh+i,rw+j = x_n,(cr+i)r+j,h,w      x: (N, C r², H, W)   y: (N, C, r H, r W)

    Derivation. Every entry of x is one of y, so its cotangent goes back to where it came from:

        dx_n,(cr+i)r+j,h,w = dy_n,c,rh+i,rw+j

    ``factor``: r, 1 or more. Source: Shi et al., "Real-time single image and video super-resolution
    using an efficient sub-pixel convolutional neural network" (2016), equation 4.
    Raises ValueError where x has not a multiple of r² channels, or r is out of range.
    """

    factor: int

    def __post_init__(self) -> None:
        if self.factor < 1:
            raise ValueError(f"{self}: factor must be 1 or more")

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        r = self.factor
        fits = x.ndim == 4 and x.shape[1] % (r * r) == 0
        expect(fits, self, f"x of shape (N, C, H, W) with C a multiple of {r * r}", x)
        N, C, H, W = x.shape
        cells = x.reshape(N, C // (r * r), r, r, H, W).transpose(0, 1, 4, 2, 5, 3)
        return cells.reshape(N, C // (r * r), H * r, W * r), (x.shape,)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        ((N, C, H, W),) = residuals
        r = self.factor
        cells = dy.reshape(N, C // (r * r), H, r, W, r).transpose(0, 1, 3, 5, 2, 4)
        return cells.reshape(N, C, H, W), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(PixelShuffle(2), normal(2, 8, 2, 3))
        yield Sample(PixelShuffle(3), with_exact(2, 9, 1, 2))
