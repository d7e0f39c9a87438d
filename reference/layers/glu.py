"""GLU: one half of the features, gated by the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..axes import at
from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree, expect
from .sigmoid import sigmoid


@final
@dataclass(frozen=True)
class GLU:
    """y_i = x_i σ(x_{D+i})               x: (..., 2D, ...)   y: (..., D, ...)   along ``axis``

    Derivation. With the gate s_i = σ(x_{D+i}) and σ' = σ (1 - σ),

        dx_i     = dy_i s_i
        dx_{D+i} = dy_i x_i s_i (1 - s_i)

    Source: Dauphin, Fan, Auli, Grangier, "Language modeling with gated convolutional networks"
    (2017), equation 1. Raises ValueError where x has not an even number of entries along the axis.
    """

    axis: int = -1

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        there = -x.ndim <= self.axis < x.ndim
        even = there and x.shape[self.axis] % 2 == 0
        expect(even, self, f"x with an even number of entries on axis {self.axis}", x)
        axis, D = self.axis % x.ndim - x.ndim, x.shape[self.axis] // 2
        a, gate = x[at(axis, slice(D))], sigmoid(x[at(axis, slice(D, None))])
        return a * gate, (a, gate, axis)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        a, gate, axis = residuals
        da = dy * gate
        return np.concatenate([da, da * a * (1 - gate)], axis=axis), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(GLU(), normal(3, 4))
        yield Sample(GLU(axis=1), normal(2, 6, 3))
        yield Sample(GLU(axis=0), with_exact(4, 3))
        yield Sample(GLU(axis=-2), normal(2, 2, 3, scale=1e3))
