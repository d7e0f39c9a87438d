"""Convolutions in JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ...reference.layers.conv1d import Conv1d
from ...reference.layers.conv2d import Conv2d
from ...reference.layers.conv3d import Conv3d
from ...reference.layers.conv_transpose1d import ConvTranspose1d
from ...reference.layers.conv_transpose2d import ConvTranspose2d
from ...reference.layers.pixel_shuffle import PixelShuffle
from ..protocols import own_formula
from .registry import apply


def per_axis(value: Any, axes: int) -> tuple[Any, ...]:
    """One value for each axis, where one for all may be given."""
    return value if isinstance(value, tuple) else (value,) * axes


def pairs(padding: Any, axes: int) -> list[tuple[int, int]]:
    """Padding before and behind each axis, as jax.lax takes it."""
    return [p if isinstance(p, tuple) else (p, p) for p in per_axis(padding, axes)]


def _convolve(layer: Conv1d | Conv2d | Conv3d, p: Any, x: jax.Array) -> jax.Array:
    axes = x.ndim - 2
    named = isinstance(layer.padding, str)
    padding: Any = str(layer.padding).upper() if named else pairs(layer.padding, axes)
    y = lax.conv_general_dilated(
        x, p["W"], per_axis(layer.stride, axes), padding,
        rhs_dilation=per_axis(layer.dilation, axes), feature_group_count=layer.groups,
    )  # fmt: skip
    return y + p["b"].reshape(-1, *(1,) * axes)


@apply.register
def _(layer: Conv1d, p: Any, x: jax.Array) -> jax.Array:
    return _convolve(layer, p, x)


@apply.register
def _(layer: Conv2d, p: Any, x: jax.Array) -> jax.Array:
    return _convolve(layer, p, x)


@apply.register
def _(layer: Conv3d, p: Any, x: jax.Array) -> jax.Array:
    return _convolve(layer, p, x)


def _transpose(layer: Any, p: Any, x: jax.Array, dimensions: tuple[str, str, str]) -> jax.Array:
    """lax counts the zeros that the dilated x is put in: d (K - 1) - p, where torch crops p of y.

    It flips the kernel unless told otherwise, and knows no groups.
    """
    axes = x.ndim - 2
    stride, dilation, more = (
        per_axis(n, axes) for n in (layer.stride, layer.dilation, layer.output_padding)
    )
    whole = [d * (k - 1) for d, k in zip(dilation, p["W"].shape[2:], strict=True)]
    cropped = per_axis(layer.padding, axes)
    padding = [(w - c, w - c + m) for w, c, m in zip(whole, cropped, more, strict=True)]
    y = [
        lax.conv_transpose(
            part, W, stride, padding, rhs_dilation=dilation,
            dimension_numbers=dimensions, transpose_kernel=True,
        )
        for part, W in zip(
            jnp.split(x, layer.groups, axis=1), jnp.split(p["W"], layer.groups), strict=True
        )
    ]  # fmt: skip
    return jnp.concatenate(y, axis=1) + p["b"].reshape(-1, *(1,) * axes)


@apply.register
def _(layer: ConvTranspose1d, p: Any, x: jax.Array) -> jax.Array:
    return _transpose(layer, p, x, ("NCH", "OIH", "NCH"))


@apply.register
def _(layer: ConvTranspose2d, p: Any, x: jax.Array) -> jax.Array:
    return _transpose(layer, p, x, ("NCHW", "OIHW", "NCHW"))


@apply.register
@own_formula("neither jax nor flax has a pixel shuffle")
def _(layer: PixelShuffle, p: Any, x: jax.Array) -> jax.Array:
    (N, _, H, W), r = x.shape, layer.factor
    return x.reshape(N, -1, r, r, H, W).transpose(0, 1, 4, 2, 5, 3).reshape(N, -1, r * H, r * W)
