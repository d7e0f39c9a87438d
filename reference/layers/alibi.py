"""ALiBi: causal attention with linear biases instead of positions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ..attention import attend, attend_backward, causal, expect_heads
from ..draws import many
from ..protocols import Residuals, Sample, Tree, expect


@final
@dataclass(frozen=True)
class ALiBi:
    """y = p v,  p_hij = softmax_j(s q_hi·k_hj - m_h (i - j))       x = (q, k, v), each (N,H,T,D)

    over the keys j <= i, with s = 1/√D and the slopes m_h = 2^(-8h/H), h = 1 ... H = ``heads``. Of
    fewer queries (N,H,L,D) than keys (N,H,T,D), the last stands at the last key. Derivation. What
    is added to the scores is constant: with da_ij = p_ij (dp_ij - Σ_m p_im dp_im) and dp = dy vᵀ,

        dq = s (da k)      dk = daᵀ (s q)      dv = pᵀ dy

    as in ScaledDotProductAttention. Source: Press, Smith, Lewis, "Train short, test long" (2022),
    section 3. Raises ValueError for another number of heads, and shapes that do not fit.
    """

    heads: int

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Any) -> tuple[Any, Residuals]:
        expect_heads(self, x)
        q, k, v = x
        expect(q.shape[1] == self.heads, self, f"q of shape (N, {self.heads}, L, D)", q)
        L, S = q.shape[2], k.shape[2]
        slopes = 2.0 ** (-8 * np.arange(1, self.heads + 1) / self.heads)
        behind = np.arange(S - L, S)[:, None] - np.arange(S)  # i - j
        bias = np.asarray(-slopes[:, None, None] * behind, q.dtype)
        y, kept = attend(q, k, v, q.shape[3] ** -0.5, bias, causal(L, S))
        return y, (kept,)

    def backward(self, residuals: Residuals, dy: Any) -> tuple[Any, Tree]:
        (kept,) = residuals
        return attend_backward(kept, dy)[:3], {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(ALiBi(2), many(*[(2, 2, 4, 3)] * 3))
        yield Sample(ALiBi(3), many((1, 3, 2, 2), (1, 3, 5, 2), (1, 3, 5, 2)))  # L < S
