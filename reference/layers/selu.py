"""SELU: an ELU scaled so that mean 0 and variance 1 reproduce themselves."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import constant, normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree

ALPHA, LAMBDA = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


@final
@dataclass(frozen=True)
class SELU:
    """y = λ x where x > 0, λ α (e^x - 1) elsewhere    x, y: any shape, elementwise

    Derivation. As for ``ELU``, times λ: dx = λ dy where x > 0, λ α e^x dy elsewhere, and at x = 0,
    where the slope jumps, λ α, as torch and JAX have it.

    Source: Klambauer, Unterthiner, Mayr, Hochreiter, "Self-normalizing neural networks" (2017),
    equation 2, with the λ and α of equation 14. Raises nothing of its own.
    """

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        below = np.minimum(x, 0)
        return LAMBDA * np.where(x > 0, x, ALPHA * np.expm1(below)), (x > 0, below)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        positive, below = residuals
        return LAMBDA * dy * np.where(positive, 1, ALPHA * np.exp(below)), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(SELU(), normal(3, 4, scale=3))
        yield Sample(SELU(), with_exact(2, 3, 5, values=(0.0, -0.0)), kink=("finite_differences",))
        yield Sample(SELU(), constant(-1e3, -40.0, -0.5, 1e3))
        yield Sample(SELU(), constant(-20.0, -15.0, -12.0), place="far below 0")
