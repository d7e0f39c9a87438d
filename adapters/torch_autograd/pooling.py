"""Pooling and resampling in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from ...reference.layers.adaptive_avg_pool2d import AdaptiveAvgPool2d
from ...reference.layers.avg_pool2d import AvgPool2d
from ...reference.layers.global_avg_pool2d import GlobalAvgPool2d
from ...reference.layers.global_max_pool2d import GlobalMaxPool2d
from ...reference.layers.lp_pool2d import LPPool2d
from ...reference.layers.max_pool1d import MaxPool1d
from ...reference.layers.max_pool2d import MaxPool2d
from ...reference.layers.prod import Prod
from ...reference.layers.upsample_bilinear2d import UpsampleBilinear2d
from ...reference.layers.upsample_nearest2d import UpsampleNearest2d
from .registry import apply


@apply.register
def _(layer: MaxPool1d, p: Any, x: torch.Tensor) -> torch.Tensor:
    stride: Any = layer.stride
    return F.max_pool1d(x, layer.kernel, stride, layer.padding, ceil_mode=layer.ceil)


@apply.register
def _(layer: MaxPool2d, p: Any, x: torch.Tensor) -> torch.Tensor:
    stride: Any = layer.stride
    return F.max_pool2d(x, layer.kernel, stride, layer.padding, ceil_mode=layer.ceil)


@apply.register
def _(layer: AvgPool2d, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.avg_pool2d(
        x, layer.kernel, layer.stride, layer.padding, layer.ceil, layer.count_include_pad
    )


@apply.register
def _(layer: LPPool2d, p: Any, x: torch.Tensor) -> torch.Tensor:
    kernel: Any = layer.kernel
    stride: Any = layer.stride
    return F.lp_pool2d(x.abs(), layer.p, kernel, stride)  # which has x^p where we have |x|^p


@apply.register
def _(layer: AdaptiveAvgPool2d, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.adaptive_avg_pool2d(x, layer.size)


@apply.register
def _(layer: GlobalAvgPool2d, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.adaptive_avg_pool2d(x, (1, 1)).flatten(1)


@apply.register
def _(layer: GlobalMaxPool2d, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.max_pool2d(x, x.shape[2:]).flatten(1)  # amax would share a tie's cotangent


@apply.register
def _(layer: UpsampleNearest2d, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, layer.size, mode="nearest-exact" if layer.centred else "nearest")


@apply.register
def _(layer: UpsampleBilinear2d, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, layer.size, mode="bilinear", align_corners=layer.align_corners)


@apply.register
def _(layer: Prod, p: Any, x: torch.Tensor) -> torch.Tensor:
    return x.prod(dim=layer.axis)
