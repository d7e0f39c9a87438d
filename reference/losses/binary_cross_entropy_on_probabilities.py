"""BinaryCrossEntropyOnProbabilities: the negative log-likelihood of yes or no."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ..draws import constant, uniform
from ..protocols import Array, Residuals, Sample, Scalar, expect
from ..reductions import check_reduction, reduced, upstream
from ..targets import like, split_weight, together

LEAST = -100  # of a logarithm


@final
@dataclass(frozen=True)
class BinaryCrossEntropyOnProbabilities:
    """L = -1/n Σ w (t log p + (1 - t) log(1 - p))     probability p, target t: one shape of n

    Derivation. ∂L/∂p_i = w ((1 - t) / (1 - p) - t / p) / n. Both logarithms are cut at -100, so
    that p = 0 and p = 1 have a finite loss; where one is cut its slope is 0. (torch divides
    p - t by max(p (1 - p), 1e-12) instead: another slope within 1e-12 of 0 and of 1.)
    Target: t in [0, 1], or a pair (t, w) with a weight for each entry. ``reduction``: "mean",
    "sum", "none". Source: Good, "Rational decisions" (1952). Raises ValueError for unequal shapes.
    """

    reduction: str = "mean"

    def __post_init__(self) -> None:
        check_reduction(self)

    def forward(self, prediction: Array, target: Any) -> tuple[Array, Residuals]:
        p, (t, w) = prediction, split_weight(target)
        for given in (t,) if w is None else (t, w):
            expect(given.shape == p.shape, self, like(p), given)
        positive, negative = (t, 1 - t) if w is None else (w * t, w * (1 - t))
        log_p = np.where(p > 0, np.log(np.where(p > 0, p, 1)), LEAST)
        log_q = np.where(p < 1, np.log1p(-np.where(p < 1, p, 0)), LEAST)
        entries = -(positive * np.maximum(log_p, LEAST) + negative * np.maximum(log_q, LEAST))
        slopes = (positive * (log_p > LEAST), negative * (log_q > LEAST))
        return reduced(entries, self.reduction), (p, *slopes)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Array:
        p, positive, negative = residuals
        q = 1 - p
        dp = negative / np.where(q > 0, q, 1) - positive / np.where(p > 0, p, 1)
        return dp * upstream(dloss, self.reduction, p.size)  # type: ignore[no-any-return]

    @staticmethod
    def samples() -> Iterator[Sample]:
        spec, p = BinaryCrossEntropyOnProbabilities, uniform(4, 3, low=0.02, high=0.98)
        yield Sample(spec(), p, uniform(4, 3))
        yield Sample(spec("sum"), p, together(uniform(4, 3), uniform(4, 3, low=0.1, high=3)))
        p, t = constant(1e-6, 1e-3, 0.5, 0.99, 0.5), constant(0.0, 1.0, 0.5, 1.0, 0.0)
        yield Sample(spec("none"), p, t)
        yield Sample(spec(), constant(0.0, 1.0, 0.5), constant(0.0, 1.0, 0.3), place="at 0 and 1")
        p, t = constant(1e-13, 2e-13, 5e-14), constant(1.0, 0.0, 0.3)
        yield Sample(spec("none"), p, t, place="at 0 and 1")
