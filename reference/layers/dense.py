"""Dense: an affine map of the last axis."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree, expect


@final
@dataclass(frozen=True)
class Dense:
    """y = x W + b                        x: (..., I)   W: (I, O)   b: (O,)   y: (..., O)

    Derivation. With dy = ∂L/∂y, n over all leading positions and y_no = Σ_i x_ni W_io + b_o,

        dx_ni = Σ_o dy_no W_io      so  dx = dy Wᵀ
        dW_io = Σ_n x_ni dy_no      so  dW = xᵀ dy
        db_o  = Σ_n dy_no

    ``bias``: True, a parameter b; False, none; a tuple of O numbers, fixed and not a parameter.
    Source: Rumelhart, Hinton, Williams (1986), equations 1 and 6.
    Raises ValueError where x does not end in an axis of n_in.
    """

    n_in: int
    n_out: int
    bias: bool | tuple[float, ...] = True

    def init(self, rng: np.random.Generator) -> Tree:
        limit = np.sqrt(6 / (self.n_in + self.n_out))  # Glorot and Bengio (2010), equation 16
        params = {"W": rng.uniform(-limit, limit, (self.n_in, self.n_out))}
        return params | ({"b": np.zeros(self.n_out)} if self.bias is True else {})

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        expect(x.shape[-1:] == (self.n_in,), self, f"x of shape (..., {self.n_in})", x)
        W = params["W"]
        y = x @ W  # (..., O)
        if self.bias:
            y = y + (params["b"] if self.bias is True else np.asarray(self.bias, x.dtype))
        return y, (x, W)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        return dy @ residuals[1].T, self.gradient(residuals, dy)

    def gradient(self, residuals: Residuals, dy: Array) -> Tree:  # dparams alone
        rows = dy.reshape(-1, self.n_out)  # every leading position is one more row
        dparams = {"W": residuals[0].reshape(-1, self.n_in).T @ rows}
        return dparams | ({"b": rows.sum(axis=0)} if self.bias is True else {})

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Dense(4, 3), normal(5, 4))
        yield Sample(Dense(3, 2), normal(2, 5, 3))
        yield Sample(Dense(1, 1), normal(2, 1))
        yield Sample(Dense(3, 2, bias=False), with_exact(4, 3))
        yield Sample(Dense(2, 2, bias=(0.35, -0.6)), normal(3, 2, scale=1e4))
