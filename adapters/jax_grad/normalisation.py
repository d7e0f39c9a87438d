"""Normalisation in JAX: the modules of flax.

Unless told otherwise they take the variance as E[x²] - E[x]², which loses its digits where the mean
is far from zero. It is asked for where a layer lets the variance be fast, and nowhere else.
"""

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
from ..protocols import Unsupported, own_formula
from .flax_modules import flax, run
from .registry import apply


def _scale(p: Any) -> Any:
    """flax's names for γ and β."""
    return {"scale": p["gamma"], "bias": p["beta"]}


def _batch_norm(layer: Any, p: Any, x: jax.Array, *, fast: bool = False) -> jax.Array:
    norm = flax().linen.BatchNorm(
        use_running_average=False, axis=1, epsilon=layer.eps, use_fast_variance=fast
    )
    y, _ = run(norm, _scale(p), x, mutable="batch_stats")  # RunningStatistics compares the rest
    return y


@apply.register
def _(layer: LayerNorm, p: Any, x: jax.Array) -> jax.Array:
    norm = flax().linen.LayerNorm(epsilon=layer.eps, use_fast_variance=layer.fast_variance)
    return run(norm, _scale(p), x)


@apply.register
def _(layer: BatchNorm1d, p: Any, x: jax.Array) -> jax.Array:
    return _batch_norm(layer, p, x, fast=layer.fast_variance)


@apply.register
def _(layer: BatchNorm2d, p: Any, x: jax.Array) -> jax.Array:
    return _batch_norm(layer, p, x)


@apply.register
def _(layer: BatchNormInference, p: Any, x: jax.Array) -> jax.Array:
    norm = flax().linen.BatchNorm(use_running_average=True, axis=1, epsilon=layer.eps)
    mean, var = (jnp.asarray(fixed, x.dtype) for fixed in (layer.mean, layer.var))
    return norm.apply({"params": _scale(p), "batch_stats": {"mean": mean, "var": var}}, x)


@apply.register
def _(layer: RunningStatistics, p: Any, x: Any) -> Any:
    if layer.unbiased:
        raise Unsupported("flax's BatchNorm keeps the variance of n, not of n - 1")
    data, mean, var = x
    norm = flax().linen.BatchNorm(
        use_running_average=False, axis=1, momentum=1 - layer.momentum, use_fast_variance=False,
        use_scale=False, use_bias=False,
    )  # fmt: skip
    _, new = norm.apply({"batch_stats": {"mean": mean, "var": var}}, data, mutable="batch_stats")
    return new["batch_stats"]["mean"], new["batch_stats"]["var"]


@apply.register
def _(layer: GroupNorm, p: Any, x: jax.Array) -> jax.Array:
    norm = flax().linen.GroupNorm(layer.groups, epsilon=layer.eps, use_fast_variance=False)
    return jnp.moveaxis(run(norm, _scale(p), jnp.moveaxis(x, 1, -1)), -1, 1)  # channels last


@apply.register
def _(layer: InstanceNorm, p: Any, x: jax.Array) -> jax.Array:
    norm = flax().linen.InstanceNorm(
        feature_axes=1, epsilon=layer.eps, use_scale=layer.affine, use_bias=layer.affine,
        use_fast_variance=False,
    )  # fmt: skip
    return run(norm, _scale(p) if layer.affine else {}, x)


@apply.register
def _(layer: RMSNorm, p: Any, x: jax.Array) -> jax.Array:
    return run(flax().linen.RMSNorm(epsilon=layer.eps), {"scale": p["gamma"]}, x)


@apply.register
@own_formula("neither jax nor flax has a local response normalisation")
def _(layer: LocalResponseNorm, p: Any, x: jax.Array) -> jax.Array:
    n, rest = layer.size, x.ndim - 2
    padding = [(0, 0), (n // 2, (n - 1) // 2), *[(0, 0)] * rest]
    window, stride = (1, n, *(1,) * rest), (1,) * x.ndim
    near = lax.reduce_window(lax.square(x), 0.0, lax.add, window, stride, padding)
    return x * (layer.k + layer.alpha * near / n) ** -layer.beta


@apply.register
def _(layer: WeightNorm, p: Any, x: jax.Array) -> jax.Array:
    linen = flax().linen
    norm = linen.WeightNorm(linen.Dense(layer.n_out), epsilon=0)
    direction = {"layer_instance": {"kernel": p["v"], "bias": p["b"]}}
    return run(norm, direction | {"layer_instance/kernel/scale": p["g"]}, x)


@apply.register
@own_formula("neither jax nor flax normalises to length one: divided by optax.safe_norm")
def _(layer: L2Normalize, p: Any, x: jax.Array) -> jax.Array:
    return x / optax.safe_norm(x, layer.eps, axis=layer.axis, keepdims=True)
