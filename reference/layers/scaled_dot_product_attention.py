"""ScaledDotProductAttention: values averaged by how well their keys fit the query."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ..attention import attend, attend_backward, causal, expect_heads, with_mask
from ..draws import many
from ..protocols import Residuals, Sample, Tree


@final
@dataclass(frozen=True)
class ScaledDotProductAttention:
    """y = p v,  p = softmax(s q kᵀ)      x = (q (N,H,L,D), k (N,H,S,D), v (N,H,S,E))   y (N,H,L,E)

    over the keys; s is ``scale``, 1/√D where None. A fourth part of x is a mask that broadcasts to
    (N,H,L,S): boolean, True where a query may see a key; or floats, added to the scores a = s q kᵀ.
    ``causal``: no key later than the query; the last query is at the last key. A query that sees no
    key gets 0, or, where ``empty`` is "mean", the mean of v. Derivation. As in Softmax,
        dp = dy vᵀ      da_ij = p_ij (dp_ij - Σ_m p_im dp_im), also for an added mask
        dq = s (da k)      dk = daᵀ (s q)      dv = pᵀ dy
    Source: Vaswani et al. (2017), equation 1. Raises ValueError for another ``empty`` or shape.
    """

    causal: bool = False
    scale: float | None = None
    empty: str = "zero"

    def __post_init__(self) -> None:
        if self.empty not in ("zero", "mean"):
            raise ValueError(f"{self}: empty is 'zero' or 'mean'")

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Any) -> tuple[Any, Residuals]:
        expect_heads(self, x, most=4)
        q, k, v, mask = x if len(x) > 3 else (*x, None)
        order = causal(q.shape[2], k.shape[2]) if self.causal else None
        scale = q.shape[3] ** -0.5 if self.scale is None else self.scale
        y, kept = attend(q, k, v, scale, mask, order, self.empty)
        return y, (kept, len(x))

    def backward(self, residuals: Residuals, dy: Any) -> tuple[Any, Tree]:
        kept, parts = residuals
        return attend_backward(kept, dy)[:parts], {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        layer, k, v = ScaledDotProductAttention, (2, 2, 4, 3), (2, 2, 4, 3)
        yield Sample(layer(causal=True), many((2, 2, 2, 3), k, v))  # L < S
        x, narrow = many((2, 2, 5, 3), k, v), many((2, 2, 3, 3), k, (2, 2, 4, 1), scale=4)
        yield Sample(layer(scale=0.7), with_mask(x, 2, 1, 5, 4))  # one query sees no key
        yield Sample(layer(causal=True, empty="mean"), with_mask(x, 5, 4))  # two of them
        yield Sample(layer(), with_mask(narrow, 2, 1, 4, added=True))
        yield Sample(layer(causal=True), with_mask(x, 5, 4, added=True))  # one sees no key
