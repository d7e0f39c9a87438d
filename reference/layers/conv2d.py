"""Conv2d: cross-correlation of images with learned kernels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree, expect


@final
@dataclass(frozen=True)
class Conv2d:
    """y_nohw = b_o + Σ_cij W_ocij x̄_nc,sh+i,sw+j     x: (N, C, H, W)   W: (O, C, K, K)   b: (O,)

    with stride s and x̄ = x padded by zeros: (H + 2p - K)//s + 1 rows in y. Derivation. The tap
    (i, j) sees the plane x_ij = x̄[sh+i, sw+j], so it is a Dense over channels, and

        dW_ocij = Σ_nhw dy_nohw x̄_nc,sh+i,sw+j
        dx̄_nc,sh+i,sw+j += Σ_o W_ocij dy_nohw     (rows that no tap reached stay 0)

    The taps of one kernel row are stacked, so that a row is one matrix product.
    Source: LeCun et al., "Gradient-based learning applied to document recognition" (1998),
    section II; Dumoulin and Visin (2016), relationship 6. Raises ValueError for another number
    of channels or an image smaller than the kernel.
    """

    n_in: int
    n_out: int
    kernel: int
    stride: int = 1
    padding: int = 0

    def init(self, rng: np.random.Generator) -> Tree:
        K, std = self.kernel, np.sqrt(2 / (self.n_in * self.kernel**2))  # He et al. (2015), eq. 10
        return {"W": std * rng.standard_normal((self.n_out, self.n_in, K, K)),
                "b": np.zeros(self.n_out)}  # fmt: skip

    def _tap(self, x: Array, i: int, j: int) -> tuple[slice, ...]:
        s, (H, W) = self.stride, x.shape[-2:]
        return ..., slice(i, H - self.kernel + i + 1, s), slice(j, W - self.kernel + j + 1, s)

    def _row(self, x: Array, i: int) -> Array:
        taps = [x[self._tap(x, i, j)] for j in range(self.kernel)]
        return np.concatenate(taps, axis=1).reshape(x.shape[0], self.kernel * self.n_in, -1)

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        K, p, W = self.kernel, self.padding, params["W"]
        fits = x.ndim == 4 and x.shape[1] == self.n_in and min(x.shape[2:]) + 2 * p >= K
        expect(fits, self, f"x of shape (N, {self.n_in}, H, W) with H, W >= {K - 2 * p}", x)
        x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        rows = W.transpose(2, 0, 3, 1).reshape(K, self.n_out, -1)  # (K, O, K C)
        y = sum(rows[i] @ self._row(x, i) for i in range(K)) + params["b"][:, None]
        return y.reshape(x.shape[0], self.n_out, *x[self._tap(x, 0, 0)].shape[2:]), (x, W)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        x, W = residuals
        K, p, (N, C, height, width) = self.kernel, self.padding, x.shape
        flat = dy.reshape(N, self.n_out, -1)
        dW = [(flat @ self._row(x, i).swapaxes(1, 2)).sum(axis=0) for i in range(K)]  # (O, K C)
        dx = np.zeros_like(x)
        for i in range(K):
            for j in range(K):
                tap = self._tap(x, i, j)
                dx[tap] += (W[:, :, i, j].T @ flat).reshape(N, C, *dy.shape[2:])
        dW = np.stack(dW).reshape(K, self.n_out, K, C).transpose(1, 3, 0, 2)
        return dx[:, :, p : height - p, p : width - p], {"W": dW, "b": flat.sum(axis=(0, 2))}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Conv2d(2, 3, 3), normal(2, 2, 5, 4))
        yield Sample(Conv2d(3, 2, 3, stride=2), normal(3, 3, 8, 6))  # the last row is never seen
        yield Sample(Conv2d(2, 4, 2, stride=3, padding=1), normal(2, 2, 7, 5))  # stride > kernel
        yield Sample(Conv2d(1, 2, 4, stride=2, padding=2), with_exact(2, 1, 5, 6))  # even kernel
        yield Sample(Conv2d(2, 3, 1), normal(2, 2, 3, 3))
