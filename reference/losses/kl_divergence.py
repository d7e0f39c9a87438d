"""KLDivergence: the relative entropy of a target to a predicted distribution."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, uniform, with_exact
from ..protocols import Array, Residuals, Sample, Scalar, expect
from ..reductions import check_reduction, reduced, upstream
from ..targets import like


@final
@dataclass(frozen=True)
class KLDivergence:
    """L = 1/N Σ t (log t - x)       log-probabilities x, probabilities t: one shape, N rows

    Derivation. Linear in x: ∂L/∂x_i = -t_i / N. 0 log 0 is 0, its limit.

    ``reduction``: "batchmean" divides by the first axis N and is the divergence; "mean" divides
    by the number of entries, "sum" by nothing, "none" leaves the entries. ``log_target``: the
    target is log t.
    Source: Kullback and Leibler, "On information and sufficiency" (1951), equation 2.3;
    torch.nn.KLDivLoss.
    Raises ValueError where target and prediction differ in shape, and for an unknown reduction.
    """

    reduction: str = "batchmean"
    log_target: bool = False

    def __post_init__(self) -> None:
        check_reduction(self, "batchmean")

    def _rule(self, x: Array) -> tuple[str, int]:
        return ("mean", x.shape[0]) if self.reduction == "batchmean" else (self.reduction, x.size)

    def forward(self, prediction: Array, target: Array) -> tuple[Array, Residuals]:
        expect(target.shape == prediction.shape, self, like(prediction), target)
        if self.log_target:
            t, log_t = np.exp(target), target
        else:
            t, log_t = target, np.log(np.where(target > 0, target, 1))
        return reduced(t * (log_t - prediction), *self._rule(prediction)), (t,)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Array:
        (t,) = residuals
        dx: Array = -t * upstream(dloss, *self._rule(t))
        return dx

    @staticmethod
    def samples() -> Iterator[Sample]:
        zeros = with_exact(4, 3, values=(0.0, 0.25, 0.75), share=1.1)
        yield Sample(KLDivergence(), normal(4, 3), zeros)
        yield Sample(KLDivergence("mean", log_target=True), normal(2, 3, 5), normal(2, 3, 5))
        yield Sample(KLDivergence("sum"), normal(2, 3, scale=30), uniform(2, 3))
        yield Sample(KLDivergence("none", log_target=True), normal(2, 3), normal(2, 3, offset=-4))
