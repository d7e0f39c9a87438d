"""Activations in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from ...reference.layers.relu import ReLU
from ...reference.layers.sigmoid import Sigmoid
from ...reference.layers.softmax import Softmax
from ...reference.layers.tanh import Tanh
from .registry import apply


@apply.register
def _(layer: Sigmoid, p: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(x)


@apply.register
def _(layer: Tanh, p: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.tanh(x)


@apply.register
def _(layer: ReLU, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.relu(x)


@apply.register
def _(layer: Softmax, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.softmax(x, dim=layer.axis)
