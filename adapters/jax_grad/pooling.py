"""Pooling and resampling in JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

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
from ..protocols import Unsupported, own_formula
from .convolution import pairs, per_axis
from .flax_modules import flax
from .registry import apply


def _behind(n: int, k: int, s: int, p: int, ceil: bool) -> int:
    """The padding behind n entries: with ceil mode what the last window lacks too."""
    windows = (n + 2 * p - k) // s + 1
    if ceil and (n + 2 * p - k) % s and windows * s < n + p:
        windows += 1
    return max((windows - 1) * s + k - n - p, p)


def _strides(layer: Any, axes: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    kernel = per_axis(layer.kernel, axes)
    return kernel, kernel if layer.stride is None else per_axis(layer.stride, axes)


def _width(layer: Any, sizes: tuple[int, ...], padding: Any) -> list[tuple[int, int]]:
    """The padding before and behind each axis."""
    before = [p for p, _ in pairs(padding, len(sizes))]
    each = zip(sizes, *_strides(layer, len(sizes)), before, strict=True)
    ceil = getattr(layer, "ceil", False)
    return [(p, _behind(n, k, s, p, ceil)) for n, k, s, p in each]


def _reduce(
    layer: Any, x: Any, start: float, reduction: Callable[..., Any], width: list[tuple[int, int]]
) -> jax.Array:
    kernel, stride = _strides(layer, x.ndim - 2)
    return lax.reduce_window(
        x, start, reduction, (1, 1, *kernel), (1, 1, *stride), [(0, 0), (0, 0), *width]
    )


def _largest(layer: MaxPool1d | MaxPool2d, x: jax.Array) -> jax.Array:
    return _reduce(layer, x, -jnp.inf, lax.max, _width(layer, x.shape[2:], layer.padding))


@apply.register
def _(layer: MaxPool1d, p: Any, x: jax.Array) -> jax.Array:
    return _largest(layer, x)


@apply.register
def _(layer: MaxPool2d, p: Any, x: jax.Array) -> jax.Array:
    return _largest(layer, x)


@apply.register
def _(layer: AvgPool2d, p: Any, x: jax.Array) -> jax.Array:
    width = _width(layer, x.shape[2:], layer.padding)
    if layer.count_include_pad and any(p < q for p, q in width):
        raise Unsupported("flax's avg_pool counts what ceil mode adds behind as padding")
    y: jax.Array = flax().linen.avg_pool(
        jnp.moveaxis(x, 1, -1), *_strides(layer, 2), width, layer.count_include_pad
    )
    return jnp.moveaxis(y, -1, 1)


@apply.register
@own_formula("neither jax nor flax has norms over windows: sums, of powers")
def _(layer: LPPool2d, p: Any, x: jax.Array) -> jax.Array:
    width = _width(layer, x.shape[2:], padding=0)
    total = _reduce(layer, jnp.abs(x) ** layer.p, 0.0, lax.add, width)
    some = total > 0  # a root's slope at 0 would make NaN
    return jnp.where(some, jnp.where(some, total, 1) ** (1 / layer.p), 0)


@apply.register
@own_formula("neither jax nor flax has adaptive pooling")
def _(layer: AdaptiveAvgPool2d, p: Any, x: jax.Array) -> jax.Array:
    for axis, parts in zip((2, 3), layer.size, strict=True):
        n = x.shape[axis]
        cuts = [(i * n // parts, -(-(i + 1) * n // parts)) for i in range(parts)]
        means = [lax.slice_in_dim(x, *cut, axis=axis).mean(axis) for cut in cuts]
        x = jnp.stack(means, axis)
    return x


@apply.register
def _(layer: GlobalAvgPool2d, p: Any, x: jax.Array) -> jax.Array:
    return jnp.mean(x, axis=(2, 3))


@apply.register
def _(layer: GlobalMaxPool2d, p: Any, x: jax.Array) -> jax.Array:
    whole = (1, 1, *x.shape[2:])  # jnp.max would share a tie's cotangent
    return lax.reduce_window(x, -jnp.inf, lax.max, whole, whole, "VALID").reshape(x.shape[:2])


@apply.register
def _(layer: UpsampleNearest2d, p: Any, x: jax.Array) -> jax.Array:
    multiple = all(m % n == 0 for m, n in zip(layer.size, x.shape[2:], strict=True))
    if not (layer.centred or multiple):
        raise Unsupported("jax.image.resize takes the nearest to a pixel's centre only")
    return jax.image.resize(x, (*x.shape[:2], *layer.size), "nearest")


@apply.register
def _(layer: UpsampleBilinear2d, p: Any, x: jax.Array) -> jax.Array:
    shape = (*x.shape[:2], *layer.size)
    if not layer.align_corners:
        return jax.image.resize(x, shape, "linear", antialias=False)
    # Scaled about the centre of the first pixel, half a pixel from the corner.
    each = zip(layer.size, x.shape[2:], strict=True)
    scale = np.array([(m - 1) / (n - 1) if n > 1 and m > 1 else 1.0 for m, n in each])
    return jax.image.scale_and_translate(
        x, shape, (2, 3), jnp.asarray(scale, x.dtype), jnp.asarray((1 - scale) / 2, x.dtype),
        "linear", antialias=False,
    )  # fmt: skip


@apply.register
def _(layer: Prod, p: Any, x: jax.Array) -> jax.Array:
    return jnp.prod(x, axis=layer.axis)
