"""PoissonNLL: the negative log-likelihood of counts."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np

from ..draws import constant, normal, uniform, with_exact
from ..protocols import Array, Residuals, Sample, Scalar, expect
from ..reductions import check_reduction, reduced, upstream
from ..targets import like

TWO_PI = float(2 * np.pi)


@final
@dataclass(frozen=True)
class PoissonNLL:
    """L = 1/n Σ λ - t log λ               log-rate x = log λ, count t: one shape of n numbers

    Derivation. With λ = e^x, ∂L/∂x_i = (e^x_i - t_i) / n. With ``log_input`` False x is λ itself
    and L = 1/n Σ x - t log(x + ε), so that ∂L/∂x_i = (1 - t_i / (x_i + ε)) / n.
    ``full`` adds Stirling's t log t - t + log(2πt)/2 for log t!, where t > 1. ``reduction``: mean,
    sum, none. Source: Nelder and Wedderburn (1972). Raises ValueError for shapes that differ.
    """

    log_input: bool = True
    full: bool = False
    eps: float = 1e-8
    reduction: str = "mean"

    def __post_init__(self) -> None:
        check_reduction(self)

    def forward(self, prediction: Array, target: Array) -> tuple[Array, Residuals]:
        x, t = prediction, target
        expect(t.shape == x.shape, self, like(x), t)
        if self.log_input:
            entries, slope = np.exp(x) - t * x, np.exp(x) - t
        else:
            entries, slope = x - t * np.log(x + self.eps), 1 - t / (x + self.eps)
        if self.full:
            count = np.where(t > 1, t, 1)
            log_t = count * np.log(count) - count + 0.5 * np.log(TWO_PI * count)
            entries = entries + np.where(t > 1, log_t, 0)
        return reduced(entries, self.reduction), (slope,)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Array:
        (slope,) = residuals
        return slope * upstream(dloss, self.reduction, slope.size)  # type: ignore[no-any-return]

    @staticmethod
    def samples() -> Iterator[Sample]:
        counts = partial(with_exact, values=(0.0, 1.0, 2.0, 7.0), share=1.1)
        yield Sample(PoissonNLL(), normal(4, 3), counts(4, 3))
        yield Sample(PoissonNLL(full=True, reduction="sum"), normal(2, 3, 5), counts(2, 3, 5))
        yield Sample(PoissonNLL(False, False, 1e-2, "none"), uniform(3, 2, low=0.1), counts(3, 2))
        yield Sample(PoissonNLL(False, True, 0.01), constant(0, 1e-4, 30.0), constant(0, 2.0, 70))
