"""Activations in JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ...reference.layers.relu import ReLU
from ...reference.layers.sigmoid import Sigmoid
from ...reference.layers.softmax import Softmax
from ...reference.layers.tanh import Tanh
from .registry import apply


@apply.register
def _(layer: Sigmoid, p: Any, x: jax.Array) -> jax.Array:
    return jax.nn.sigmoid(x)


@apply.register
def _(layer: Tanh, p: Any, x: jax.Array) -> jax.Array:
    return jnp.tanh(x)


@apply.register
def _(layer: ReLU, p: Any, x: jax.Array) -> jax.Array:
    return jax.nn.relu(x)


@apply.register
def _(layer: Softmax, p: Any, x: jax.Array) -> jax.Array:
    return jax.nn.softmax(x, axis=layer.axis)
