"""Conv2d: cross-correlation of images with learned kernels."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree, expect
from ..taps import crop, gather, kernel_rows, kernels, pad, positions, scatter


@final
@dataclass(frozen=True)
class Conv2d:
    """y_nohw = b_o + Σ_ijc W_ocij x̄_nc,sh+i,sw+j    x (N,C,H,W) W (O,C,K,K) b (O,) y (N,O,H',W')

    with stride s, x̄ = x in p rows of zeros, H' = (H + 2p - K)//s + 1. Derivation. Kernel row i is
    a Dense on the columns X_i = x̄_nc,sh+i,sw+j (rows jc, columns hw): y = b + Σ_i W_i X_i, so
        dW_i = Σ_n dy X_iᵀ    db_o = Σ_nhw dy_nohw    dX_i = W_iᵀ dy
    and dx̄ sums the dX_i where they came from; what no tap has seen stays 0. Source: Dumoulin and
    Visin (2016), relationship 6. Raises ValueError for an x that the kernel does not fit.
    """

    n_in: int
    n_out: int
    kernel: int
    stride: int = 1
    padding: int = 0

    def init(self, rng: np.random.Generator) -> Tree:
        shape = self.n_out, self.n_in, self.kernel, self.kernel
        W = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))  # He et al. (2015), eq. 10
        return {"W": W, "b": np.zeros(self.n_out)}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        K, s, p = self.kernel, self.stride, self.padding
        fits = x.ndim == 4 and x.shape[1] == self.n_in and min(x.shape[2:]) + 2 * p >= K
        expect(fits, self, f"x of shape (N, {self.n_in}, H, W) with H, W >= {K - 2 * p}", x)
        x = pad(x, p)
        W = kernel_rows(params["W"])
        y = sum(W[i] @ gather(x, i, K, s) for i in range(K)) + params["b"][:, None]
        return y.reshape(len(x), self.n_out, *positions(x, K, s)), (x, W)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (x, W), K, s, p = residuals, self.kernel, self.stride, self.padding
        dy = dy.reshape(len(x), self.n_out, -1)
        dx, dW = np.zeros_like(x), []
        for i in range(K):
            dW.append((dy @ gather(x, i, K, s).swapaxes(1, 2)).sum(axis=0))
            scatter(W[i].T @ dy, dx, i, K, s)
        return crop(dx, p), {"W": kernels(dW), "b": dy.sum(axis=(0, 2))}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Conv2d(2, 3, 3), normal(2, 2, 5, 4))
        yield Sample(Conv2d(3, 2, 3, stride=2), normal(3, 3, 8, 6))  # the last row is never seen
        yield Sample(Conv2d(2, 4, 2, stride=3, padding=1), normal(2, 2, 7, 5))  # stride > kernel
        yield Sample(Conv2d(1, 2, 4, stride=2, padding=2), with_exact(2, 1, 5, 6))  # even kernel
