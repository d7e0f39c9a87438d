"""Repeat: one layer again and again, with the same parameters."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..branches import total
from ..draws import normal
from ..protocols import Array, Layer, Residuals, Sample, Tree
from .dense import Dense
from .sequential import Sequential
from .tanh import Tanh


@final
@dataclass(frozen=True)
class Repeat:
    """y = f(f(... f(x)))                    ``times`` uses of f; params: those of f, once

    Derivation. With h_0 = x and h_t = f(h_t-1; w), the cotangent goes back from use to use, and
    the one set of parameters collects what every use contributes:

        dh_t-1 = (∂f/∂h)ᵀ dh_t       dw = Σ_t (∂f/∂w)ᵀ dh_t, each at its own h_t-1

    ``times``: 1 or more. Source: Dehghani, Gouws, Vinyals, Uszkoreit, Kaiser, "Universal
    transformers" (2019), section 2.1. Raises ValueError for another number.
    """

    inner: Layer
    times: int

    def __post_init__(self) -> None:
        if self.times < 1:
            raise ValueError(f"{self}: times is 1 or more")

    def init(self, rng: np.random.Generator) -> Tree:
        return self.inner.init(rng)

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        residuals = []
        for _ in range(self.times):
            x, kept = self.inner.forward(params, x)
            residuals.append(kept)
        return x, tuple(residuals)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        dparams = []
        for kept in reversed(residuals):
            dy, dp = self.inner.backward(kept, dy)
            dparams.append(dp)
        return dy, total(dparams)

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Repeat(Dense(3, 3), 3), normal(4, 3))
        inner = Sequential(Dense(2, 3), Tanh(), Dense(3, 2))
        yield Sample(Repeat(inner, 2), normal(2, 3, 2))
