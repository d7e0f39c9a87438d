"""ConvTranspose1d: the transpose of a convolution, which makes sequences longer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree, expect
from ..taps import correlate, draw_kernels, kernel_gradient, spread, transposed
from ..windows import Size


@final
@dataclass(frozen=True)
class ConvTranspose1d:
    """y_ncm = b_c + Σ_ohi x_noh W_oci [sh + di = m + p]     x (N,I,L) W (I,O/g,K) y (N,O,L')

    which is what the cotangent x becomes in a Conv1d of O channels to I: every entry of x lays a
    kernel into y, s apart, of which p (``padding``) at both ends are cut off. The last e
    (``output_padding``) of y may lie where no kernel reaches: L' = s(L-1) - 2p + d(K-1) + e + 1.
    Derivation. The transpose of a transpose is the convolution of dy, and W meets dy as there x:
        dx_noh = Σ_ci dy_nc,sh+di-p W_oci    dW_oci = Σ_nh x_noh dy_nc,sh+di-p    db_c = Σ_nm dy_ncm
    where dy is 0 outside. With g groups, each g-th of y sees its g-th of x.
    Source: Dumoulin and Visin (2016), relationship 14.
    Raises ValueError where a hyperparameter or x is out of range.
    """

    n_in: int
    n_out: int
    kernel: Size
    stride: Size = 1
    padding: Size = 0
    output_padding: Size = 0
    dilation: Size = 1
    groups: int = 1

    def __post_init__(self) -> None:
        transposed(self, 1)

    def init(self, rng: np.random.Generator) -> Tree:
        return draw_kernels(rng, transposed(self, 1), self.n_in, self.n_out, self.n_out)

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        over, W = transposed(self, 1), params["W"]
        sizes = over.sizes(x.shape[2:], self.output_padding)
        fits = x.ndim == 3 and x.shape[1] == self.n_in and min(sizes) > 0
        expect(fits, self, f"x of shape (N, {self.n_in}, L), more than padding cuts off", x)
        return spread(x, W, over, sizes) + params["b"][:, None], (x, W)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (x, W), over = residuals, transposed(self, 1)
        return correlate(dy, W, over), {"W": kernel_gradient(dy, x, over), "b": dy.sum(axis=(0, 2))}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(ConvTranspose1d(2, 3, 3, 2, 1, 1), normal(3, 2, 4))
        yield Sample(ConvTranspose1d(4, 2, 2, dilation=3, groups=2), with_exact(2, 4, 3))
        yield Sample(ConvTranspose1d(3, 3, 2, 3, output_padding=2, groups=3), normal(2, 3, 2))
