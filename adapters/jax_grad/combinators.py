"""Combinators: layers made of layers in JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ...reference.circuit import Circuit
from ...reference.layers.add import Add
from ...reference.layers.concat import Concat
from ...reference.layers.repeat import Repeat
from ...reference.layers.residual import Residual
from ...reference.layers.sequential import Sequential
from ...reference.layers.tied_autoencoder import TiedAutoencoder
from .registry import apply


@apply.register
def _(layer: Sequential, p: Any, x: jax.Array) -> jax.Array:
    for i, (inner, q) in enumerate(zip(layer.layers, p, strict=True)):
        with jax.named_scope(f"{i} {type(inner).__name__}"):  # as a jaxpr will name its equations
            x = apply(inner, q, x)
    return x


@apply.register
def _(layer: Residual, p: Any, x: jax.Array) -> jax.Array:
    return x + apply(layer.inner, p, x)


def _branches(layer: Concat | Add, p: Any, x: jax.Array) -> list[jax.Array]:
    return [apply(branch, q, x) for branch, q in zip(layer.branches, p, strict=True)]


@apply.register
def _(layer: Concat, p: Any, x: jax.Array) -> jax.Array:
    return jnp.concatenate(_branches(layer, p, x), axis=layer.axis)


@apply.register
def _(layer: Add, p: Any, x: jax.Array) -> jax.Array:
    y, *rest = _branches(layer, p, x)
    for branch in rest:
        y = y + branch
    return y


@apply.register
def _(layer: Repeat, p: Any, x: jax.Array) -> jax.Array:
    for _ in range(layer.times):
        x = apply(layer.inner, p, x)
    return x


@apply.register
def _(layer: TiedAutoencoder, p: Any, x: jax.Array) -> jax.Array:
    h = apply(layer.inner, p["f"], x @ p["W"] + p["b"])
    return h @ p["W"].T + p["c"]


@apply.register
def _(layer: Circuit, p: Any, x: Any) -> Any:
    return layer.program(jnp, **p)
