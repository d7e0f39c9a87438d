"""Combinators: layers made of layers in PyTorch."""

from __future__ import annotations

from typing import Any

import torch

from ...reference.layers.residual import Residual
from ...reference.layers.sequential import Sequential
from .registry import apply


@apply.register
def _(layer: Sequential, p: Any, x: torch.Tensor) -> torch.Tensor:
    for inner, q in zip(layer.layers, p, strict=True):
        x = apply(inner, q, x)
    return x


@apply.register
def _(layer: Residual, p: Any, x: torch.Tensor) -> torch.Tensor:
    return x + apply(layer.inner, p, x)
