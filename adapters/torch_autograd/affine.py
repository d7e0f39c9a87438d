"""Affine maps and lookups in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from ...reference.layers.bilinear import Bilinear
from ...reference.layers.dense import Dense
from ...reference.layers.embedding import Embedding
from .registry import apply


@apply.register
def _(layer: Dense, p: Any, x: torch.Tensor) -> torch.Tensor:
    bias = p["b"] if layer.bias is True else x.new_tensor(layer.bias) if layer.bias else None
    return F.linear(x, p["W"].T, bias)


@apply.register
def _(layer: Bilinear, p: Any, x: Any) -> torch.Tensor:
    return F.bilinear(x[0], x[1], p["W"].permute(2, 0, 1), p.get("b"))


@apply.register
def _(layer: Embedding, p: Any, x: torch.Tensor) -> torch.Tensor:
    W = p["W"]
    if layer.padding is not None:
        W = W.index_fill(0, torch.tensor(layer.padding), 0)  # its value in torch, if never set
    return F.embedding(x, W, padding_idx=layer.padding)
