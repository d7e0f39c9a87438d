"""MeanSquaredError: the mean of squared differences."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Scalar, expect


@final
@dataclass(frozen=True)
class MeanSquaredError:
    """L = 1/n Σ (p - t)²                  prediction p, target t: the same shape of n numbers

    Derivation. ∂L/∂p_i = 2 (p_i - t_i) / n: the mean is over every number, not over the batch.

    Source: Legendre (1805); torch.nn.MSELoss with reduction="mean".
    Raises ValueError where target and prediction differ in shape, so that neither is broadcast.
    """

    def forward(self, prediction: Array, target: Array) -> tuple[Array, Residuals]:
        wanted = f"a target of the prediction's shape {tuple(prediction.shape)}"
        expect(target.shape == prediction.shape, self, wanted, target)
        difference = prediction - target
        return (difference * difference).mean(), (difference,)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Array:
        (difference,) = residuals
        dp: Array = difference * (2 * dloss / difference.size)
        return dp

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(MeanSquaredError(), normal(4, 3), normal(4, 3))
        yield Sample(MeanSquaredError(), normal(2, 3, 5), with_exact(2, 3, 5))
        yield Sample(MeanSquaredError(), normal(1, 1, scale=1e4), normal(1, 1))
