"""Shapes, and what is left out, in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from ...reference.layers.dropout import Dropout
from ...reference.layers.flatten import Flatten
from ...reference.layers.pad import Pad
from ...reference.layers.reshape import Reshape
from ...reference.layers.transpose import Transpose
from ..protocols import own_formula
from .registry import apply


@apply.register
def _(layer: Flatten, p: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.flatten(x, 1)


@apply.register
def _(layer: Reshape, p: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.reshape(x, (x.shape[0], *layer.shape))


@apply.register
def _(layer: Transpose, p: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.permute(x, layer.axes)


@apply.register
def _(layer: Pad, p: Any, x: torch.Tensor) -> torch.Tensor:
    widths = [w for pair in reversed(layer.width) for w in pair]  # torch begins with the last axis
    value = layer.value if layer.mode == "constant" else None
    return F.pad(x, widths, layer.mode, value)


@apply.register
@own_formula("F.dropout draws its own mask")
def _(layer: Dropout, p: Any, x: Any) -> torch.Tensor:
    data, mask = x
    return data * mask / (1 - layer.p)
