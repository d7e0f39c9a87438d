"""Losses of classes and of label sequences in JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

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
from ..protocols import Unsupported, own_formula
from .losses import reduced
from .registry import apply_loss


def _weight(weight: tuple[float, ...], n: int, dtype: Any) -> jax.Array:
    return jnp.asarray(weight, dtype) if weight else jnp.ones(n, dtype)


@apply_loss.register
def _(loss: SoftmaxCrossEntropy, prediction: jax.Array, target: jax.Array) -> jax.Array:
    entries = optax.losses.softmax_cross_entropy_with_integer_labels(prediction, target)
    return reduced(entries, loss.reduction)


@apply_loss.register
def _(loss: CrossEntropy, prediction: jax.Array, target: jax.Array) -> jax.Array:
    z = jnp.moveaxis(prediction, loss.axis, -1)
    K = z.shape[-1]
    weight = _weight(loss.weight, K, z.dtype)
    if jnp.issubdtype(target.dtype, jnp.floating):
        labels = optax.losses.smooth_labels(
            jnp.moveaxis(target, loss.axis, -1), loss.label_smoothing
        )
        return reduced(optax.losses.softmax_cross_entropy(z, weight * labels), loss.reduction)
    used = (target != loss.ignore_index)[..., None]
    hot = jax.nn.one_hot(target, K, dtype=z.dtype) * used
    labels = weight * optax.losses.smooth_labels(hot, loss.label_smoothing) * used
    entries = optax.losses.softmax_cross_entropy(z, labels)
    return (
        reduced(entries, loss.reduction)
        if loss.reduction != "mean"
        else (entries.sum() / (weight * hot).sum())
    )


@apply_loss.register
@own_formula("optax takes logits, never log-probabilities")
def _(loss: NegativeLogLikelihood, prediction: jax.Array, target: jax.Array) -> jax.Array:
    x = jnp.moveaxis(prediction, loss.axis, -1)
    used = target != loss.ignore_index
    label = jnp.where(used, target, 0)
    w = jnp.where(used, _weight(loss.weight, x.shape[-1], x.dtype)[label], 0)
    entries = -w * jnp.take_along_axis(x, label[..., None], axis=-1)[..., 0]
    if loss.reduction == "mean":
        return entries.sum() / w.sum()
    return reduced(entries, loss.reduction)


@apply_loss.register
def _(loss: BinaryCrossEntropy, prediction: jax.Array, target: Any) -> jax.Array:
    entropy = optax.losses.sigmoid_binary_cross_entropy
    t, w = target if isinstance(target, tuple) else (target, None)
    if loss.pos_weight:
        yes, no = entropy(prediction, jnp.ones_like(t)), entropy(prediction, jnp.zeros_like(t))
        positive = jnp.asarray(loss.pos_weight, t.dtype)
        entries = positive * t * yes + (1 - t) * no
    else:
        entries = entropy(prediction, t)
    return reduced(entries if w is None else entries * w, loss.reduction)


@apply_loss.register
@own_formula("optax takes logits, never probabilities")
def _(loss: BinaryCrossEntropyOnProbabilities, prediction: jax.Array, target: Any) -> jax.Array:
    t, w = target if isinstance(target, tuple) else (target, None)
    p = prediction
    yes = jnp.where(p > 0, jnp.maximum(jnp.log(jnp.where(p > 0, p, 1)), -100), -100)
    no = jnp.where(p < 1, jnp.maximum(jnp.log1p(-jnp.where(p < 1, p, 0)), -100), -100)
    entries = -(t * yes + (1 - t) * no)
    return reduced(entries if w is None else entries * w, loss.reduction)


@apply_loss.register
@own_formula("optax has no multi-label soft margin loss: means of sigmoid_binary_cross_entropy")
def _(loss: MultiLabelSoftMargin, prediction: jax.Array, target: jax.Array) -> jax.Array:
    entries = optax.losses.sigmoid_binary_cross_entropy(prediction, target)
    weight = _weight(loss.weight, prediction.shape[-1], prediction.dtype)
    return reduced((entries * weight).mean(axis=-1), loss.reduction)


@apply_loss.register
def _(loss: Focal, prediction: jax.Array, target: jax.Array) -> jax.Array:
    entries = optax.losses.sigmoid_focal_loss(
        prediction, target, alpha=loss.alpha, gamma=loss.gamma
    )
    return reduced(entries, loss.reduction)


@apply_loss.register
def _(loss: Dice, prediction: jax.Array, target: jax.Array) -> jax.Array:
    entries = optax.losses.dice_loss(prediction, target, smooth=loss.smooth)
    return reduced(entries, loss.reduction)


@apply_loss.register
def _(loss: CTC, prediction: jax.Array, target: Any) -> jax.Array:
    if loss.log_input:
        raise Unsupported("optax.ctc_loss takes logits, never log-probabilities")
    (labels, frames, counts), z = target, jnp.swapaxes(prediction, 0, 1)
    past, unused = (
        (jnp.arange(size) >= used[:, None]).astype(z.dtype)
        for size, used in ((z.shape[1], frames), (labels.shape[1], counts))
    )
    entries = optax.losses.ctc_loss(z, past, labels, unused, blank_id=loss.blank)
    if loss.reduction == "mean":
        entries = entries / jnp.maximum(counts, 1).astype(z.dtype)
    return reduced(entries, loss.reduction)
