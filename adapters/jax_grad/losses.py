"""Losses in JAX."""

from __future__ import annotations

import jax
import optax

from ...reference.losses.binary_cross_entropy import BinaryCrossEntropy
from ...reference.losses.mean_squared_error import MeanSquaredError
from ...reference.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from .registry import apply_loss


@apply_loss.register
def _(loss: MeanSquaredError, prediction: jax.Array, target: jax.Array) -> jax.Array:
    return optax.losses.squared_error(prediction, target).mean()


@apply_loss.register
def _(loss: SoftmaxCrossEntropy, prediction: jax.Array, target: jax.Array) -> jax.Array:
    return optax.losses.softmax_cross_entropy_with_integer_labels(prediction, target).mean()


@apply_loss.register
def _(loss: BinaryCrossEntropy, prediction: jax.Array, target: jax.Array) -> jax.Array:
    return optax.losses.sigmoid_binary_cross_entropy(prediction, target).mean()
