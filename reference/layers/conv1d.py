"""Conv1d: cross-correlation of sequences with learned kernels."""

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
class Conv1d:
    """y_noh = b_o + Σ_ci W_oci x̄_nc,sh+di      x (N,C,L) W (O,C/g,K) b (O,) y (N,O,L')

    with stride s, dilation d, x̄ = x padded by zeros. Derivation. x̄_ncm meets W_oci at sh + di = m:
        dx̄_ncm = Σ_ohi dy_noh W_oci [sh + di = m]    dW_oci = Σ_nh dy_noh x̄_nc,sh+di
        db_o = Σ_nh dy_noh
    With g groups, each g-th of y sees its g-th of x. ``padding``: a number, ((before, behind),),
    "valid" or "same": L' = L/s rounded up, the odd zero behind. Source: Waibel et al. (1989),
    section 2. Raises ValueError where a hyperparameter or x is out of range.
    """

    n_in: int
    n_out: int
    kernel: Size
    stride: Size = 1
    padding: Padding = 0
    dilation: Size = 1
    groups: int = 1

    def __post_init__(self) -> None:
        convolution(self, 1)

    def init(self, rng: np.random.Generator) -> Tree:
        return draw_kernels(rng, convolution(self, 1), self.n_out, self.n_in, self.n_out)

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        over, W = convolution(self, 1), params["W"]
        expect(over.fits(x, self.n_in), self, over.wants(self.n_in), x)
        return correlate(x, W, over) + params["b"][:, None], (x, W)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (x, W), over = residuals, convolution(self, 1)
        return spread(dy, W, over, x.shape[2:]), self.gradient(residuals, dy)

    def gradient(self, residuals: Residuals, dy: Array) -> Tree:  # dparams alone
        dW = kernel_gradient(residuals[0], dy, convolution(self, 1))
        return {"W": dW, "b": dy.sum(axis=(0, 2))}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Conv1d(2, 3, 3, stride=2, padding=((2, 0),)), normal(3, 2, 7))
        yield Sample(Conv1d(4, 6, 2, padding="same", dilation=3, groups=2), with_exact(2, 4, 6))
        yield Sample(Conv1d(1, 2, 4, 3, "same", 2), normal(2, 1, 8))  # two zeros and three
        yield Sample(Conv1d(3, 6, 2, 3, "valid", groups=3), normal(2, 3, 9, scale=1e4))
