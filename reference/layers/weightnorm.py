"""WeightNorm: a Dense whose weights have a length and a direction of their own."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Residuals, Sample, Tree, expect
from .dense import Dense


@final
@dataclass(frozen=True)
class WeightNorm:
    """y = x W + b,  W_io = g_o v_io / ‖v_o‖     x: (..., I)   v: (I, O)   g, b: (O,)   y: (..., O)

    where v_o is column o: all weights of one output. Derivation. With dW as for ``Dense`` and the
    directions u_io = v_io/‖v_o‖, whose ∂u_io/∂v_jo = ([i = j] - u_io u_jo)/‖v_o‖,

        dg_o  = Σ_i dW_io u_io
        dv_io = g_o/‖v_o‖ (dW_io - u_io dg_o)            at right angles to v_o
        dx    = dy Wᵀ       db_o = Σ_n dy_no

    Source: Salimans and Kingma, "Weight normalization" (2016), equations 2 and 3.
    Raises ValueError where x does not end in an axis of n_in.
    """

    n_in: int
    n_out: int

    def init(self, rng: np.random.Generator) -> Tree:
        v = rng.standard_normal((self.n_in, self.n_out))
        return {"v": v, "g": np.ones(self.n_out), "b": np.zeros(self.n_out)}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        expect(x.shape[-1:] == (self.n_in,), self, f"x of shape (..., {self.n_in})", x)
        v, g = params["v"], params["g"]
        norm = np.sqrt((v * v).sum(axis=0))  # (O,)
        u = v / norm
        y, kept = Dense(self.n_in, self.n_out).forward({"W": g * u, "b": params["b"]}, x)
        return y, (kept, u, g, norm)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        kept, u, g, norm = residuals
        dx, d = Dense(self.n_in, self.n_out).backward(kept, dy)
        dg = (d["W"] * u).sum(axis=0)
        return dx, {"v": g / norm * (d["W"] - u * dg), "g": dg, "b": d["b"]}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(WeightNorm(4, 3), normal(5, 4))
        yield Sample(WeightNorm(2, 3), normal(2, 3, 2, scale=1e3))
        yield Sample(WeightNorm(3, 3), normal(2, 3))
