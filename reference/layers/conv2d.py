"""Conv2d: cross-correlation of images with learned kernels."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree, expect
from ..taps import convolution, correlate, draw_kernels, kernel_gradient, spread
from ..windows import Padding, Size


@final
@dataclass(frozen=True)
class Conv2d:
    """y_nohw = b_o + Σ_cij W_ocij x̄_nc,sh+di,sw+dj   x (N,C,H,W) W (O,C/g,K,K) y (N,O,H',W')

    with stride s, dilation d, x̄ = x in its padding of zeros. Derivation. db_o = Σ_nhw dy_nohw,
      dx̄_nclm = Σ_ohwij dy_nohw W_ocij [l=sh+di, m=sw+dj], dW_ocij = Σ_nhw dy_nohw x̄_nc,sh+di,sw+dj
    With g groups, each g-th of y sees its g-th of x. ``padding``: a number, one (or a pair: before,
    behind) for each axis, "valid" or "same": H/s rounded up, odd zeros behind. Raises ValueError
    where one of these, or x, is out of range. Source: Dumoulin and Visin (2016), relationship 6.
    """

    n_in: int
    n_out: int
    kernel: Size
    stride: Size = 1
    padding: Padding = 0
    dilation: Size = 1
    groups: int = 1

    def __post_init__(self) -> None:
        convolution(self, 2)

    def init(self, rng: np.random.Generator) -> Tree:
        return draw_kernels(rng, convolution(self, 2), self.n_out, self.n_in, self.n_out)

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        over, W = convolution(self, 2), params["W"]
        expect(over.fits(x, self.n_in), self, over.wants(self.n_in), x)
        return correlate(x, W, over) + params["b"][:, None, None], (x, W)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (x, W), over = residuals, convolution(self, 2)
        return spread(dy, W, over, x.shape[2:]), self.gradient(residuals, dy)

    def gradient(self, residuals: Residuals, dy: Array) -> Tree:  # dparams alone
        dW = kernel_gradient(residuals[0], dy, convolution(self, 2))
        return {"W": dW, "b": dy.sum(axis=(0, 2, 3))}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Conv2d(2, 3, 3, 2), normal(3, 2, 8, 6))  # the last row is never seen
        yield Sample(Conv2d(2, 4, 2, 3, padding=1), normal(2, 2, 7, 5))  # stride > kernel
        yield Sample(Conv2d(1, 2, (4, 3), 2, "same"), with_exact(2, 1, 5, 6))  # even and odd
        yield Sample(Conv2d(4, 2, (2, 3), 1, "same", (1, 2), groups=2), normal(2, 4, 3, 5))
        yield Sample(Conv2d(2, 4, 2, (1, 2), ((0, 1), (2, 0)), groups=2), normal(2, 2, 3, 4))
