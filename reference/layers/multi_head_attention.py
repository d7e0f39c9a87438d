"""MultiHeadAttention: attention of several heads, between learned projections."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from .. import attention as at
from ..draws import many, normal
from ..protocols import Array, Residuals, Sample, Tree
from .dense import Dense


@final
@dataclass(frozen=True)
class MultiHeadAttention:
    """y = concat_h(softmax(q_h k_hᵀ/√D) v_h) Wo + bo    x (N,L,n), or (x, m (N,S,n_memory))
    with q = x Wq + bq, k = m Wk, v = m Wv + bv, m x or the second input, D = n/heads. A last input
    can be a mask (N,heads,L,S), True where a query sees a key. ``causal``: no later key.
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
        of, keep = at.sources_and_keep(self, x)
        y, kept = at.attend_projected(self.parts(), params, of[0], of[-1], keep, self.heads, 1)
        return y, (kept, len(of) == 2, slice(len(x)) if isinstance(x, tuple) else 0)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Any, Tree]:
        kept, cross, inputs = residuals
        dx, dmemory, dparams = at.attend_projected_backward(kept, dy)
        return ((dx, dmemory, None) if cross else (dx + dmemory, None))[inputs], dparams

    @staticmethod
    def samples() -> Iterator[Sample]:
        layer, two = MultiHeadAttention, many((2, 3, 4), (2, 5, 3))
        padded = at.with_mask(many((2, 4, 6)), 2, 1, 1, 4, empty=False)
        yield Sample(layer(4, 2, causal=True), normal(2, 3, 4))
        yield Sample(layer(6, 3, causal=True, bias=False), padded)
        yield Sample(layer(4, 2, 3), two)
        yield Sample(layer(4, 2, 3), at.with_mask(two, 2, 2, 3, 5), place="where one sees no key")
