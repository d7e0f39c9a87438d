"""LogCosh: the logarithm of the hyperbolic cosine of the difference."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import constant, normal, with_exact
from ..protocols import Array, Residuals, Sample, Scalar, expect
from ..reductions import check_reduction, reduced, upstream
from ..targets import like

LOG_2 = float(np.log(2))


@final
@dataclass(frozen=True)
class LogCosh:
    """L = 1/n Σ log cosh(p - t)           prediction p, target t: the same shape of n numbers

    Derivation. cosh d = e^|d| (1 + e^-2|d|) / 2 gives |d| + log(1 + e^-2|d|) - log 2, which does
    not overflow; but near 0, where it is about d²/2, it has no digits, so there it is taken as
    log(1 + 2 sinh²(d/2)). The slope is sinh d / cosh d, so ∂L/∂p_i = tanh(p_i - t_i) / n.

    ``reduction``: "mean", "sum" or "none".
    Source: Green, "Bayesian reconstructions from emission tomography data using a modified EM
    algorithm" (1990), section III; optax.losses.log_cosh.
    Raises ValueError where target and prediction differ in shape, and for an unknown reduction.
    """

    reduction: str = "mean"

    def __post_init__(self) -> None:
        check_reduction(self)

    def forward(self, prediction: Array, target: Array) -> tuple[Array, Residuals]:
        expect(target.shape == prediction.shape, self, like(prediction), target)
        d = prediction - target
        distance = np.abs(d)
        far = distance + np.log1p(np.exp(-2 * distance)) - LOG_2
        half = np.sinh(np.minimum(distance, 1) / 2)
        entries = np.where(distance < 1, np.log1p(2 * half * half), far)
        return reduced(entries, self.reduction), (d,)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Array:
        (d,) = residuals
        dp: Array = np.tanh(d) * upstream(dloss, self.reduction, d.size)
        return dp

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(LogCosh(), normal(4, 3), normal(4, 3))
        yield Sample(LogCosh("sum"), normal(2, 3, 5, scale=100), normal(2, 3, 5))
        yield Sample(LogCosh("none"), with_exact(2, 3), with_exact(2, 3))
        yield Sample(LogCosh(), normal(6, scale=1e-4), constant(*6 * [0.0]), place="near 0")
