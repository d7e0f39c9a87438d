"""Losses of classes and of label sequences in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from ...reference.losses.binary_cross_entropy import BinaryCrossEntropy
from ...reference.losses.binary_cross_entropy_on_probabilities import (
    BinaryCrossEntropyOnProbabilities,
)
from ...reference.losses.cross_entropy import CrossEntropy
from ...reference.losses.ctc import CTC
from ...reference.losses.dice import Dice
from ...reference.losses.focal import Focal
from ...reference.losses.multi_label_soft_margin import MultiLabelSoftMargin
from ...reference.losses.negative_log_likelihood import NegativeLogLikelihood
from ...reference.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from ..protocols import own_formula
from .losses import Tensor, reduced
from .registry import apply_loss


def _weight(weight: tuple[float, ...], like: Tensor) -> Tensor | None:
    return like.new_tensor(weight) if weight else None


def _class_second(x: Tensor, axis: int) -> Tensor:
    """x with its classes where torch has them: along axis 1, or 0 of a single sample."""
    return x.movedim(axis, min(1, x.ndim - 1))


@apply_loss.register
def _(loss: SoftmaxCrossEntropy, prediction: Tensor, target: Tensor) -> Tensor:
    z, t = prediction.flatten(0, -2), target.flatten().long()
    value = F.cross_entropy(z, t, reduction=loss.reduction)
    return value.reshape(target.shape) if loss.reduction == "none" else value


@apply_loss.register
def _(loss: CrossEntropy, prediction: Tensor, target: Tensor) -> Tensor:
    soft = target.is_floating_point()
    return F.cross_entropy(
        _class_second(prediction, loss.axis),
        _class_second(target, loss.axis) if soft else target.long(),
        _weight(loss.weight, prediction), ignore_index=loss.ignore_index,
        reduction=loss.reduction, label_smoothing=loss.label_smoothing,
    )  # fmt: skip


@apply_loss.register
def _(loss: NegativeLogLikelihood, prediction: Tensor, target: Tensor) -> Tensor:
    return F.nll_loss(
        _class_second(prediction, loss.axis), target.long(), _weight(loss.weight, prediction),
        ignore_index=loss.ignore_index, reduction=loss.reduction,
    )  # fmt: skip


@apply_loss.register
def _(loss: BinaryCrossEntropy, prediction: Tensor, target: Any) -> Tensor:
    t, w = target if isinstance(target, tuple) else (target, None)
    return F.binary_cross_entropy_with_logits(
        prediction, t, w, reduction=loss.reduction, pos_weight=_weight(loss.pos_weight, prediction)
    )


@apply_loss.register
def _(loss: BinaryCrossEntropyOnProbabilities, prediction: Tensor, target: Any) -> Tensor:
    t, w = target if isinstance(target, tuple) else (target, None)
    return F.binary_cross_entropy(prediction, t, w, reduction=loss.reduction)


@apply_loss.register
def _(loss: MultiLabelSoftMargin, prediction: Tensor, target: Tensor) -> Tensor:
    weight = _weight(loss.weight, prediction)
    return F.multilabel_soft_margin_loss(prediction, target, weight, reduction=loss.reduction)


@apply_loss.register
@own_formula("torch has no focal loss (torchvision has)")
def _(loss: Focal, prediction: Tensor, target: Tensor) -> Tensor:
    entropy = F.binary_cross_entropy_with_logits(prediction, target, reduction="none")
    wrong = F.logsigmoid((1 - 2 * target) * prediction)  # its power 0.5 has no slope at 0
    entries = entropy * torch.exp(loss.gamma * wrong)
    if loss.alpha is not None:
        entries = entries * (loss.alpha * target + (1 - loss.alpha) * (1 - target))
    return reduced(entries, loss.reduction)


@apply_loss.register
@own_formula("torch has no Dice loss")
def _(loss: Dice, prediction: Tensor, target: Tensor) -> Tensor:
    many = prediction.shape[-1] > 1
    p = F.softmax(prediction, dim=-1) if many else torch.sigmoid(prediction)
    p, t = (a.reshape(len(a), -1, a.shape[-1]) for a in (p, target))
    overlap = ((p * t).sum(1) + loss.smooth) / (0.5 * (p + t).sum(1) + loss.smooth)
    return reduced((1 - overlap).mean(1), loss.reduction)


@apply_loss.register
def _(loss: CTC, prediction: Tensor, target: Any) -> Tensor:
    log_p = prediction if loss.log_input else F.log_softmax(prediction, dim=2)
    labels, frames, counts = target
    return F.ctc_loss(log_p, labels, frames, counts, loss.blank, loss.reduction)
