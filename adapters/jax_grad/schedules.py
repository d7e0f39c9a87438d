"""Learning-rate schedules in JAX: optax.schedules, which count the updates done from 0."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from ...reference.schedules.cosine_decay import CosineDecay
from ...reference.schedules.cosine_restarts import CosineRestarts
from ...reference.schedules.exponential_decay import ExponentialDecay
from ...reference.schedules.linear_rate import LinearRate
from ...reference.schedules.multi_step_decay import MultiStepDecay
from ...reference.schedules.noam import Noam
from ...reference.schedules.one_cycle import OneCycle
from ...reference.schedules.plateau import Plateau
from ...reference.schedules.polynomial_decay import PolynomialDecay
from ...reference.schedules.step_decay import StepDecay
from ...reference.schedules.triangular import Triangular
from ...reference.schedules.warmup_cosine import WarmupCosine
from ..protocols import Unsupported, own_formula
from .registry import evaluate


def _rates(schedule: Any, t: jax.Array) -> jax.Array:
    """The rates of the updates t of an optax schedule, in the default float type."""
    return jnp.asarray(jax.vmap(schedule)(t - 1), jnp.result_type(float))


@evaluate.register
def _(schedule: StepDecay, t: jax.Array) -> jax.Array:
    c = schedule
    return _rates(optax.exponential_decay(c.lr, c.every, c.factor, staircase=True), t)


@evaluate.register
def _(schedule: MultiStepDecay, t: jax.Array) -> jax.Array:
    drops = dict.fromkeys(schedule.milestones, schedule.factor)
    return _rates(optax.piecewise_constant_schedule(schedule.lr, drops), t)


@evaluate.register
def _(schedule: ExponentialDecay, t: jax.Array) -> jax.Array:
    return _rates(optax.exponential_decay(schedule.lr, 1, schedule.factor), t)


@evaluate.register
def _(schedule: LinearRate, t: jax.Array) -> jax.Array:
    c = schedule
    return _rates(optax.linear_schedule(c.lr * c.start, c.lr * c.end, c.total), t)


@evaluate.register
def _(schedule: PolynomialDecay, t: jax.Array) -> jax.Array:
    c = schedule
    return _rates(optax.polynomial_schedule(c.lr, c.end, c.power, c.total), t)


@evaluate.register
def _(schedule: CosineDecay, t: jax.Array) -> jax.Array:
    c = schedule
    if c.returns and int(t.max()) > c.total + 1:
        raise Unsupported("optax.cosine_decay_schedule stays at its end")
    return _rates(optax.cosine_decay_schedule(c.lr, c.total, c.end / c.lr), t)


@evaluate.register
def _(schedule: CosineRestarts, t: jax.Array) -> jax.Array:
    c = schedule
    cycles = [
        {"init_value": c.lr, "peak_value": c.lr, "warmup_steps": 0, "decay_steps": length,
         "end_value": c.end}
        for length in c.cycles(int(t.max()))
    ]  # fmt: skip
    return _rates(optax.sgdr_schedule(cycles), t)


@evaluate.register
def _(schedule: OneCycle, t: jax.Array) -> jax.Array:
    c = schedule
    if c.inclusive:
        raise Unsupported("optax.cosine_onecycle_schedule has its final rate after the last update")
    return _rates(optax.cosine_onecycle_schedule(
        c.total, c.lr, c.rise, c.divisor, c.final_divisor
    ), t)  # fmt: skip


@evaluate.register
def _(schedule: WarmupCosine, t: jax.Array) -> jax.Array:
    c = schedule
    return _rates(optax.warmup_cosine_decay_schedule(
        c.lr * c.start, c.lr, c.warmup, c.warmup + c.decay, c.end
    ), t)  # fmt: skip


@evaluate.register
@own_formula("optax has no such schedule")
def _(schedule: Noam, t: jax.Array) -> jax.Array:
    w = schedule.warmup
    x = t.astype(jnp.result_type(float))
    return schedule.lr * jnp.minimum(jax.lax.rsqrt(x), x * w**-1.5)


@evaluate.register
@own_formula("optax has no such schedule: linear ones, joined")
def _(schedule: Triangular, t: jax.Array) -> jax.Array:
    c = schedule
    rise = optax.linear_schedule(c.low, c.high, c.half)
    fall = optax.linear_schedule(c.high, c.low, c.half)
    halves = -(-int(t.max()) // c.half)
    alternating = [rise if i % 2 == 0 else fall for i in range(halves)]
    return _rates(optax.join_schedules(
        alternating, [c.half * i for i in range(1, halves)]
    ), t)  # fmt: skip


@evaluate.register
def _(schedule: Plateau, t: jax.Array) -> jax.Array:
    c = schedule
    if c.patient:
        raise Unsupported(
            "optax's reduce_on_plateau waits for no more bad losses than its patience"
        )
    reduce = optax.contrib.reduce_on_plateau(
        c.factor, c.patience, rtol=c.threshold, cooldown=c.cooldown, min_scale=c.floor
    )
    one = jnp.ones((), jnp.result_type(float))
    state = reduce.init(one)
    scales = [state.scale]
    for loss in c.losses:
        _, state = reduce.update(one, state, value=jnp.asarray(loss, one.dtype))
        scales.append(state.scale)
    return c.lr * jnp.stack(scales)[t - 1]
