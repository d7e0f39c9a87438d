"""Activations in JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

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
from ..protocols import Unsupported, own_formula
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


@apply.register
def _(layer: LeakyReLU, p: Any, x: jax.Array) -> jax.Array:
    return jax.nn.leaky_relu(x, layer.slope)


@apply.register
def _(layer: ELU, p: Any, x: jax.Array) -> jax.Array:
    return jax.nn.elu(x, layer.alpha)


@apply.register
def _(layer: SELU, p: Any, x: jax.Array) -> jax.Array:
    return jax.nn.selu(x)


@apply.register
def _(layer: CELU, p: Any, x: jax.Array) -> jax.Array:
    return jax.nn.celu(x, layer.alpha)


@apply.register
def _(layer: GELU, p: Any, x: jax.Array) -> jax.Array:
    return jax.nn.gelu(x, approximate=layer.approximate == "tanh")


@apply.register
def _(layer: SiLU, p: Any, x: jax.Array) -> jax.Array:
    return jax.nn.silu(x)


@apply.register
def _(layer: Mish, p: Any, x: jax.Array) -> jax.Array:
    return jax.nn.mish(x)


@apply.register
def _(layer: HardSigmoid, p: Any, x: jax.Array) -> jax.Array:
    return jax.nn.hard_sigmoid(x)


@apply.register
def _(layer: HardSwish, p: Any, x: jax.Array) -> jax.Array:
    return jax.nn.hard_swish(x)


@apply.register
def _(layer: ReLU6, p: Any, x: jax.Array) -> jax.Array:
    return jax.nn.relu6(x)


@apply.register
@own_formula("neither jax nor flax has soft shrinkage")
def _(layer: SoftShrink, p: Any, x: jax.Array) -> jax.Array:
    return jnp.where(jnp.abs(x) > layer.threshold, x - jnp.sign(x) * layer.threshold, 0)


@apply.register
@own_formula("neither jax nor flax has hard shrinkage")
def _(layer: HardShrink, p: Any, x: jax.Array) -> jax.Array:
    return jnp.where(jnp.abs(x) > layer.threshold, x, 0)


@apply.register
@own_formula("neither jax nor flax has a threshold")
def _(layer: Threshold, p: Any, x: jax.Array) -> jax.Array:
    return jnp.where(x > layer.threshold, x, layer.value)


@apply.register
def _(layer: HardTanh, p: Any, x: jax.Array) -> jax.Array:
    if (layer.low, layer.high) != (-1, 1):
        raise Unsupported("jax.nn.hard_tanh has the limits -1 and 1")
    return jax.nn.hard_tanh(x)
