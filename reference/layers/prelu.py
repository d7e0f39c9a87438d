"""PReLU: a rectifier whose slope below zero is learned."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree, expect


@final
@dataclass(frozen=True)
class PReLU:
    """y_nci = x_nci if x_nci > 0 else a_c x_nci      x, y: (N, C, ...)   a: (C,), or (1,) shared

    with i over all axes after the channels. Derivation. ∂y/∂x is 1 above zero and a_c below it, and
    ∂y_nci/∂a_c is x_nci below zero, so

        dx_nci = dy_nci (1 if x_nci > 0 else a_c)
        da_c   = Σ_ni dy_nci x_nci [x_nci <= 0]           over the channels too, where a is shared

    At x = 0 the slope a_c is taken, as torch takes it. ``n``: how many channels, on axis 1; None,
    one slope for x of any shape.
    Source: He, Zhang, Ren, Sun, "Delving deep into rectifiers" (2015), equations 1, 8 and 10.
    Raises ValueError where x has not n entries on axis 1.
    """

    n: int | None = None

    def init(self, rng: np.random.Generator) -> Tree:
        return {"a": np.full(self.n or 1, 0.25)}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        if self.n is not None:
            expect(x.shape[1:2] == (self.n,), self, f"x of shape (N, {self.n}, ...)", x)
        a = params["a"]
        if self.n is not None:
            a = a.reshape(self.n, *(1,) * (x.ndim - 2))
        positive = x > 0
        return np.where(positive, x, a * x), (x, a, positive)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        x, a, positive = residuals
        da = (dy * x) * ~positive
        others = None if self.n is None else tuple(i for i in range(dy.ndim) if i != 1)
        return np.where(positive, dy, a * dy), {"a": da.sum(axis=others).reshape(-1)}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(PReLU(3), normal(2, 3, 5))
        yield Sample(PReLU(), normal(4, 3))
        yield Sample(PReLU(2), normal(5, 2, scale=1e3))
        yield Sample(PReLU(3), with_exact(2, 3, 2, 2), kink=("finite_differences", "jax"))
