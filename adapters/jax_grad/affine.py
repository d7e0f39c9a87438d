"""Affine maps and lookups in JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ...reference.layers.bilinear import Bilinear
from ...reference.layers.dense import Dense
from ...reference.layers.embedding import Embedding
from ..protocols import own_formula
from .flax_modules import flax, run
from .registry import apply


@apply.register
def _(layer: Dense, p: Any, x: jax.Array) -> jax.Array:
    y = jnp.matmul(x, p["W"])
    if layer.bias is True:
        return y + p["b"]
    return y + jnp.asarray(layer.bias, x.dtype) if layer.bias else y


@apply.register
@own_formula("neither jax nor flax has a bilinear map")
def _(layer: Bilinear, p: Any, x: Any) -> jax.Array:
    y = jnp.einsum("...i,ijo,...j->...o", x[0], p["W"], x[1])
    return y + p["b"] if layer.bias else y


@apply.register
def _(layer: Embedding, p: Any, x: jax.Array) -> jax.Array:
    W = p["W"]
    if layer.padding is not None:  # flax's Embed has no padding index
        W = W.at[layer.padding].set(0)
    return run(flax().linen.Embed(layer.n_rows, layer.n), {"embedding": W}, x)
