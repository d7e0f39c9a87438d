"""Add: branches added up."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..branches import fork, fork_backward, total
from ..draws import normal
from ..protocols import Array, Layer, Residuals, Sample, Tree, expect
from .dense import Dense
from .sequential import Sequential
from .tanh import Tanh


@final
@dataclass(frozen=True)
class Add:
    """y = f_1(x) + f_2(x) + ...             params: a tuple, one tree for each branch

    Derivation. ∂y/∂f_k is the identity, so every branch gets the whole dy; and x is used by all,
    so their cotangents add up: dx = Σ_k (∂f_k/∂x)ᵀ dy.

    Source: He, Zhang, Ren, Sun, "Deep residual learning for image recognition" (2016), equation 2:
    a connection with weights of its own. Raises ValueError without branches, and where the outputs
    differ in shape.
    """

    branches: tuple[Layer, ...]

    def __post_init__(self) -> None:
        if not self.branches:
            raise ValueError(f"{self}: one branch or more")

    def init(self, rng: np.random.Generator) -> Tree:
        return tuple(layer.init(rng) for layer in self.branches)

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        ys, kept = fork(self.branches, params, x)
        for y in ys:
            expect(y.shape == ys[0].shape, self, f"branches of one shape {ys[0].shape}", y)
        return total(ys), kept

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        return fork_backward(self.branches, residuals, [dy] * len(self.branches))

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Add((Dense(3, 2), Sequential(Dense(3, 4), Tanh(), Dense(4, 2)))), normal(4, 3))
        yield Sample(Add((Tanh(), Sequential(), Dense(2, 2))), normal(2, 3, 2))
