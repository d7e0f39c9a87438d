"""Losses of numbers in JAX; those of classes and of margins are in files beside this one."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import optax

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


def reduced(entries: jax.Array, reduction: str, count: Any = None) -> jax.Array:
    """The entries, their sum, or their sum over count: optax leaves this to its user."""
    if reduction == "none":
        return entries
    return entries.sum() / (count or entries.size) if reduction == "mean" else entries.sum()


@apply_loss.register
def _(loss: MeanSquaredError, prediction: jax.Array, target: jax.Array) -> jax.Array:
    return reduced(optax.losses.squared_error(prediction, target), loss.reduction)


@apply_loss.register
@own_formula("optax has no L1 loss; where both are equal, jnp.abs would have the slope 1, not 0")
def _(loss: L1Loss, prediction: jax.Array, target: jax.Array) -> jax.Array:
    d = prediction - target
    return reduced(jnp.where(d == 0, 0, jnp.abs(d)), loss.reduction)


@apply_loss.register
@own_formula("optax has no smooth L1 loss: optax.losses.huber_loss, divided by β")
def _(loss: SmoothL1Loss, prediction: jax.Array, target: jax.Array) -> jax.Array:
    entries = optax.losses.huber_loss(prediction, target, delta=loss.beta) / loss.beta
    return reduced(entries, loss.reduction)


@apply_loss.register
def _(loss: HuberLoss, prediction: jax.Array, target: jax.Array) -> jax.Array:
    entries = optax.losses.huber_loss(prediction, target, delta=loss.delta)
    return reduced(entries, loss.reduction)


@apply_loss.register
def _(loss: LogCosh, prediction: jax.Array, target: jax.Array) -> jax.Array:
    return reduced(optax.losses.log_cosh(prediction, target), loss.reduction)


@apply_loss.register
def _(loss: KLDivergence, prediction: jax.Array, target: jax.Array) -> jax.Array:
    losses = optax.losses
    divergence = losses.kl_divergence_with_log_targets if loss.log_target else losses.kl_divergence
    entries = divergence(prediction[..., None], target[..., None])  # of one number each
    if loss.reduction == "batchmean":
        return entries.sum() / len(prediction)
    return reduced(entries, loss.reduction)


@apply_loss.register
@own_formula("optax has no Poisson loss")
def _(loss: PoissonNLL, prediction: jax.Array, target: jax.Array) -> jax.Array:
    x, t = prediction, target
    entries = jnp.exp(x) - t * x if loss.log_input else x - t * jnp.log(x + loss.eps)
    if loss.full:
        n = jnp.where(t > 1, t, 1)
        stirling = n * jnp.log(n) - n + 0.5 * jnp.log(2 * math.pi * n)
        entries = entries + jnp.where(t > 1, stirling, 0)
    return reduced(entries, loss.reduction)


@apply_loss.register
@own_formula("optax has no Gaussian likelihood")
def _(loss: GaussianNLL, prediction: Any, target: jax.Array) -> jax.Array:
    mean, variance = prediction
    v = jnp.where(variance > loss.eps, variance, loss.eps)  # jnp.maximum shares a tie
    entries = 0.5 * (jnp.log(v) + jnp.square(mean - target) / v)
    return reduced(entries + (0.5 * math.log(2 * math.pi) if loss.full else 0), loss.reduction)
