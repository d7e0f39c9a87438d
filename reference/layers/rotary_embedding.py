"""RotaryEmbedding: positions as rotations of pairs of features (RoPE)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..attention import angles
from ..draws import normal
from ..protocols import Array, Residuals, Sample, Tree, expect


@final
@dataclass(frozen=True)
class RotaryEmbedding:
    """(y_a, y_b) = (x_a cos θ - x_b sin θ, x_a sin θ + x_b cos θ)       x, y: (..., T, n)

    for n/2 pairs (a, b) of features, pair i of position t turned by θ = t base^(-2i/n). The pairs
    are (2i, 2i + 1) where ``interleaved``, else (i, i + n/2). The first position is ``first``.
    Derivation. A rotation's transpose turns back: (dx_a, dx_b) is (dy_a, dy_b) turned by -θ.

    Source: Su et al., "RoFormer" (2021), equation 34; halves: GPT-NeoX and Llama.
    Raises ValueError for an odd n, and where x does not end in (T, n).
    """

    n: int
    base: float = 10000.0
    interleaved: bool = True
    first: int = 0

    def __post_init__(self) -> None:
        if self.n % 2:
            raise ValueError(f"{self}: n is even")

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        expect(x.ndim > 1 and x.shape[-1] == self.n, self, f"x of shape (..., T, {self.n})", x)
        theta = angles(x.shape[-2], self.n, float(self.base), self.first)
        return self.turn(x, theta), (theta,)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (theta,) = residuals
        return self.turn(dy, -theta), {}

    def turn(self, x: Array, theta: Array) -> Array:
        cos, sin = np.asarray(np.cos(theta), x.dtype), np.asarray(np.sin(theta), x.dtype)
        if self.interleaved:
            a, b = x[..., ::2], x[..., 1::2]
            return np.stack([a * cos - b * sin, a * sin + b * cos], axis=-1).reshape(x.shape)
        a, b = x[..., : self.n // 2], x[..., self.n // 2 :]
        return np.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(RotaryEmbedding(6), normal(2, 5, 6))
        yield Sample(RotaryEmbedding(4, base=500.0, first=3), normal(2, 2, 3, 4))
        yield Sample(RotaryEmbedding(6, interleaved=False), normal(2, 4, 6))
