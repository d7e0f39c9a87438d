"""Attention and positions in JAX.

jax.nn.dot_product_attention takes its softmax in float32 whatever it is given, and wants values as
wide as the keys: elsewhere it is flax.linen.dot_product_attention, which has no groups of heads.
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
from .flax_modules import flax, run
from .registry import apply


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
    q = q if scale is None else q * (scale * q.shape[3] ** 0.5)  # flax divides by the root
    attended: jax.Array = flax().linen.dot_product_attention(q, k, v, bias, mask)
    return attended


@apply.register
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


@apply.register
def _(layer: MultiHeadAttention, p: Any, x: Any) -> jax.Array:
    parts = x if isinstance(x, tuple) else (x,)
    *sources, keep = parts if parts[-1].dtype == bool else (*parts, None)
    query, memory = sources[0], sources[-1]
    heads = layer.heads, layer.n // layer.heads

    def part(name: str, kernel: tuple[int, ...], bias: tuple[int, ...]) -> Any:
        dense = p[name]
        b = dense.get("b", jnp.zeros(layer.n, query.dtype))  # that of the keys, which has no effect
        shared = {"bias": b.reshape(bias)} if layer.bias else {}
        return {"kernel": dense["W"].reshape(kernel)} | shared

    params = {name: part(name[0], (-1, *heads), heads) for name in ("query", "key", "value")}
    params["out"] = part("o", (*heads, -1), (-1,))
    mask = _order(query.shape[1], memory.shape[1]) if layer.causal else None
    if keep is not None:
        mask = keep if mask is None else keep & mask
    attention = flax().linen.MultiHeadDotProductAttention(
        layer.heads, qkv_features=layer.n, out_features=layer.n, use_bias=layer.bias
    )
    return run(attention, params, query, memory, mask=mask)


@apply.register
def _(layer: GroupedQueryAttention, p: Any, x: jax.Array) -> jax.Array:
    def heads(name: str) -> jax.Array:
        return (x @ p[name]["W"]).reshape(*x.shape[:2], -1, layer.n // layer.heads)

    mask = _order(x.shape[1], x.shape[1]) if layer.causal else None
    return _attend(*map(heads, "qkv"), mask=mask).reshape(x.shape) @ p["o"]["W"]


@apply.register
def _(layer: ALiBi, p: Any, x: Any) -> jax.Array:
    q, k, v = (a.swapaxes(1, 2) for a in x)
    L, S = q.shape[1], k.shape[1]
    slopes = 2.0 ** (-8 / layer.heads * np.arange(1, layer.heads + 1))
    bias = slopes[:, None, None] * (np.arange(S) - np.arange(S - L, S)[:, None])
    return _attend(q, k, v, bias=jnp.asarray(bias, q.dtype), mask=_order(L, S)).swapaxes(1, 2)


@apply.register
def _(layer: LearnedPositions, p: Any, x: jax.Array) -> jax.Array:
    table = flax().linen.Embed(layer.longest, layer.n)
    return x + run(table, {"embedding": p["W"]}, jnp.arange(x.shape[-2]))


def _waves(layer: Any, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """cos and sin of t base^(-2i/n): constants, so in float64 by NumPy."""
    t = np.arange(x.shape[-2]) + layer.first
    theta = np.outer(t, np.exp(-np.log(layer.base) * np.arange(layer.n // 2) / (layer.n / 2)))
    return jnp.asarray(np.cos(theta), x.dtype), jnp.asarray(np.sin(theta), x.dtype)


@apply.register
@own_formula("neither jax nor flax has an operation for rotary embeddings")
def _(layer: RotaryEmbedding, p: Any, x: jax.Array) -> jax.Array:
    cos, sin = _waves(layer, x)
    pairs = x.reshape(*x.shape[:-1], -1, 2) if layer.interleaved else jnp.stack(
        jnp.split(x, 2, axis=-1), axis=-1
    )  # fmt: skip
    turn = jnp.stack([jnp.stack([cos, sin], -1), jnp.stack([-sin, cos], -1)], -2)
    y = jnp.einsum("...tia,tiab->...tib", pairs, turn)
    return (y if layer.interleaved else y.swapaxes(-1, -2)).reshape(x.shape)


@apply.register
@own_formula("neither jax nor flax has an operation for sinusoidal positions")
def _(layer: SinusoidalPositions, p: Any, x: jax.Array) -> jax.Array:
    cos, sin = _waves(layer, x)
    both = jnp.stack([sin, cos], axis=-1 if layer.interleaved else -2)
    return x + both.reshape(x.shape[-2:])
