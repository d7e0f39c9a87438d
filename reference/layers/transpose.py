"""Transpose: axes in another order."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Residuals, Sample, Tree, expect


@final
@dataclass(frozen=True)
class Transpose:
    """y_{i_a0, i_a1, ...} = x_{i_0, i_1, ...}        axis k of y is axis a_k of x

    Derivation. Every x is moved to one place in y, so its cotangent is moved back by the inverse
    permutation: axis a_k of dx is axis k of dy.

    ``axes``: all axes of x, the batch's too, each once. Source: none; the order of NumPy's
    transpose and torch's permute. Raises ValueError for axes that are no permutation, or not
    as many as x has.
    """

    axes: tuple[int, ...]

    def __post_init__(self) -> None:
        if sorted(self.axes) != list(range(len(self.axes))):
            raise ValueError(f"{self}: axes holds each of 0 to {len(self.axes) - 1} once")

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        expect(x.ndim == len(self.axes), self, f"x of {len(self.axes)} axes", x)
        return x.transpose(*self.axes), ()

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        back = sorted(range(len(self.axes)), key=self.axes.__getitem__)
        return dy.transpose(*back), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Transpose((0, 2, 1)), normal(2, 3, 4))
        yield Sample(Transpose((1, 2, 0)), normal(3, 3, 3))  # no permutation undone by itself
        yield Sample(Transpose((0, 2, 3, 1)), normal(2, 3, 4, 2))
