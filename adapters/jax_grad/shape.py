"""Shapes, and what is left out, in JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ...reference.layers.dropout import Dropout
from ...reference.layers.flatten import Flatten
from ...reference.layers.pad import Pad
from ...reference.layers.reshape import Reshape
from ...reference.layers.transpose import Transpose
from ..protocols import own_formula
from .registry import apply


@apply.register
def _(layer: Flatten, p: Any, x: jax.Array) -> jax.Array:
    return x.reshape(x.shape[0], -1)


@apply.register
def _(layer: Reshape, p: Any, x: jax.Array) -> jax.Array:
    return jnp.reshape(x, (x.shape[0], *layer.shape))


@apply.register
def _(layer: Transpose, p: Any, x: jax.Array) -> jax.Array:
    return jnp.transpose(x, layer.axes)


@apply.register
def _(layer: Pad, p: Any, x: jax.Array) -> jax.Array:
    mode = {"replicate": "edge", "circular": "wrap"}.get(layer.mode, layer.mode)
    fill = {"constant_values": layer.value} if mode == "constant" else {}
    return jnp.pad(x, [(0, 0)] * (x.ndim - len(layer.width)) + [*layer.width], mode, **fill)


@apply.register
@own_formula("jax has no dropout, and flax's draws its own mask")
def _(layer: Dropout, p: Any, x: Any) -> jax.Array:
    data, mask = x
    return jnp.where(mask, data / (1 - layer.p), 0)
