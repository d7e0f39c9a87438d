"""Normalisation in JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax

from ...reference.layers.batch_norm_inference import BatchNormInference
from ...reference.layers.batchnorm1d import BatchNorm1d
from ...reference.layers.batchnorm2d import BatchNorm2d
from ...reference.layers.groupnorm import GroupNorm
from ...reference.layers.instancenorm import InstanceNorm
from ...reference.layers.l2_normalize import L2Normalize
from ...reference.layers.layernorm import LayerNorm
from ...reference.layers.local_response_norm import LocalResponseNorm
from ...reference.layers.rmsnorm import RMSNorm
from ...reference.layers.running_statistics import RunningStatistics
from ...reference.layers.weightnorm import WeightNorm
from ..protocols import own_formula
from .registry import apply


def _standardize(x: jax.Array, axis: Any, eps: float, **given: Any) -> jax.Array:
    # The default algorithm, "fast", is E[x²] - E[x]² and loses every digit where mean >> deviation.
    standardize: Any = jax.nn.standardize  # its stub lacks algorithm
    standard: jax.Array = standardize(x, axis=axis, epsilon=eps, algorithm="stable", **given)
    return standard


def _by_channel(p: jax.Array, x: jax.Array) -> jax.Array:
    return p.reshape(-1, *(1,) * (x.ndim - 2))


def _scale(p: Any, x: jax.Array) -> jax.Array:
    return x * _by_channel(p["gamma"], x) + _by_channel(p["beta"], x)


@apply.register
def _(layer: LayerNorm, p: Any, x: jax.Array) -> jax.Array:
    return _standardize(x, -1, layer.eps) * p["gamma"] + p["beta"]


@apply.register(BatchNorm1d)
@apply.register(BatchNorm2d)
def _(layer: BatchNorm1d | BatchNorm2d, p: Any, x: jax.Array) -> jax.Array:
    return _scale(p, _standardize(x, (0, *range(2, x.ndim)), layer.eps))


@apply.register
def _(layer: BatchNormInference, p: Any, x: jax.Array) -> jax.Array:
    mean, variance = (
        _by_channel(jnp.asarray(fixed, x.dtype), x) for fixed in (layer.mean, layer.var)
    )
    return _scale(p, _standardize(x, None, layer.eps, mean=mean, variance=variance))


@apply.register
@own_formula("jax and optax keep no statistics of batches")
def _(layer: RunningStatistics, p: Any, x: Any) -> Any:
    data, *old = x
    axes = (0, *range(2, data.ndim))
    batch = data.mean(axes), data.var(axes, ddof=int(layer.unbiased))
    return tuple(
        optax.incremental_update(b, a, layer.momentum) for a, b in zip(old, batch, strict=True)
    )


@apply.register
def _(layer: GroupNorm, p: Any, x: jax.Array) -> jax.Array:
    grouped = x.reshape(x.shape[0], layer.groups, -1)
    return _scale(p, _standardize(grouped, -1, layer.eps).reshape(x.shape))


@apply.register
def _(layer: InstanceNorm, p: Any, x: jax.Array) -> jax.Array:
    standard = _standardize(x, tuple(range(2, x.ndim)), layer.eps)
    return _scale(p, standard) if layer.affine else standard


@apply.register
@own_formula("jax has no normalisation by the root mean square")
def _(layer: RMSNorm, p: Any, x: jax.Array) -> jax.Array:
    square = jnp.mean(lax.square(x), axis=-1, keepdims=True)
    return x * lax.rsqrt(square + layer.eps) * p["gamma"]


@apply.register
@own_formula("jax has no local response normalisation")
def _(layer: LocalResponseNorm, p: Any, x: jax.Array) -> jax.Array:
    n, rest = layer.size, x.ndim - 2
    padding = [(0, 0), (n // 2, (n - 1) // 2), *[(0, 0)] * rest]
    window, stride = (1, n, *(1,) * rest), (1,) * x.ndim
    near = lax.reduce_window(lax.square(x), 0.0, lax.add, window, stride, padding)
    return x * (layer.k + layer.alpha * near / n) ** -layer.beta


@apply.register
@own_formula("jax has no weight normalisation")
def _(layer: WeightNorm, p: Any, x: jax.Array) -> jax.Array:
    return x @ (p["v"] * (p["g"] / jnp.linalg.norm(p["v"], axis=0))) + p["b"]


@apply.register
@own_formula("jax has no normalisation to length one: divided by optax.safe_norm")
def _(layer: L2Normalize, p: Any, x: jax.Array) -> jax.Array:
    return x / optax.safe_norm(x, layer.eps, axis=layer.axis, keepdims=True)
