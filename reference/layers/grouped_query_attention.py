"""GroupedQueryAttention: self-attention in which several queries share a key and a value."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..attention import attend_projected, attend_projected_backward, causal
from ..draws import normal
from ..protocols import Array, Residuals, Sample, Tree, expect
from .dense import Dense


@final
@dataclass(frozen=True)
class GroupedQueryAttention:
    """y = concat_h(softmax(q_h k_gᵀ/√D) v_g) Wo,  g = h // (H/G)          x, y: (N, T, n)

    with H = ``heads`` of q = x Wq and G = ``kv_heads`` of k = x Wk and v = x Wv; all of D = n/H
    columns, so Wq (n, n), Wk and Wv (n, G D), Wo (n, n). G = H is multi-head attention, G = 1
    multi-query attention. ``causal``: no key later than the query. Derivation. As in
    MultiHeadAttention, but head g of k and v has H/G uses, so the cotangents that each h of its
    group would give it add up:
        dk_g = Σ_h [h // (H/G) = g] s da_hᵀ q_h        dv_g = Σ_h [h // (H/G) = g] p_hᵀ dy_h
    Source: Ainslie et al., "GQA" (2023), section 2.2. Raises ValueError for what does not fit.
    """

    n: int
    heads: int
    kv_heads: int
    causal: bool = True

    def __post_init__(self) -> None:
        if self.n % self.heads or self.heads % self.kv_heads:
            raise ValueError(f"{self}: n is a multiple of heads, and heads of kv_heads")

    def parts(self) -> dict[str, Dense]:
        narrow = self.n // self.heads * self.kv_heads
        widths = {"q": self.n, "k": narrow, "v": narrow, "o": self.n}
        return {name: Dense(self.n, width, bias=False) for name, width in widths.items()}

    def init(self, rng: np.random.Generator) -> Tree:
        return {name: dense.init(rng) for name, dense in self.parts().items()}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        expect(x.ndim == 3, self, f"x of shape (N, T, {self.n})", x)
        order = causal(x.shape[1], x.shape[1]) if self.causal else None
        shared = self.heads // self.kv_heads
        return attend_projected(self.parts(), params, x, x, order, self.heads, shared)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        dx, dmemory, dparams = attend_projected_backward(residuals, dy)
        return dx + dmemory, dparams

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(GroupedQueryAttention(8, 4, 2), normal(2, 3, 8))
        yield Sample(GroupedQueryAttention(6, 3, 1, causal=False), normal(3, 4, 6))
