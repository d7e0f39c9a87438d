"""NegativeLogLikelihood: minus the log-probability of the right class, given as such."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from ..draws import integers, normal
from ..protocols import Array, Residuals, Sample, Scalar, expect
from ..reductions import check_reduction, reduced, upstream
from ..targets import class_weights


@final
@dataclass(frozen=True)
class NegativeLogLikelihood:
    """L = -1/M Σ_n w_t(n) x_n,t(n),  M = Σ_n w_t(n)   log-probabilities x, K classes along ``axis``

    Derivation. L is linear in x, so dx_nk = -w_k [k = t_n] / M, and 0 where t_n is ignored. (The
    slope of a softmax belongs to the layer that made x.)

    Target: labels of x's shape without that axis. ``weight``: K class weights, 1 if none.
    ``ignore_index``: a label that counts neither above nor below. ``reduction``: "mean", "sum",
    "none".
    Source: Bishop, Pattern Recognition and Machine Learning (2006), equation 4.108;
    torch.nn.NLLLoss.
    Raises ValueError for shapes, labels or a reduction that do not fit.
    """

    axis: int = -1
    weight: tuple[float, ...] = ()
    ignore_index: int = -100
    reduction: str = "mean"

    def __post_init__(self) -> None:
        check_reduction(self)

    def forward(self, prediction: Array, target: Array) -> tuple[Array, Residuals]:
        expect(target.dtype.kind in "iu", self, "integer labels", target)
        a, divisor = class_weights(self, prediction, target)
        entries = -(a * prediction).sum(axis=self.axis)
        return reduced(entries, self.reduction, divisor), (a, divisor)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Array:
        a, divisor = residuals
        shape = a.sum(axis=self.axis, keepdims=True).shape
        dx: Array = -a * upstream(dloss, self.reduction, divisor, shape)
        return dx

    @staticmethod
    def samples() -> Iterator[Sample]:
        spec = NegativeLogLikelihood
        yield Sample(spec(), normal(5, 3), integers(5, high=3))
        weighted = spec(1, (0.5, 3.0, 1.7), ignore_index=1)
        yield Sample(weighted, normal(2, 3, 2, 2), integers(2, 2, 2, high=3))
        weighted = spec(-1, (2.0, 0.25, 1.0), ignore_index=0, reduction="sum")
        yield Sample(weighted, normal(6, 3), integers(6, high=3))
        yield Sample(spec(0, reduction="none"), normal(3, 4), integers(4, high=3))
