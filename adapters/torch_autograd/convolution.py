"""Convolutions in PyTorch."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from ...reference.layers.conv1d import Conv1d
from ...reference.layers.conv2d import Conv2d
from ...reference.layers.conv3d import Conv3d
from ...reference.layers.conv_transpose1d import ConvTranspose1d
from ...reference.layers.conv_transpose2d import ConvTranspose2d
from ...reference.layers.pixel_shuffle import PixelShuffle
from ..protocols import Unsupported
from .registry import apply


def _convolve(
    convolution: Callable[..., torch.Tensor], layer: Any, p: Any, x: torch.Tensor
) -> torch.Tensor:
    padding = layer.padding
    strides = layer.stride if isinstance(layer.stride, tuple) else (layer.stride,)
    if padding == "same" and max(strides) > 1:
        raise Unsupported("torch: padding='same' is not supported for strided convolutions")
    if isinstance(padding, tuple):  # torch pads both sides alike: F.pad takes the last axis first
        pairs = [n if isinstance(n, tuple) else (n, n) for n in reversed(padding)]
        x, padding = F.pad(x, [n for pair in pairs for n in pair]), 0
    with warnings.catch_warnings():  # that an even kernel's "same" takes a copy of x
        warnings.filterwarnings("ignore", "Using padding='same'")
        return convolution(
            x, p["W"], p["b"], stride=layer.stride, padding=padding, dilation=layer.dilation,
            groups=layer.groups,
        )  # fmt: skip


@apply.register
def _(layer: Conv1d, p: Any, x: torch.Tensor) -> torch.Tensor:
    return _convolve(F.conv1d, layer, p, x)


@apply.register
def _(layer: Conv2d, p: Any, x: torch.Tensor) -> torch.Tensor:
    return _convolve(F.conv2d, layer, p, x)


@apply.register
def _(layer: Conv3d, p: Any, x: torch.Tensor) -> torch.Tensor:
    return _convolve(F.conv3d, layer, p, x)


def _transpose(
    convolution: Callable[..., torch.Tensor], layer: Any, p: Any, x: torch.Tensor
) -> torch.Tensor:
    return convolution(
        x, p["W"], p["b"], stride=layer.stride, padding=layer.padding,
        output_padding=layer.output_padding, groups=layer.groups, dilation=layer.dilation,
    )  # fmt: skip


@apply.register
def _(layer: ConvTranspose1d, p: Any, x: torch.Tensor) -> torch.Tensor:
    return _transpose(F.conv_transpose1d, layer, p, x)


@apply.register
def _(layer: ConvTranspose2d, p: Any, x: torch.Tensor) -> torch.Tensor:
    return _transpose(F.conv_transpose2d, layer, p, x)


@apply.register
def _(layer: PixelShuffle, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.pixel_shuffle(x, layer.factor)
