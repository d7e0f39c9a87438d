"""Combinators: layers made of layers in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from ...reference.circuit import Circuit
from ...reference.layers.add import Add
from ...reference.layers.concat import Concat
from ...reference.layers.repeat import Repeat
from ...reference.layers.residual import Residual
from ...reference.layers.sequential import Sequential
from ...reference.layers.tied_autoencoder import TiedAutoencoder
from .registry import apply


@apply.register
def _(layer: Sequential, p: Any, x: torch.Tensor) -> torch.Tensor:
    for inner, q in zip(layer.layers, p, strict=True):
        x = apply(inner, q, x)
    return x


@apply.register
def _(layer: Residual, p: Any, x: torch.Tensor) -> torch.Tensor:
    return x + apply(layer.inner, p, x)


def _branches(layer: Concat | Add, p: Any, x: torch.Tensor) -> list[torch.Tensor]:
    return [apply(branch, q, x) for branch, q in zip(layer.branches, p, strict=True)]


@apply.register
def _(layer: Concat, p: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.cat(_branches(layer, p, x), dim=layer.axis)


@apply.register
def _(layer: Add, p: Any, x: torch.Tensor) -> torch.Tensor:
    y, *rest = _branches(layer, p, x)
    for branch in rest:
        y = y + branch
    return y


@apply.register
def _(layer: Repeat, p: Any, x: torch.Tensor) -> torch.Tensor:
    for _ in range(layer.times):
        x = apply(layer.inner, p, x)
    return x


@apply.register
def _(layer: TiedAutoencoder, p: Any, x: torch.Tensor) -> torch.Tensor:
    h = apply(layer.inner, p["f"], F.linear(x, p["W"].T, p["b"]))
    return F.linear(h, p["W"], p["c"])


@apply.register
def _(layer: Circuit, p: Any, x: Any) -> Any:
    return layer.program(torch, **p)
