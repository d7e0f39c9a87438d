"""ConvTranspose2d: the transpose of a convolution, which makes images larger."""

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
class ConvTranspose2d:
    """y_nclm = b_c + Σ_ohwij x_nohw W_ocij [sh+di = l+p, sw+dj = m+p]  W (I,O/g,K,K) y (N,O,H',W')

    for x (N,I,H,W): what the cotangent x becomes in a Conv2d of O channels to I. Every entry of x
    lays a kernel into y, s apart, of which p (``padding``) rows and columns at each side are cut
    off; ``output_padding`` e adds some behind: H' = s(H-1) - 2p + d(K-1) + e + 1.
    Derivation. The transpose of a transpose is the convolution of dy, and W meets dy as there x:
        dx_nohw = Σ_cij dy_nc,sh+di-p,sw+dj-p W_ocij       db_c = Σ_nlm dy_nclm
        dW_ocij = Σ_nhw x_nohw dy_nc,sh+di-p,sw+dj-p       and dy is 0 outside
    Source: Dumoulin and Visin (2016), relationship 14. Raises ValueError for a wrong x or field.
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
        transposed(self, 2)

    def init(self, rng: np.random.Generator) -> Tree:
        return draw_kernels(rng, transposed(self, 2), self.n_in, self.n_out, self.n_out)

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        over, W = transposed(self, 2), params["W"]
        sizes = over.sizes(x.shape[2:], self.output_padding)
        fits = x.ndim == 4 and x.shape[1] == self.n_in and min(sizes) > 0
        expect(fits, self, f"x of shape (N, {self.n_in}, H, W), more than padding cuts off", x)
        return spread(x, W, over, sizes) + params["b"][:, None, None], (x, W)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (x, W), over = residuals, transposed(self, 2)
        dW = kernel_gradient(dy, x, over)
        return correlate(dy, W, over), {"W": dW, "b": dy.sum(axis=(0, 2, 3))}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(ConvTranspose2d(2, 3, 3, 2, 1, 1), normal(3, 2, 2, 3))
        yield Sample(ConvTranspose2d(4, 2, (1, 2), 1, dilation=2, groups=2), with_exact(2, 4, 2, 3))
        yield Sample(ConvTranspose2d(1, 2, 2, (3, 1), (1, 0), (2, 0)), normal(2, 1, 3, 2))
