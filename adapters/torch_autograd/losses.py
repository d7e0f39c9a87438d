"""Losses in PyTorch."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ...reference.losses.binary_cross_entropy import BinaryCrossEntropy
from ...reference.losses.mean_squared_error import MeanSquaredError
from ...reference.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from .registry import apply_loss


@apply_loss.register
def _(loss: MeanSquaredError, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return F.mse_loss(prediction, target)


@apply_loss.register
def _(loss: SoftmaxCrossEntropy, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(prediction.flatten(0, -2), target.flatten().long())


@apply_loss.register
def _(loss: BinaryCrossEntropy, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return F.binary_cross_entropy_with_logits(prediction, target)
