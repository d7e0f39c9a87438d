"""Attention and positions in JAX.

jax.nn.dot_product_attention takes its softmax in float32 whatever it is given, and wants values as
wide as the keys. It is called in float32; in float64 the same is written with jax.nn.softmax.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...reference.layers.alibi import ALiBi
from ...reference.layers.grouped_query_attention import GroupedQueryAttention
from ...reference.layers.learned_positions import LearnedPositions
from ...reference.layers.multi_head_attention import MultiHeadAttention
from ...reference.layers.rotary_embedding import RotaryEmbedding
from ...reference.layers.scaled_dot_product_attention import ScaledDotProductAttention
from ...reference.layers.sinusoidal_positions import SinusoidalPositions
from ..protocols import own_formula
from .registry import apply

IN_FLOAT32 = "jax.nn.dot_product_attention takes its softmax in float32: ours with jax.nn.softmax"


def _order(L: int, S: int) -> jax.Array:
    """True where query i may see key j; is_causal would count from the first query and key."""
    return jnp.tri(L, S, S - L, dtype=bool)


def _attend(
    q: jax.Array, k: jax.Array, v: jax.Array, *, scale: float | None = None,
    bias: jax.Array | None = None, mask: jax.Array | None = None,
) -> jax.Array:  # fmt: skip
    """Attention of q (N, L, H, D), k (N, S, G, D) and v (N, S, G, E)."""
    if q.dtype == jnp.float32 and k.shape == v.shape:
        lead = (1,) * 4
        bias, mask = (a if a is None else a.reshape(lead[a.ndim :] + a.shape) for a in (bias, mask))
        return jax.nn.dot_product_attention(q, k, v, bias, mask, scale=scale)
    k, v = (jnp.repeat(a, q.shape[2] // k.shape[2], axis=2) for a in (k, v))
    scores = jnp.einsum("nlhd,nshd->nhls", q, k) * (q.shape[3] ** -0.5 if scale is None else scale)
    scores = scores if bias is None else scores + bias
    scores = scores if mask is None else jnp.where(mask, scores, -1e30)
    return jnp.einsum("nhls,nshe->nlhe", jax.nn.softmax(scores, axis=-1), v)


@apply.register
@own_formula(IN_FLOAT32)
def _(layer: ScaledDotProductAttention, p: Any, x: Any) -> jax.Array:
    q, k, v, *masks = x
    keep = _order(q.shape[2], k.shape[2]) if layer.causal else None
    bias = None
    for mask in masks:
        if mask.dtype == bool:
            keep = mask if keep is None else mask & keep
        else:
            bias = mask
    q, k, v = (a.swapaxes(1, 2) for a in (q, k, v))
    y = _attend(q, k, v, scale=layer.scale, bias=bias, mask=keep).swapaxes(1, 2)
    if keep is None or layer.empty == "mean":
        return y
    return y * keep.any(-1, keepdims=True)  # JAX gives the mean to a query that sees no key


def _projected(layer: Any, p: Any, query: Any, memory: Any) -> jax.Array:
    def dense(name: str, x: jax.Array) -> jax.Array:
        y = x @ p[name]["W"]
        return y + p[name]["b"] if "b" in p[name] else y

    def heads(name: str, x: jax.Array) -> jax.Array:
        return dense(name, x).reshape(*x.shape[:2], -1, layer.n // layer.heads)

    q, k, v = heads("q", query), heads("k", memory), heads("v", memory)
    mask = _order(q.shape[1], k.shape[1]) if layer.causal else None
    return dense("o", _attend(q, k, v, mask=mask).reshape(query.shape))


@apply.register
@own_formula("jax has no multi-head attention with projections; " + IN_FLOAT32)
def _(layer: MultiHeadAttention, p: Any, x: Any) -> jax.Array:
    return _projected(layer, p, *(x if isinstance(x, tuple) else (x, x)))


@apply.register
@own_formula(IN_FLOAT32)
def _(layer: GroupedQueryAttention, p: Any, x: jax.Array) -> jax.Array:
    return _projected(layer, p, x, x)


@apply.register
@own_formula(IN_FLOAT32)
def _(layer: ALiBi, p: Any, x: Any) -> jax.Array:
    q, k, v = (a.swapaxes(1, 2) for a in x)
    L, S = q.shape[1], k.shape[1]
    slopes = 2.0 ** (-8 / layer.heads * np.arange(1, layer.heads + 1))
    bias = slopes[:, None, None] * (np.arange(S) - np.arange(S - L, S)[:, None])
    return _attend(q, k, v, bias=jnp.asarray(bias, q.dtype), mask=_order(L, S)).swapaxes(1, 2)


@apply.register
def _(layer: LearnedPositions, p: Any, x: jax.Array) -> jax.Array:
    return x + jnp.take(p["W"], jnp.arange(x.shape[-2]), axis=0)


def _waves(layer: Any, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """cos and sin of t base^(-2i/n): constants, so in float64 by NumPy."""
    t = np.arange(x.shape[-2]) + layer.first
    theta = np.outer(t, np.exp(-np.log(layer.base) * np.arange(layer.n // 2) / (layer.n / 2)))
    return jnp.asarray(np.cos(theta), x.dtype), jnp.asarray(np.sin(theta), x.dtype)


@apply.register
@own_formula("jax has no operation for rotary embeddings")
def _(layer: RotaryEmbedding, p: Any, x: jax.Array) -> jax.Array:
    cos, sin = _waves(layer, x)
    pairs = x.reshape(*x.shape[:-1], -1, 2) if layer.interleaved else jnp.stack(
        jnp.split(x, 2, axis=-1), axis=-1
    )  # fmt: skip
    turn = jnp.stack([jnp.stack([cos, sin], -1), jnp.stack([-sin, cos], -1)], -2)
    y = jnp.einsum("...tia,tiab->...tib", pairs, turn)
    return (y if layer.interleaved else y.swapaxes(-1, -2)).reshape(x.shape)


@apply.register
@own_formula("jax has no operation for sinusoidal positions")
def _(layer: SinusoidalPositions, p: Any, x: jax.Array) -> jax.Array:
    cos, sin = _waves(layer, x)
    both = jnp.stack([sin, cos], axis=-1 if layer.interleaved else -2)
    return x + both.reshape(x.shape[-2:])
