"""MeanSquaredError: the mean of squared differences."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Scalar, expect
from ..reductions import check_reduction, reduced, upstream
from ..targets import like


@final
@dataclass(frozen=True)
class MeanSquaredError:
    """L = 1/n Σ (p - t)²                  prediction p, target t: the same shape of n numbers

    Derivation. ∂L/∂p_i = 2 (p_i - t_i) / n: the mean is over every number, not over the batch.

    ``reduction``: "mean", "sum" (no division by n), or "none" (the n squares as they are).
    Source: Legendre (1805); torch.nn.MSELoss.
    Raises ValueError where target and prediction differ in shape, so that neither is broadcast,
    and for a reduction that is not known.
    """

    reduction: str = "mean"

    def __post_init__(self) -> None:
        check_reduction(self)

    def forward(self, prediction: Array, target: Array) -> tuple[Array, Residuals]:
        expect(target.shape == prediction.shape, self, like(prediction), target)
        difference = prediction - target
        return reduced(difference * difference, self.reduction), (difference,)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Array:
        (difference,) = residuals
        dp: Array = difference * (2 * upstream(dloss, self.reduction, difference.size))
        return dp

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(MeanSquaredError(), normal(4, 3), normal(4, 3))
        yield Sample(MeanSquaredError(), normal(2, 3, 5), with_exact(2, 3, 5))
        yield Sample(MeanSquaredError(), normal(1, 1, scale=1e4), normal(1, 1))
        yield Sample(MeanSquaredError("sum"), normal(3, 2), normal(3, 2))
        yield Sample(MeanSquaredError("none"), normal(2, 3), with_exact(2, 3))
