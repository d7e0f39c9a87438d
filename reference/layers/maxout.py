"""Maxout: the largest of several affine maps."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..protocols import TIE, Array, Residuals, Sample, Tree
from .dense import Dense


@final
@dataclass(frozen=True)
class Maxout:
    """y_no = max_k z_nok,  z = x W + b       x: (..., I)   W: (I, O K)   b: (O K,)   y: (..., O)

    with n over all leading positions; z_ok is column o K + k of ``pieces`` K. Derivation. With k*
    the first piece that reaches the maximum, ∂y_no/∂z_nok = [k = k*_no], so
        dz_nok = dy_no [k = k*_no],   and from dz, as in ``Dense``, dx, dW and db

    At a tie any share is a subgradient; all goes to the first. Raises what ``Dense`` raises.
    Source: Goodfellow, Warde-Farley, Mirza, Courville, Bengio, "Maxout networks" (2013), section 3.
    """

    n_in: int
    n_out: int
    pieces: int = 2
    bias: bool = True

    def init(self, rng: np.random.Generator) -> Tree:
        return Dense(self.n_in, self.n_out * self.pieces, self.bias).init(rng)

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        affine = Dense(self.n_in, self.n_out * self.pieces, self.bias)
        z, kept = affine.forward(params, x)
        z = z.reshape(*x.shape[:-1], self.n_out, self.pieces)
        y, beats = z[..., 0], []
        for k in range(1, self.pieces):
            beats.append(z[..., k] > y)
            y = np.maximum(y, z[..., k])  # a NaN stays one
        return y, (affine, kept, beats)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        affine, kept, beats = residuals
        dz: list[Array] = []
        for won in reversed(beats):  # the last piece that beats all before it has the maximum
            dy, dz = dy * ~won, [dy * won, *dz]
        whole = np.stack([dy, *dz], axis=-1)  # (..., O, K)
        dx, dparams = affine.backward(kept, whole.reshape(*dy.shape[:-1], -1))
        return dx, dparams

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Maxout(4, 3), normal(5, 4))
        yield Sample(Maxout(3, 2, pieces=4), normal(2, 3, 3))
        yield Sample(Maxout(2, 3, pieces=1), normal(4, 2, scale=1e3))
        yield Sample(Maxout(1, 3, 3, bias=False), with_exact(4, 1), kink=TIE)  # all are 0 at 0
