"""Shapes in JAX."""

from __future__ import annotations

from typing import Any

import jax

from ...reference.layers.flatten import Flatten
from .registry import apply


@apply.register
def _(layer: Flatten, p: Any, x: jax.Array) -> jax.Array:
    return x.reshape(x.shape[0], -1)
