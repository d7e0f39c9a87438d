"""Activations in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from ...reference.layers.celu import CELU
from ...reference.layers.elu import ELU
from ...reference.layers.gelu import GELU
from ...reference.layers.hard_shrink import HardShrink
from ...reference.layers.hard_sigmoid import HardSigmoid
from ...reference.layers.hard_swish import HardSwish
from ...reference.layers.hard_tanh import HardTanh
from ...reference.layers.leaky_relu import LeakyReLU
from ...reference.layers.mish import Mish
from ...reference.layers.relu import ReLU
from ...reference.layers.relu6 import ReLU6
from ...reference.layers.selu import SELU
from ...reference.layers.sigmoid import Sigmoid
from ...reference.layers.silu import SiLU
from ...reference.layers.soft_shrink import SoftShrink
from ...reference.layers.softmax import Softmax
from ...reference.layers.tanh import Tanh
from ...reference.layers.threshold import Threshold
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


@apply.register
def _(layer: LeakyReLU, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.leaky_relu(x, layer.slope)


@apply.register
def _(layer: ELU, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.elu(x, layer.alpha)


@apply.register
def _(layer: SELU, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.selu(x)


@apply.register
def _(layer: CELU, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.celu(x, layer.alpha)


@apply.register
def _(layer: GELU, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.gelu(x, approximate=layer.approximate)


@apply.register
def _(layer: SiLU, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.silu(x)


@apply.register
def _(layer: Mish, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.mish(x)


@apply.register
def _(layer: HardSigmoid, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.hardsigmoid(x)


@apply.register
def _(layer: HardSwish, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.hardswish(x)


@apply.register
def _(layer: HardTanh, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.hardtanh(x, layer.low, layer.high)


@apply.register
def _(layer: ReLU6, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.relu6(x)


@apply.register
def _(layer: SoftShrink, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.softshrink(x, layer.threshold)


@apply.register
def _(layer: HardShrink, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.hardshrink(x, layer.threshold)


@apply.register
def _(layer: Threshold, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.threshold(x, layer.threshold, layer.value)
