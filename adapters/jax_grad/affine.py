"""Affine maps and lookups in JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ...reference.layers.dense import Dense
from .registry import apply


@apply.register
def _(layer: Dense, p: Any, x: jax.Array) -> jax.Array:
    y = jnp.matmul(x, p["W"])
    if layer.bias is True:
        return y + p["b"]
    return y + jnp.asarray(layer.bias, x.dtype) if layer.bias else y
