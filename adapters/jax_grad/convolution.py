"""Convolutions in JAX."""

from __future__ import annotations

from typing import Any

import jax
from jax import lax

from ...reference.layers.conv2d import Conv2d
from .registry import apply


@apply.register
def _(layer: Conv2d, p: Any, x: jax.Array) -> jax.Array:
    strides, padding = (layer.stride,) * 2, [(layer.padding,) * 2] * 2
    return lax.conv_general_dilated(x, p["W"], strides, padding) + p["b"][:, None, None]
