"""Shapes in PyTorch."""

from __future__ import annotations

from typing import Any

import torch

from ...reference.layers.flatten import Flatten
from .registry import apply


@apply.register
def _(layer: Flatten, p: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.flatten(x, 1)
