"""Combinators: layers made of layers in JAX."""

from __future__ import annotations

from typing import Any

import jax

from ...reference.layers.residual import Residual
from ...reference.layers.sequential import Sequential
from .registry import apply


@apply.register
def _(layer: Sequential, p: Any, x: jax.Array) -> jax.Array:
    for inner, q in zip(layer.layers, p, strict=True):
        x = apply(inner, q, x)
    return x


@apply.register
def _(layer: Residual, p: Any, x: jax.Array) -> jax.Array:
    return x + apply(layer.inner, p, x)
