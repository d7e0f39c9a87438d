"""Residual: a layer with a connection around it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Layer, Residuals, Sample, Tree, expect
from .dense import Dense
from .sequential import Sequential
from .tanh import Tanh


@final
@dataclass(frozen=True)
class Residual:
    """y = x + f(x)                        x, y: the same shape; params: those of f

    Derivation. x is used twice, so its two cotangents add up: dx = dy + (∂f/∂x)ᵀ dy.

    Source: He, Zhang, Ren, Sun, "Deep residual learning for image recognition" (2016),
    equation 1. Raises ValueError where f changes the shape.
    """

    inner: Layer

    def init(self, rng: np.random.Generator) -> Tree:
        return self.inner.init(rng)

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        f, residuals = self.inner.forward(params, x)
        expect(f.shape == x.shape, self, f"an inner layer that keeps the shape {x.shape}", f)
        return x + f, residuals

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        dx, dparams = self.inner.backward(residuals, dy)
        return dy + dx, dparams

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Residual(Dense(3, 3)), normal(4, 3))
        inner = Sequential(Dense(3, 5), Tanh(), Residual(Dense(5, 5)), Dense(5, 3))
        yield Sample(Residual(inner), normal(2, 4, 3))
