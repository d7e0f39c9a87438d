"""TiedHead: a language model whose one matrix reads its tokens and writes its scores."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import integers
from ..protocols import Array, Layer, Residuals, Sample, Tree
from .dense import Dense
from .embedding import Embedding
from .sequential import Sequential
from .tanh import Tanh


@final
@dataclass(frozen=True)
class TiedHead:
    """y = f(W[x]) Wᵀ               x: integers (N, T)   W: (V, D)   y: (N, T, V) scores

    Derivation. W is used twice, as the table of embeddings and as the last weight, and its
    gradient is the sum of both: with h = f(W[x]), dh = dy W,

        dW_vd = Σ_nt dy_ntv h_ntd  +  Σ_nt [x_nt = v] (df/dW[x])ᵀ dh

    ``n_rows`` V, ``n`` D; ``inner`` f keeps the last axis at D. Source: Press and Wolf, "Using the
    output embedding to improve language models" (2017), section 3. Raises what inner raises, and
    ValueError for an x that is no integer in 0..V-1.
    """

    n_rows: int
    n: int
    inner: Layer

    def table(self) -> Embedding:
        return Embedding(self.n_rows, self.n)

    def init(self, rng: np.random.Generator) -> Tree:
        W = rng.standard_normal((self.n_rows, self.n)) / np.sqrt(self.n)
        return {"W": W, "inner": self.inner.init(rng)}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        e, looked_up = self.table().forward({"W": params["W"]}, x)
        h, kept = self.inner.forward(params["inner"], e)
        return h @ params["W"].T, (looked_up, kept, h, params["W"])

    def backward(self, residuals: Residuals, dy: Array) -> tuple[None, Tree]:
        looked_up, kept, h, W = residuals
        de, dinner = self.inner.backward(kept, dy @ W)
        _, reading = self.table().backward(looked_up, de)
        writing = dy.reshape(-1, self.n_rows).T @ h.reshape(-1, self.n)
        return None, {"W": writing + reading["W"], "inner": dinner}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(TiedHead(5, 3, Tanh()), integers(2, 4, high=5))
        yield Sample(
            TiedHead(4, 2, Sequential(Dense(2, 3), Tanh(), Dense(3, 2))), integers(3, 2, high=4)
        )
