"""Embedding: a table of vectors, looked up by integers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import integers
from ..protocols import Array, Residuals, Sample, Tree


@final
@dataclass(frozen=True)
class Embedding:
    """y = W[x]                     x: integers, any shape (...)   W: (V, D)   y: (..., D)

    Derivation. Row n of y is a product with a row of zeros and one 1, y_nd = Σ_v [x_n = v] W_vd, so

        dW_vd = Σ_n [x_n = v] dy_nd

    which adds up over all places where the same integer stands. Integers have no cotangent.

    Where x is ``padding``, y is 0, and its row of W gets no gradient. (In torch y is that row; but
    it starts as 0, and without a gradient it stays so.)
    Source: Bengio, Ducharme, Vincent, Jauvin, "A neural probabilistic language model" (2003),
    section 2: the matrix C. Raises ValueError for an x that is no integer in 0 ... V - 1.
    """

    n_rows: int
    n: int
    padding: int | None = None

    def __post_init__(self) -> None:
        if self.padding is not None and not 0 <= self.padding < self.n_rows:
            raise ValueError(f"{self}: padding is a row, 0 to {self.n_rows - 1}")

    def init(self, rng: np.random.Generator) -> Tree:
        return {"W": rng.standard_normal((self.n_rows, self.n))}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        if x.dtype.kind not in "iu" or (x.size and not 0 <= x.min() <= x.max() < self.n_rows):
            raise ValueError(f"{self} takes integers x, 0 to {self.n_rows - 1}")
        y = params["W"][x]
        return y if self.padding is None else y * (x != self.padding)[..., None], (x,)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[None, Tree]:
        (x,) = residuals
        places = x.reshape(-1) == np.arange(self.n_rows)[:, None]  # (V, N)
        if self.padding is not None:
            places[self.padding] = False
        return None, {"W": places.astype(dy.dtype) @ dy.reshape(-1, self.n)}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Embedding(5, 3), integers(4, 6, high=5))  # every row more than once
        yield Sample(Embedding(4, 2, padding=0), lambda rng: np.array([[0, 1, 0], [3, 1, 1]]))
        yield Sample(Embedding(9, 1, padding=8), lambda rng: np.array([8, 2, 8, 7, 2, 8, 0]))
