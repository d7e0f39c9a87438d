"""MultiHeadAttention: attention of several heads, between learned projections."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ..attention import attend_projected, attend_projected_backward, causal
from ..draws import many, normal
from ..protocols import Array, Residuals, Sample, Tree, expect
from .dense import Dense


@final
@dataclass(frozen=True)
class MultiHeadAttention:
    """y = concat_h(softmax(q_h k_hᵀ/√D) v_h) Wo + bo    x (N,L,n), or (x, m (N,S,n_memory))
    with q = x Wq + bq, k = m Wk, v = m Wv + bv; m is x itself, or the second input. (A bias of k
    would add the same to all scores of a query, and do nothing.) Head h has D = n/heads columns of
    each. ``causal``: no key later than the query, the last of which is at the last key.
    Derivation. Dense, attention: in their files. dx = dq Wqᵀ, dm = dk Wkᵀ + dv Wvᵀ, or their sum.
    Source: Vaswani et al. (2017), section 3.2.2. Raises ValueError for what does not fit.
    """

    n: int
    heads: int
    n_memory: int | None = None
    causal: bool = False
    bias: bool = True

    def __post_init__(self) -> None:
        if self.n % self.heads:
            raise ValueError(f"{self}: n is a multiple of heads")

    def parts(self) -> dict[str, Dense]:
        n, m = self.n, self.n_memory or self.n
        q, k, v = Dense(n, n, self.bias), Dense(m, n, bias=False), Dense(m, n, self.bias)
        return {"q": q, "k": k, "v": v, "o": Dense(n, n, self.bias)}

    def init(self, rng: np.random.Generator) -> Tree:
        return {name: dense.init(rng) for name, dense in self.parts().items()}

    def forward(self, params: Tree, x: Any) -> tuple[Array, Residuals]:
        query, memory = x if isinstance(x, tuple) else (x, x)
        expect(query.ndim == 3, self, "x of shape (N, L, n)", query)
        order = causal(query.shape[1], memory.shape[1]) if self.causal else None
        y, kept = attend_projected(self.parts(), params, query, memory, order, self.heads, 1)
        return y, (kept, isinstance(x, tuple))

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Any, Tree]:
        kept, cross = residuals
        dx, dmemory, dparams = attend_projected_backward(kept, dy)
        return (dx, dmemory) if cross else dx + dmemory, dparams

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(MultiHeadAttention(4, 2), normal(2, 3, 4))
        yield Sample(MultiHeadAttention(6, 3, causal=True, bias=False), normal(2, 4, 6))
        yield Sample(MultiHeadAttention(4, 2, n_memory=3), many((2, 3, 4), (2, 5, 3)))
