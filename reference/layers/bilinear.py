"""Bilinear: a map of two inputs, linear in each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ..draws import many
from ..protocols import Array, Residuals, Sample, Tree, expect


@final
@dataclass(frozen=True)
class Bilinear:
    """y_o = Σ_ij u_i W_ijo v_j + b_o    x = (u (...,I), v (...,J))  W (I,J,O)  b (O,)  y (...,O)

    Derivation. It is a Dense of the products z_ij = u_i v_j; n runs over all leading positions:

        dW_ijo = Σ_n z_nij dy_no        db_o = Σ_n dy_no        dz_nij = Σ_o W_ijo dy_no
        du_ni = Σ_j dz_nij v_nj         dv_nj = Σ_i u_ni dz_nij

    Source: Tenenbaum and Freeman, "Separating style and content with bilinear models" (2000),
    equation 1. Raises ValueError where u and v do not end in axes of I and J.
    """

    n_in: tuple[int, int]
    n_out: int
    bias: bool = True

    def init(self, rng: np.random.Generator) -> Tree:
        limit = self.n_in[0] ** -0.5  # as torch
        W = rng.uniform(-limit, limit, (*self.n_in, self.n_out))
        return {"W": W} | ({"b": np.zeros(self.n_out)} if self.bias else {})

    def forward(self, params: Tree, x: Any) -> tuple[Array, Residuals]:
        for part, n in zip(x, self.n_in, strict=True):
            wanted = (*x[0].shape[:-1], n)
            expect(
                part.shape == wanted, self, f"inputs of equal shapes up to the last axis, {n}", part
            )
        u, v = (part.reshape(-1, n) for part, n in zip(x, self.n_in, strict=True))
        z = (u[:, :, None] * v[:, None, :]).reshape(u.shape[0], -1)  # (N, IJ)
        y = z @ params["W"].reshape(z.shape[1], self.n_out)
        y = (y + params["b"] if self.bias else y).reshape(*x[0].shape[:-1], self.n_out)
        return y, (x, u, v, z, params["W"])

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Any, Tree]:
        (x, u, v, z, W), dy = residuals, dy.reshape(-1, self.n_out)
        dz = (dy @ W.reshape(-1, self.n_out).T).reshape(-1, *self.n_in)
        du, dv = (dz @ v[:, :, None])[..., 0], (u[:, None, :] @ dz)[:, 0]
        dparams = {"W": (z.T @ dy).reshape(W.shape)}
        dparams |= {"b": dy.sum(axis=0)} if self.bias else {}
        return (du.reshape(x[0].shape), dv.reshape(x[1].shape)), dparams

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Bilinear((3, 4), 2), many((5, 3), (5, 4)))
        yield Sample(Bilinear((2, 1), 3, bias=False), many((2, 3, 2), (2, 3, 1)))
