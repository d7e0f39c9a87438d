"""SinusoidalPositions: positions as fixed waves."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..attention import angles
from ..draws import normal
from ..protocols import Array, Residuals, Sample, Tree, expect


@final
@dataclass(frozen=True)
class SinusoidalPositions:
    """y_t = x_t + (sin θ_t0, cos θ_t0, sin θ_t1, ...)        x, y: (..., T, n)

    with θ_ti = t base^(-2i/n) at positions t from ``first`` on. Where ``interleaved`` is False, all
    sines come before all cosines. Derivation. What is added is constant, so dx = dy.

    Source: Vaswani et al. (2017), section 3.5; sines first: its own code, tensor2tensor.
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
        fits = x.ndim > 1 and x.shape[-1] == self.n
        expect(fits, self, f"x of shape (..., T, {self.n})", x)
        theta = angles(x.shape[-2], self.n, float(self.base), self.first)
        waves = np.stack([np.sin(theta), np.cos(theta)], axis=-1)  # (T, n/2, 2)
        if not self.interleaved:
            waves = waves.swapaxes(-1, -2)
        return x + np.asarray(waves.reshape(x.shape[-2:]), x.dtype), ()

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        () = residuals
        return dy, {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(SinusoidalPositions(6), normal(2, 5, 6))
        yield Sample(SinusoidalPositions(4, 100.0, interleaved=False, first=2), normal(3, 4, 4))
