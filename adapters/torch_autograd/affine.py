"""Affine maps and lookups in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from ...reference.layers.dense import Dense
from .registry import apply


@apply.register
def _(layer: Dense, p: Any, x: torch.Tensor) -> torch.Tensor:
    bias = p["b"] if layer.bias is True else x.new_tensor(layer.bias) if layer.bias else None
    return F.linear(x, p["W"].T, bias)
