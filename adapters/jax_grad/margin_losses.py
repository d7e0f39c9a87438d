"""Losses of margins and distances in JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from ...reference.losses.cosine_embedding import EPS, CosineEmbedding
from ...reference.losses.hinge import Hinge
from ...reference.losses.hinge_embedding import HingeEmbedding
from ...reference.losses.margin_ranking import MarginRanking
from ...reference.losses.multi_label_margin import MultiLabelMargin
from ...reference.losses.multi_margin import MultiMargin
from ...reference.losses.soft_margin import SoftMargin
from ...reference.losses.squared_hinge import SquaredHinge
from ...reference.losses.triplet_margin import TripletMargin
from ..protocols import Unsupported, own_formula
from .losses import reduced
from .registry import apply_loss


@apply_loss.register
def _(loss: Hinge, prediction: jax.Array, target: jax.Array) -> jax.Array:
    return reduced(optax.losses.hinge_loss(prediction, target), loss.reduction)


@apply_loss.register
@own_formula("optax has no squared hinge loss: the square of optax.losses.hinge_loss")
def _(loss: SquaredHinge, prediction: jax.Array, target: jax.Array) -> jax.Array:
    return reduced(jnp.square(optax.losses.hinge_loss(prediction, target)), loss.reduction)


@apply_loss.register
@own_formula("optax has no hinge embedding loss")
def _(loss: HingeEmbedding, prediction: jax.Array, target: jax.Array) -> jax.Array:
    short = jax.nn.relu(loss.margin - prediction)
    return reduced(jnp.where(target > 0, prediction, short), loss.reduction)


@apply_loss.register
@own_formula("optax has no loss of this name; it is the softplus of -t x")
def _(loss: SoftMargin, prediction: jax.Array, target: jax.Array) -> jax.Array:
    return reduced(jax.nn.softplus(-target * prediction), loss.reduction)


@apply_loss.register
@own_formula("optax's cosine similarity cuts the squared norms at ε, torch adds ε to them")
def _(loss: CosineEmbedding, prediction: Any, target: jax.Array) -> jax.Array:
    u, v = prediction
    uu, vv = (jnp.square(a).sum(axis=1) + EPS for a in (u, v))
    c = (u * v).sum(axis=1) / jnp.sqrt(uu * vv)
    entries = jnp.where(target > 0, 1 - c, jax.nn.relu(c - loss.margin))
    return reduced(entries, loss.reduction)


@apply_loss.register
@own_formula("optax has no margin ranking loss")
def _(loss: MarginRanking, prediction: Any, target: jax.Array) -> jax.Array:
    x, y = prediction
    return reduced(jax.nn.relu(loss.margin - target * (x - y)), loss.reduction)


@apply_loss.register
@own_formula("optax's triplet loss adds ε to the sum; where it is in the differences, ours")
def _(loss: TripletMargin, prediction: Any, target: jax.Array) -> jax.Array:
    anchor, positive, negative = prediction

    if loss.in_sum and loss.swap:
        raise Unsupported("optax's triplet loss swaps nothing")
    if loss.in_sum:
        entries = optax.losses.triplet_margin_loss(
            anchor, positive, negative, norm_degree=loss.p, margin=loss.margin, eps=loss.eps
        )
        return reduced(entries, loss.reduction)

    def distance(d: jax.Array) -> jax.Array:
        return optax.safe_norm(d + loss.eps, 0.0, ord=loss.p, axis=-1)  # no NaN at 0

    far = distance(anchor - negative)
    if loss.swap:
        far = jnp.minimum(far, distance(positive - negative))
    return reduced(jax.nn.relu(loss.margin + distance(anchor - positive) - far), loss.reduction)


@apply_loss.register
@own_formula("optax's multiclass hinge loss takes the worst class, not the sum over classes")
def _(loss: MultiMargin, prediction: jax.Array, target: jax.Array) -> jax.Array:
    x, K = prediction, prediction.shape[-1]
    right = jnp.take_along_axis(x, target[:, None], axis=1)
    short = jax.nn.relu(loss.margin - right + x) ** loss.p
    wrong = jnp.arange(K) != target[:, None]
    w = jnp.asarray(loss.weight or (1.0,) * K, x.dtype)[target]
    return reduced(w * jnp.where(wrong, short, 0).sum(axis=1) / K, loss.reduction)


@apply_loss.register
@own_formula("optax has no multi-label margin loss")
def _(loss: MultiLabelMargin, prediction: jax.Array, target: jax.Array) -> jax.Array:
    x, K = prediction, prediction.shape[-1]
    listed = jnp.cumprod(target >= 0, axis=1) > 0
    label = jnp.where(listed, target, 0)
    right = (jax.nn.one_hot(label, K) * listed[..., None]).any(axis=1)
    margin = 1 - jnp.take_along_axis(x, label, axis=1)[..., None] + x[:, None, :]
    counted = listed[..., None] & ~right[:, None, :]
    entries = jnp.where(counted, jax.nn.relu(margin), 0).sum(axis=(1, 2)) / K
    return reduced(entries, loss.reduction)
