"""Conv3d: cross-correlation of volumes with learned kernels."""

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
class Conv3d:
    """y_noh = b_o + Σ_ci W_oci x̄_nc,sh+di     x (N,C,D,H,W) W (O,C/g,K,K,K) y (N,O,D',H',W')

    where h (a place in y) and i (a tap) are triples of indices; with stride s, dilation d, x̄ = x in
    its padding of zeros. Derivation. As for Conv1d, the single indices replaced by triples:
        dx̄_ncm = Σ_ohi dy_noh W_oci [sh + di = m]    dW_oci = Σ_nh dy_noh x̄_nc,sh+di
        db_o = Σ_nh dy_noh
    With g groups, each g-th of y sees its g-th of x. ``padding``: a number, one (or a pair: before,
    behind) for each axis, "valid" or "same": D/s rounded up, the odd zeros behind. Source: Ji, Xu,
    Yang, Yu (2013), equation 2. Raises ValueError where a hyperparameter or x is out of range.
    """

    n_in: int
    n_out: int
    kernel: Size
    stride: Size = 1
    padding: Padding = 0
    dilation: Size = 1
    groups: int = 1

    def __post_init__(self) -> None:
        convolution(self, 3)

    def init(self, rng: np.random.Generator) -> Tree:
        return draw_kernels(rng, convolution(self, 3), self.n_out, self.n_in, self.n_out)

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        over, W = convolution(self, 3), params["W"]
        expect(over.fits(x, self.n_in), self, over.wants(self.n_in), x)
        return correlate(x, W, over) + params["b"][:, None, None, None], (x, W)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (x, W), over = residuals, convolution(self, 3)
        return spread(dy, W, over, x.shape[2:]), self.gradient(residuals, dy)

    def gradient(self, residuals: Residuals, dy: Array) -> Tree:  # dparams alone
        dW = kernel_gradient(residuals[0], dy, convolution(self, 3))
        return {"W": dW, "b": dy.sum(axis=(0, 2, 3, 4))}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Conv3d(2, 2, (2, 1, 3), 1, (1, 0, 1), (2, 1, 1)), normal(2, 2, 3, 2, 4))
        yield Sample(Conv3d(1, 2, (3, 2, 1), (2, 3, 2), "same"), normal(2, 1, 4, 5, 3))
        yield Sample(Conv3d(2, 4, 2, (1, 2, 1), "valid", groups=2), with_exact(2, 2, 3, 4, 2))
