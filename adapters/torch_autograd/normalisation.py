"""Normalisation in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from ...reference.layers.layernorm import LayerNorm
from .registry import apply


@apply.register
def _(layer: LayerNorm, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.layer_norm(x, (layer.n,), p["gamma"], p["beta"], layer.eps)
