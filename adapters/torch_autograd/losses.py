"""Losses of numbers in PyTorch; those of classes and of margins are in files beside this one."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F

from ...reference.losses.gaussian_nll import GaussianNLL
from ...reference.losses.huber_loss import HuberLoss
from ...reference.losses.kl_divergence import KLDivergence
from ...reference.losses.l1_loss import L1Loss
from ...reference.losses.log_cosh import LogCosh
from ...reference.losses.mean_squared_error import MeanSquaredError
from ...reference.losses.poisson_nll import PoissonNLL
from ...reference.losses.smooth_l1_loss import SmoothL1Loss
from ..protocols import own_formula
from .registry import apply_loss

Tensor = torch.Tensor


def reduced(entries: Tensor, reduction: str) -> Tensor:
    """The mean of a formula's entries, their sum, or the entries."""
    if reduction == "none":
        return entries
    return entries.mean() if reduction == "mean" else entries.sum()


@apply_loss.register
def _(loss: MeanSquaredError, prediction: Tensor, target: Tensor) -> Tensor:
    return F.mse_loss(prediction, target, reduction=loss.reduction)


@apply_loss.register
def _(loss: L1Loss, prediction: Tensor, target: Tensor) -> Tensor:
    return F.l1_loss(prediction, target, reduction=loss.reduction)


@apply_loss.register
def _(loss: SmoothL1Loss, prediction: Tensor, target: Tensor) -> Tensor:
    return F.smooth_l1_loss(prediction, target, reduction=loss.reduction, beta=loss.beta)


@apply_loss.register
def _(loss: HuberLoss, prediction: Tensor, target: Tensor) -> Tensor:
    return F.huber_loss(prediction, target, reduction=loss.reduction, delta=loss.delta)


@apply_loss.register
@own_formula("torch has no log-cosh")
def _(loss: LogCosh, prediction: Tensor, target: Tensor) -> Tensor:
    d = prediction - target
    near = torch.log1p(2 * torch.sinh(d.clamp(-1, 1) / 2).square())
    far = torch.logaddexp(d, -d) - math.log(2)  # which has no digits near 0
    return reduced(torch.where(d.abs() < 1, near, far), loss.reduction)


@apply_loss.register
def _(loss: KLDivergence, prediction: Tensor, target: Tensor) -> Tensor:
    if loss.reduction == "mean":  # torch warns of its own
        return F.kl_div(prediction, target, reduction="none", log_target=loss.log_target).mean()
    return F.kl_div(prediction, target, reduction=loss.reduction, log_target=loss.log_target)


@apply_loss.register
def _(loss: PoissonNLL, prediction: Tensor, target: Tensor) -> Tensor:
    return F.poisson_nll_loss(
        prediction, target, loss.log_input, loss.full, eps=loss.eps, reduction=loss.reduction
    )


@apply_loss.register
def _(loss: GaussianNLL, prediction: Any, target: Tensor) -> Tensor:
    mean, variance = prediction
    return F.gaussian_nll_loss(mean, target, variance, loss.full, loss.eps, loss.reduction)
