"""Around the optimizer, in JAX: optax transformations of gradients."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from ...reference.transforms.accumulate import Accumulate
from ...reference.transforms.chain import Chain
from ...reference.transforms.clip_by_global_norm import ClipByGlobalNorm
from ...reference.transforms.clip_by_norm import ClipByNorm
from ...reference.transforms.clip_by_value import ClipByValue
from ...reference.transforms.exponential_average import ExponentialAverage
from ...reference.transforms.loss_scale import LossScale
from ...reference.tree import tree_map
from ..protocols import Unsupported, own_formula
from .flax_modules import flax
from .registry import evaluate


def _transformed(transformation: Any, grads: Any) -> Any:
    return jax.jit(lambda g: transformation.update(g, transformation.init(g))[0])(grads)


def _clipped(clip: ClipByGlobalNorm | ClipByNorm, grads: Any) -> Any:
    if clip.eps:
        raise Unsupported("optax.clip_by_global_norm adds nothing to the norm")
    return _transformed(optax.clip_by_global_norm(clip.max_norm), grads)


@evaluate.register
def _(clip: ClipByGlobalNorm, grads: Any) -> Any:
    return _clipped(clip, grads)


@evaluate.register
def _(clip: ClipByNorm, grads: Any) -> Any:
    return tree_map(lambda g: _clipped(clip, g), grads)


@evaluate.register
def _(clip: ClipByValue, grads: Any) -> Any:
    return _transformed(optax.clip(clip.limit), grads)


@evaluate.register
def _(accumulate: Accumulate, x: Any) -> jax.Array:
    g, _ = x
    if not accumulate.equal:
        raise Unsupported("optax.MultiSteps takes the mean of the means, whatever the counts")
    steps = optax.MultiSteps(optax.identity(), len(g), accumulator_dtype=g.dtype)
    w = jnp.zeros_like(g[0])
    state, update = steps.init(w), jax.jit(steps.update)
    for mean in g:
        w, state = update(mean, state, w)
    return w


@evaluate.register
def _(average: ExponentialAverage, w: jax.Array) -> jax.Array:
    if not average.debias:
        raise Unsupported("optax.ema starts at zero, not at the first weights")
    ema = optax.ema(average.decay, debias=True)
    state, averages, update = ema.init(w[0]), [], jax.jit(ema.update)
    for now in w:
        mean, state = update(now, state)
        averages.append(mean)
    return jnp.stack(averages)


@evaluate.register
def _(scale: LossScale, t: jax.Array) -> jax.Array:
    c = scale

    def follow(state: Any, overflow: jax.Array) -> Any:
        loss = state.value_and_grad(lambda w: w * jnp.where(overflow, jnp.inf, 1))
        return loss(jnp.ones(())).dynamic_scale, state.scale

    start = flax().training.dynamic_scale.DynamicScale(
        growth_factor=c.growth, backoff_factor=c.backoff,
        growth_interval=c.interval - 1,  # flax lets as many pass, and grows after the next
        fin_steps=jnp.asarray(0), scale=jnp.asarray(c.initial, jnp.result_type(float)),
    )  # fmt: skip
    return jax.lax.scan(follow, start, jnp.asarray([*c.overflows, False]))[1][t - 1]


@evaluate.register
@own_formula("optax.chain has one state for all: its transformations, one after the other")
def _(chain: Chain, x: Any) -> Any:
    for part in chain.parts:
        x = evaluate(part, x)
    return x
