"""Losses of margins and distances in PyTorch."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F

from ...reference.losses.cosine_embedding import CosineEmbedding
from ...reference.losses.hinge import Hinge
from ...reference.losses.hinge_embedding import HingeEmbedding
from ...reference.losses.margin_ranking import MarginRanking
from ...reference.losses.multi_label_margin import MultiLabelMargin
from ...reference.losses.multi_margin import MultiMargin
from ...reference.losses.soft_margin import SoftMargin
from ...reference.losses.squared_hinge import SquaredHinge
from ...reference.losses.triplet_margin import TripletMargin
from ..protocols import Unsupported, own_formula
from .losses import Tensor, reduced
from .registry import apply_loss


@apply_loss.register
@own_formula("torch has no hinge loss")
def _(loss: Hinge, prediction: Tensor, target: Tensor) -> Tensor:
    return reduced(F.relu(1 - target * prediction), loss.reduction)


@apply_loss.register
@own_formula("torch has no squared hinge loss")
def _(loss: SquaredHinge, prediction: Tensor, target: Tensor) -> Tensor:
    return reduced(F.relu(1 - target * prediction).square(), loss.reduction)


@apply_loss.register
def _(loss: HingeEmbedding, prediction: Tensor, target: Tensor) -> Tensor:
    return F.hinge_embedding_loss(prediction, target, loss.margin, reduction=loss.reduction)


@apply_loss.register
def _(loss: SoftMargin, prediction: Tensor, target: Tensor) -> Tensor:
    return F.soft_margin_loss(prediction, target, reduction=loss.reduction)


@apply_loss.register
def _(loss: CosineEmbedding, prediction: Any, target: Tensor) -> Tensor:
    u, v = prediction
    return F.cosine_embedding_loss(u, v, target, loss.margin, reduction=loss.reduction)


@apply_loss.register
def _(loss: MarginRanking, prediction: Any, target: Tensor) -> Tensor:
    x, y = prediction
    return F.margin_ranking_loss(x, y, target, loss.margin, reduction=loss.reduction)


@apply_loss.register
def _(loss: TripletMargin, prediction: Any, target: Tensor) -> Tensor:
    if loss.in_sum:
        raise Unsupported("torch's triplet loss adds eps to the differences, not to their sum")
    a, q, n = prediction
    return F.triplet_margin_loss(
        a, q, n, loss.margin, loss.p, loss.eps, loss.swap, reduction=loss.reduction
    )


@apply_loss.register
def _(loss: MultiMargin, prediction: Tensor, target: Tensor) -> Tensor:
    weight = prediction.new_tensor(loss.weight) if loss.weight else None
    return F.multi_margin_loss(
        prediction, target.long(), loss.p, loss.margin, weight, reduction=loss.reduction
    )


@apply_loss.register
def _(loss: MultiLabelMargin, prediction: Tensor, target: Tensor) -> Tensor:
    return F.multilabel_margin_loss(prediction, target.long(), reduction=loss.reduction)
