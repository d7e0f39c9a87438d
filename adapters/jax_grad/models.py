"""Parts of whole models in JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ...reference.layers.lstm import LSTM
from ...reference.layers.outputs import Outputs
from ...reference.layers.tied_head import TiedHead
from ...reference.layers.token_mean import TokenMean
from .flax_modules import flax, run
from .registry import apply


@apply.register
def _(layer: Outputs, p: Any, x: Any) -> jax.Array:
    inner = layer.inner
    if isinstance(x, tuple):
        return apply(inner, p, x)[0]
    zero = jnp.zeros((inner.layers * (1 + inner.bidirectional), len(x), inner.n), x.dtype)
    states = (zero, zero) if isinstance(inner, LSTM) else (zero,)
    return apply(inner, p, (x, *states))[0]


@apply.register
def _(layer: TiedHead, p: Any, x: jax.Array) -> jax.Array:
    table, embedding = flax().linen.Embed(layer.n_rows, layer.n), {"embedding": p["W"]}
    h = apply(layer.inner, p["inner"], run(table, embedding, x))
    return run(table, embedding, h, method="attend")


@apply.register
def _(layer: TokenMean, p: Any, x: jax.Array) -> jax.Array:
    return jnp.mean(x, axis=1)
