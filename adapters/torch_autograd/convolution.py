"""Convolutions in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from ...reference.layers.conv2d import Conv2d
from .registry import apply


@apply.register
def _(layer: Conv2d, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.conv2d(x, p["W"], p["b"], stride=layer.stride, padding=layer.padding)
