"""Prod: the product along one axis."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate
from operator import mul
from typing import final

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree


@final
@dataclass(frozen=True)
class Prod:
    """y = Π_i x_i                          x: any shape, i along ``axis``; y: without that axis

    Derivation. ∂y/∂x_j is the product of all the others, before j and after it:

        dx_j = dy (Π_i<j x_i) (Π_i>j x_i)

    It is not dy y / x_j, which is 0/0 where x_j is 0: beside one zero every other gradient
    vanishes, and that of the zero itself does not. Source: Leibniz's rule; torch.prod.
    Raises numpy.exceptions.AxisError where x has no such axis.
    """

    axis: int = -1

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        axis = normalize_axis_index(self.axis, x.ndim)
        order = axis, *(a for a in range(x.ndim) if a != axis)
        factors = list(x.transpose(*order))
        return reduce(mul, factors), (factors, order)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        factors, order = residuals
        one = np.ones_like(factors[0])
        before = accumulate(factors[:-1], mul, initial=one)
        after = list(accumulate(factors[:0:-1], mul, initial=one))[::-1]
        dx = np.stack([dy * (b * a) for b, a in zip(before, after, strict=True)])
        return dx.transpose(*np.argsort(order)), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Prod(), normal(3, 4))
        yield Sample(Prod(axis=1), normal(2, 5, 3, scale=3))
        yield Sample(Prod(axis=0), with_exact(3, 2, 4, share=0.2))  # one zero, or two, or none
        yield Sample(Prod(), normal(3, 1))
