"""Concat: branches side by side."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..axes import at
from ..branches import fork, fork_backward
from ..draws import normal
from ..protocols import Array, Layer, Residuals, Sample, Tree, expect
from .dense import Dense
from .sequential import Sequential
from .tanh import Tanh


@final
@dataclass(frozen=True)
class Concat:
    """y = [f_1(x), f_2(x), ...] along ``axis``      params: a tuple, one tree for each branch

    Derivation. Each branch gets its own part of dy, and x is used by all, so their cotangents add
    up: dx = Σ_k (∂f_k/∂x)ᵀ dy_k.

    ``axis``: an integer, from the end if negative. Source: Szegedy et al., "Going deeper with
    convolutions" (2015), figure 2. Raises ValueError without branches, and where the
    outputs differ in another axis.
    """

    branches: tuple[Layer, ...]
    axis: int = -1

    def __post_init__(self) -> None:
        if not self.branches:
            raise ValueError(f"{self}: one branch or more")

    def init(self, rng: np.random.Generator) -> Tree:
        return tuple(layer.init(rng) for layer in self.branches)

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        ys, kept = fork(self.branches, params, x)
        like = [n for axis, n in enumerate(ys[0].shape) if axis != self.axis % ys[0].ndim]
        for y in ys:
            rest = [n for axis, n in enumerate(y.shape) if axis != self.axis % y.ndim]
            expect(rest == like, self, f"branches of one shape but for axis {self.axis}", y)
        return np.concatenate(ys, axis=self.axis), (kept, [y.shape[self.axis] for y in ys])

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        kept, sizes = residuals
        ends = np.cumsum(sizes)
        axis = self.axis % dy.ndim - dy.ndim
        parts = [dy[at(axis, slice(e - n, e))] for n, e in zip(sizes, ends, strict=True)]
        return fork_backward(self.branches, kept, parts)

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Concat((Dense(3, 2), Sequential(Dense(3, 4), Tanh()))), normal(4, 3))
        yield Sample(Concat((Tanh(), Sequential(), Dense(2, 2)), axis=1), normal(2, 3, 2))
