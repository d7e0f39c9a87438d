"""Attention and positions in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from ...reference.layers.alibi import ALiBi
from ...reference.layers.grouped_query_attention import GroupedQueryAttention
from ...reference.layers.learned_positions import LearnedPositions
from ...reference.layers.multi_head_attention import MultiHeadAttention
from ...reference.layers.rotary_embedding import RotaryEmbedding
from ...reference.layers.scaled_dot_product_attention import ScaledDotProductAttention
from ...reference.layers.sinusoidal_positions import SinusoidalPositions
from ..protocols import own_formula
from .registry import apply


def _order(L: int, S: int) -> torch.Tensor:
    """True where query i may see key j; is_causal would count from the first query and key."""
    return torch.ones(L, S, dtype=torch.bool).tril(S - L)


@apply.register
def _(layer: ScaledDotProductAttention, p: Any, x: Any) -> torch.Tensor:
    q, k, v, *masks = x
    mask = masks[0] if masks else None
    if layer.causal:
        order = _order(q.shape[2], k.shape[2])
        if mask is None or mask.dtype == torch.bool:
            mask = order if mask is None else mask & order
        else:
            mask = mask.masked_fill(~order, -torch.inf)
    if layer.empty == "mean" and mask is not None and mask.dtype == torch.bool:
        some = mask.any(-1, keepdim=True)  # torch gives 0 to a query that sees no key:
        q, mask = q * some, mask | ~some  # let it see all, and prefer none
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=layer.scale)


@apply.register
def _(layer: MultiHeadAttention, p: Any, x: Any) -> torch.Tensor:
    parts = x if isinstance(x, tuple) else (x,)
    *sources, keep = parts if parts[-1].dtype == torch.bool else (*parts, None)
    query, memory = sources[0], sources[-1]
    q, k, v, o = (p[name] for name in "qkvo")
    bias = torch.cat([q["b"], torch.zeros_like(q["b"]), v["b"]]) if layer.bias else None
    order = _order(query.shape[1], memory.shape[1]) if layer.causal else None
    hidden = None if order is None else ~order  # True: unseen
    if keep is not None:
        seen = keep if order is None else keep & order
        shape = (len(query), layer.heads, query.shape[1], memory.shape[1])
        hidden = ~seen.expand(shape).flatten(0, 1)
    y, _ = F.multi_head_attention_forward(
        query.swapaxes(0, 1), memory.swapaxes(0, 1), memory.swapaxes(0, 1), layer.n, layer.heads,
        None, bias, None, None, False, 0.0, o["W"].T, o.get("b"),
        need_weights=keep is not None,  # as nn.MultiheadAttention has it, if nobody says otherwise
        attn_mask=hidden, use_separate_proj_weight=True,
        q_proj_weight=q["W"].T, k_proj_weight=k["W"].T, v_proj_weight=v["W"].T,
    )  # fmt: skip
    return y.swapaxes(0, 1)


@apply.register
def _(layer: GroupedQueryAttention, p: Any, x: torch.Tensor) -> torch.Tensor:
    def heads(name: str) -> torch.Tensor:
        y = F.linear(x, p[name]["W"].T)
        return y.reshape(*x.shape[:2], -1, layer.n // layer.heads).swapaxes(1, 2)

    y = F.scaled_dot_product_attention(
        heads("q"), heads("k"), heads("v"), is_causal=layer.causal, enable_gqa=True
    )
    return F.linear(y.swapaxes(1, 2).flatten(2), p["o"]["W"].T)


@apply.register
def _(layer: ALiBi, p: Any, x: Any) -> torch.Tensor:
    q, k, v = x
    L, S = q.shape[2], k.shape[2]
    slope = torch.exp2(-8 * torch.arange(1, layer.heads + 1).double() / layer.heads)
    ahead = torch.arange(S) - torch.arange(S - L, S)[:, None]
    bias = (slope[:, None, None] * ahead).to(q.dtype)
    bias = bias.masked_fill(~_order(L, S), -torch.inf)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)


@apply.register
def _(layer: LearnedPositions, p: Any, x: torch.Tensor) -> torch.Tensor:
    return x + F.embedding(torch.arange(x.shape[-2]), p["W"])


def _angles(layer: Any, positions: int) -> torch.Tensor:
    """t base^(-2i/n), in float64 whatever the precision of x."""
    t = torch.arange(layer.first, layer.first + positions, dtype=torch.float64)
    return torch.outer(t, layer.base ** -(torch.arange(0, layer.n, 2).double() / layer.n))


@apply.register
@own_formula("torch has no operation for rotary embeddings")
def _(layer: RotaryEmbedding, p: Any, x: torch.Tensor) -> torch.Tensor:
    theta = _angles(layer, x.shape[-2])
    turn = torch.polar(torch.ones_like(theta), theta)
    shape = (-1, 2) if layer.interleaved else (2, -1)
    pairs = x.reshape(*x.shape[:-1], *shape)
    pairs = pairs if layer.interleaved else pairs.swapaxes(-1, -2)
    if x.element_size() < 4:  # there are no complex numbers of two times 16 bits
        pairs = pairs.float()
    turn = turn.to(torch.complex128 if x.dtype == torch.float64 else torch.complex64)
    y = torch.view_as_real(torch.view_as_complex(pairs.contiguous()) * turn)
    return (y if layer.interleaved else y.swapaxes(-1, -2)).flatten(-2).to(x.dtype)


@apply.register
@own_formula("torch has no operation for sinusoidal positions")
def _(layer: SinusoidalPositions, p: Any, x: torch.Tensor) -> torch.Tensor:
    theta = _angles(layer, x.shape[-2])
    both = torch.stack([theta.sin(), theta.cos()], -1 if layer.interleaved else -2)
    return x + both.flatten(-2).to(x.dtype)
