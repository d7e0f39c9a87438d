"""LogSigmoid: the logarithm of the logistic function."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import constant, normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree
from .sigmoid import sigmoid


@final
@dataclass(frozen=True)
class LogSigmoid:
    """y = log σ(x) = min(x, 0) - log(1 + e^-|x|)     x, y: any shape, elementwise

    Derivation. d/dx log σ(x) = σ'(x)/σ(x) = 1 - σ(x) = σ(-x), so dx = dy σ(-x). Neither the
    logarithm of an underflown σ nor the difference 1 - σ is ever formed: both keep all digits.

    Source: Mikolov et al., "Distributed representations of words and phrases" (2013), equation 4.
    Raises nothing of its own.
    """

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        return np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))), (x,)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (x,) = residuals
        return dy * sigmoid(-x), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(LogSigmoid(), normal(3, 4, scale=3))
        yield Sample(LogSigmoid(), with_exact(2, 3, 5))
        yield Sample(LogSigmoid(), constant(-1000.0, -80.0, -20.0, 0.0, 9.0, 20.0, 80.0, 1000.0))
        yield Sample(LogSigmoid(), constant(20.0, 25.0, 30.0))  # only small y and slopes
