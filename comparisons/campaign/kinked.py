"""Networks with some entries on a kink, up to rounding: biases and inputs are chosen for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...reference.protocols import Layer, Tree
from ...reference.tree import as_dtype
from ..cases import draw_params
from .architectures import L, Rng

Kinked = tuple[Layer, Tree, Any]  # a network, its parameters and an input
Make = Callable[[Rng, int, Any], Kinked]  # with so many entries on a kink, in a dtype


def _wide(tree: Tree) -> Tree:
    return as_dtype(tree, np.float64)


def _draw(network: Layer, shape: tuple[int, ...], rng: Rng, dtype: Any) -> tuple[Tree, Any]:
    x = rng.standard_normal(shape).astype(dtype)
    return draw_params(network, rng, np.dtype(dtype)), x


def _dense(activation: Layer) -> Make:
    """Biases that make pre-activations zero; of the lower layer first: they move the upper."""
    network = L.Sequential(
        L.Dense(6, 24), activation, L.Dense(24, 16), activation, L.Dense(16, 3)
    )  # fmt: skip

    def make(rng: Rng, count: int, dtype: Any) -> Kinked:
        params, x = _draw(network, (24, 6), rng, dtype)
        for i, here in ((0, (count + 1) // 2), (2, count // 2)):
            below = L.Sequential(*network.layers[:i])
            hidden, _ = below.forward(_wide(params[:i]), _wide(x))
            z = hidden @ _wide(params[i]["W"])
            for unit in rng.choice(z.shape[1], here, replace=False):
                params[i]["b"][unit] = -z[rng.integers(len(z)), unit]
        return network, params, x

    return make


def _maxout(rng: Rng, count: int, dtype: Any) -> Kinked:
    """Biases that make two pieces of a unit equal in one sample."""
    network = L.Sequential(L.Maxout(5, 8, 2), L.Dense(8, 3))
    params, x = _draw(network, (12, 5), rng, dtype)
    z = _wide(x) @ _wide(params[0]["W"])
    for unit in rng.choice(8, count, replace=False):
        n, b = rng.integers(12), params[0]["b"]
        b[2 * unit] = z[n, 2 * unit + 1] - z[n, 2 * unit] + _wide(b)[2 * unit + 1]
    return network, params, x


def _pool(rng: Rng, count: int, dtype: Any) -> Kinked:
    """Pixels that make the largest two outputs of a window equal."""
    network = L.Sequential(L.Conv2d(3, 2, 1), L.MaxPool2d(2), L.Flatten(), L.Dense(12, 3))
    params, x = _draw(network, (2, 3, 4, 6), rng, dtype)
    w = _wide(params[0]["W"])[0, :, 0, 0]
    for k in rng.choice(12, count, replace=False):
        n, i, j = np.unravel_index(k, (2, 2, 3))
        window = _wide(x)[n, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].reshape(3, 4)
        z = w @ window
        top, other = np.argsort(z)[::-1][:2]
        pixel = (z[top] - w[1:] @ window[1:, other]) / w[0]
        x[n, 0, 2 * i + other // 2, 2 * j + other % 2] = pixel
    return network, params, x


KINDS: dict[str, Make] = {
    "relu": _dense(L.ReLU()), "leaky relu": _dense(L.LeakyReLU(0.1)),
    "maxout": _maxout, "max pool": _pool,
}  # fmt: skip
COUNTS = (1, 2, 3, 4, 5, 6)


def kinked(kind: str, number: int, dtype: Any, base: int = 0) -> Kinked:
    """The case of that number and kind, with one to six entries on a kink in turn."""
    rng = np.random.default_rng([number, list(KINDS).index(kind), base])
    return KINDS[kind](rng, COUNTS[number % len(COUNTS)], dtype)
