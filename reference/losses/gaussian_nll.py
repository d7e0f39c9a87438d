"""GaussianNLL: the negative log-likelihood of a normal distribution with predicted variance."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ..draws import constant, normal, uniform
from ..protocols import Array, Residuals, Sample, Scalar, expect
from ..reductions import check_reduction, reduced, upstream
from ..targets import like, together

HALF_LOG_2_PI = float(0.5 * np.log(2 * np.pi))


@final
@dataclass(frozen=True)
class GaussianNLL:
    """L = 1/n Σ (log v + (m - t)²/v) / 2       prediction (mean m, variance v), target t: one shape

    Derivation. With d = m - t, ∂L/∂m_i = d_i / (v_i n) and ∂L/∂v_i = (1/v_i - d_i²/v_i²) / 2n.
    v is kept at or above ε; below it the loss does not depend on v, whose slope is 0 there.
    (torch lets the slope at ε pass.) ``full`` adds log(2π)/2. ``reduction``: "mean", "sum", "none".
    Source: Nix and Weigend, "Estimating the mean and variance of the target probability
    distribution" (1994), equation 4. Raises ValueError for what does not fit.
    """

    full: bool = False
    eps: float = 1e-6
    reduction: str = "mean"

    def __post_init__(self) -> None:
        check_reduction(self)

    def forward(self, prediction: Any, target: Array) -> tuple[Array, Residuals]:
        mean, variance = prediction
        for given in (variance, target):
            expect(given.shape == mean.shape, self, like(mean), given)
        d, v = mean - target, np.maximum(variance, self.eps)
        entries = 0.5 * (np.log(v) + d * d / v)
        if self.full:
            entries = entries + HALF_LOG_2_PI
        return reduced(entries, self.reduction), (d, v, variance > self.eps)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Any:
        d, v, free = residuals
        dm, each = d / v, upstream(dloss, self.reduction, d.size)
        return dm * each, 0.5 * (1 / v - dm * dm) * free * each

    @staticmethod
    def samples() -> Iterator[Sample]:
        def pair(*shape: int) -> Any:
            return together(normal(*shape), uniform(*shape, low=0.1, high=3))

        yield Sample(GaussianNLL(), pair(4, 3), normal(4, 3))
        yield Sample(GaussianNLL(full=True, reduction="sum"), pair(2, 3, 5), normal(2, 3, 5))
        yield Sample(GaussianNLL(False, 0.05, "none"), pair(3, 2), normal(3, 2))
        cut = together(normal(3), constant(0.25, 0.1, 2.0))
        yield Sample(GaussianNLL(eps=0.25), cut, normal(3), place="where v is cut off")
