"""Gated, smooth and learned activations in JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ...reference.layers.glu import GLU
from ...reference.layers.log_sigmoid import LogSigmoid
from ...reference.layers.log_softmax import LogSoftmax
from ...reference.layers.maxout import Maxout
from ...reference.layers.prelu import PReLU
from ...reference.layers.softmin import Softmin
from ...reference.layers.softplus import Softplus
from ...reference.layers.softsign import Softsign
from ...reference.layers.swiglu import SwiGLU
from ...reference.layers.tanh_shrink import TanhShrink
from ..protocols import own_formula
from .flax_modules import flax, run
from .registry import apply


@apply.register
def _(layer: PReLU, p: Any, x: jax.Array) -> jax.Array:
    def prelu(a: jax.Array, x: jax.Array) -> jax.Array:
        return run(flax().linen.PReLU(), {"negative_slope": a}, x)

    if layer.n is None:
        return prelu(p["a"][0], x)
    return jax.vmap(prelu, (0, 1), 1)(p["a"], x)  # flax has one slope for all channels


@apply.register
def _(layer: LogSigmoid, p: Any, x: jax.Array) -> jax.Array:
    return jax.nn.log_sigmoid(x)


@apply.register
@own_formula("jax.nn.softplus, which is flax's too, has no beta and no threshold")
def _(layer: Softplus, p: Any, x: jax.Array) -> jax.Array:
    z = layer.beta * x
    return jnp.where(z > layer.threshold, x, jax.nn.softplus(z) / layer.beta)


@apply.register
def _(layer: Softsign, p: Any, x: jax.Array) -> jax.Array:
    return jax.nn.soft_sign(x)


@apply.register
@own_formula("neither jax nor flax has TanhShrink")
def _(layer: TanhShrink, p: Any, x: jax.Array) -> jax.Array:
    return x - jnp.tanh(x)


@apply.register
def _(layer: GLU, p: Any, x: jax.Array) -> jax.Array:
    return jax.nn.glu(x, axis=layer.axis)


@apply.register
@own_formula("neither jax nor flax has SwiGLU")
def _(layer: SwiGLU, p: Any, x: jax.Array) -> jax.Array:
    z, v = jnp.matmul(x, p["W"]), jnp.matmul(x, p["V"])
    if layer.bias:
        z, v = z + p["b"], v + p["c"]
    return jax.nn.silu(z) * v


@apply.register
def _(layer: LogSoftmax, p: Any, x: jax.Array) -> jax.Array:
    return jax.nn.log_softmax(x, axis=layer.axis)


@apply.register
@own_formula("neither jax nor flax has softmin")
def _(layer: Softmin, p: Any, x: jax.Array) -> jax.Array:
    return jax.nn.softmax(-x, axis=layer.axis)


@apply.register
@own_formula("neither jax nor flax has Maxout")
def _(layer: Maxout, p: Any, x: jax.Array) -> jax.Array:
    z = jnp.matmul(x, p["W"])
    z = (z + p["b"] if layer.bias else z).reshape(*x.shape[:-1], layer.n_out, layer.pieces)
    first = jnp.argmax(z, axis=-1, keepdims=True)  # max would share a tie
    return jnp.take_along_axis(z, first, axis=-1).squeeze(-1)
