"""Sequential: layers one after another."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Layer, Residuals, Sample, Tree, gradient
from .dense import Dense
from .softmax import Softmax
from .tanh import Tanh


@final
@dataclass(frozen=True, init=False)
class Sequential:
    """y = f_n(... f_2(f_1(x)))            params: a tuple, one tree for each layer

    Derivation. The chain rule: the cotangent goes through the layers in reverse order, each
    turning its dy into its dx, which is the dy of the layer before it.

    Source: Rumelhart, Hinton, Williams (1986). Raises what its layers raise.
    """

    layers: tuple[Layer, ...]

    def __init__(self, *layers: Layer) -> None:
        object.__setattr__(self, "layers", layers)

    def init(self, rng: np.random.Generator) -> Tree:
        return tuple(layer.init(rng) for layer in self.layers)

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        residuals = []
        for layer, p in zip(self.layers, params, strict=True):
            x, kept = layer.forward(p, x)
            residuals.append(kept)
        return x, tuple(residuals)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        dparams = []
        for layer, kept in zip(reversed(self.layers), reversed(residuals), strict=True):
            dy, dp = layer.backward(kept, dy)
            dparams.append(dp)
        return dy, tuple(reversed(dparams))

    def gradient(self, residuals: Residuals, dy: Array) -> Tree:
        """dparams alone: nobody asks for the dx of the first layer."""
        if not self.layers:
            return ()
        rest, (first, kept) = Sequential(*self.layers[1:]), (self.layers[0], residuals[0])
        dy, dparams = rest.backward(residuals[1:], dy)
        return gradient(first, kept, dy), *dparams

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Sequential(Dense(3, 4), Tanh(), Dense(4, 2), Softmax()), normal(5, 3))
        yield Sample(Sequential(Dense(2, 3), Sequential(Tanh(), Dense(3, 2))), normal(2, 3, 2))
