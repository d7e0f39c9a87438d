"""RunningStatistics: what batch normalisation remembers of its batches for inference."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from .. import statistics as stats
from ..protocols import Residuals, Sample, Tree, expect


@final
@dataclass(frozen=True)
class RunningStatistics:
    """m' = (1 - p) m + p μ,  v' = (1 - p) v + p s²      x = (x, m, v)   y = (m', v')

    where μ is the mean of each channel of x (N, C, ...) over its n numbers, m and v are (C,), and
    s² = Σ (x - μ)²/(n - 1), or /n where ``unbiased`` is False. ``momentum`` p, 0 to 1: the weight
    of the *new* batch, as in torch; flax and Keras give that of the old, 1 - p.
    Derivation. With ∂μ/∂x = 1/n and ∂s²/∂x = 2 (x - μ)/(n - 1), as Σ (x - μ) = 0,

        dx = p (dm'/n + dv' 2 (x - μ)/(n - 1))       dm = (1 - p) dm'       dv = (1 - p) dv'

    A function of its own: normalising a batch stays pure, and the update is compared by itself.
    Source: Ioffe and Szegedy, "Batch normalization" (2015), section 3.1 and algorithm 2, line 10.
    Raises ValueError for another momentum or shape, and for n = 1 if unbiased.
    """

    momentum: float = 0.1
    unbiased: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.momentum <= 1:
            raise ValueError(f"{self}: momentum is the weight of the new batch, 0 to 1")

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Any) -> tuple[Any, Residuals]:
        x, mean, var = x
        n, axes = x.size // max(mean.size, 1) - self.unbiased, stats.but_channels(x.ndim)
        ok = x.ndim > 1 and x.shape[1:2] == mean.shape == var.shape and n > 0
        expect(ok, self, "x (N, C, ...), n > 1 if unbiased, and m, v of shape (C,)", x)
        mu, p = x.mean(axis=axes), self.momentum
        centred = x - stats.by_channel(mu, x.ndim)
        s2 = (centred * centred).sum(axis=axes) / n
        return ((1 - p) * mean + p * mu, (1 - p) * var + p * s2), (centred, n)

    def backward(self, residuals: Residuals, dy: Any) -> tuple[Any, Tree]:
        (centred, n), (dmean, dvar), p = residuals, dy, self.momentum
        dmu, ds2 = (stats.by_channel(p * d, centred.ndim) for d in dy)
        dx = dmu / (n + self.unbiased) + ds2 * (2 / n) * centred
        return (dx, (1 - p) * dmean, (1 - p) * dvar), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(RunningStatistics(), stats.with_running(2, 3))
        yield Sample(RunningStatistics(0.3, unbiased=False), stats.with_running(3, 2, 4, offset=20))
        yield Sample(RunningStatistics(0.25), stats.with_running(2, 2, 3, spread=3, offset=500))
