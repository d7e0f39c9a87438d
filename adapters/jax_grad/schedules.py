"""Learning-rate schedules in JAX: optax.schedules, which count the updates done from 0."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import optax

from ...reference.optimizers.scheduled import Scheduled
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
from .registry import Built, build, evaluate, rate, rates


@rate.register
def _(schedule: StepDecay) -> optax.Schedule:
    return optax.exponential_decay(schedule.lr, schedule.every, schedule.factor, staircase=True)


@rate.register
def _(schedule: MultiStepDecay) -> optax.Schedule:
    drops = dict.fromkeys(schedule.milestones, schedule.factor)
    return optax.piecewise_constant_schedule(schedule.lr, drops)


@rate.register
def _(schedule: ExponentialDecay) -> optax.Schedule:
    return optax.exponential_decay(schedule.lr, 1, schedule.factor)


@rate.register
def _(schedule: LinearRate) -> optax.Schedule:
    c = schedule
    return optax.linear_schedule(c.lr * c.start, c.lr * c.end, c.total)


@rate.register
def _(schedule: PolynomialDecay) -> optax.Schedule:
    c = schedule
    return optax.polynomial_schedule(c.lr, c.end, c.power, c.total)


@rate.register
def _(schedule: CosineDecay) -> optax.Schedule:
    c = schedule
    if c.returns:
        raise Unsupported("optax.cosine_decay_schedule stays at its end")
    return optax.cosine_decay_schedule(c.lr, c.total, c.end / c.lr)


@rate.register
def _(schedule: OneCycle) -> optax.Schedule:
    c = schedule
    if c.inclusive:
        raise Unsupported("optax.cosine_onecycle_schedule has its final rate after the last update")
    return optax.cosine_onecycle_schedule(c.total, c.lr, c.rise, c.divisor, c.final_divisor)


@rate.register
def _(schedule: WarmupCosine) -> optax.Schedule:
    c = schedule
    return optax.warmup_cosine_decay_schedule(
        c.lr * c.start, c.lr, c.warmup, c.warmup + c.decay, c.end
    )  # fmt: skip


@rate.register
@own_formula("optax has no such schedule")
def _(schedule: Noam) -> optax.Schedule:
    c = schedule
    return lambda done: c.lr * jnp.minimum((done + 1.0) ** -0.5, (done + 1) * c.warmup**-1.5)


# These must be told when to end: they are evaluated, but an optimizer cannot follow them.


@evaluate.register
def _(schedule: CosineRestarts, t: jax.Array) -> jax.Array:
    c = schedule
    cycles = [
        {"init_value": c.lr, "peak_value": c.lr, "warmup_steps": 0, "decay_steps": length,
         "end_value": c.end}
        for length in c.cycles(int(t.max()))
    ]  # fmt: skip
    return rates(optax.sgdr_schedule(cycles), t)


@evaluate.register
@own_formula("optax has no such schedule: linear ones, joined")
def _(schedule: Triangular, t: jax.Array) -> jax.Array:
    c = schedule
    rise = optax.linear_schedule(c.low, c.high, c.half)
    fall = optax.linear_schedule(c.high, c.low, c.half)
    halves = -(-int(t.max()) // c.half)
    alternating = [rise if i % 2 == 0 else fall for i in range(halves)]
    return rates(optax.join_schedules(
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
    update = jax.jit(lambda loss, state: reduce.update(one, state, value=loss)[1])
    state = reduce.init(one)
    scales = [state.scale]
    for loss in c.losses:
        state = update(jnp.asarray(loss, one.dtype), state)
        scales.append(state.scale)
    return c.lr * jnp.stack(scales)[t - 1]


@rate.register
def _(schedule: CosineRestarts | Triangular | Plateau) -> optax.Schedule:
    name = type(schedule).__name__
    raise Unsupported(f"optax has no endless {name}: it is compared as a function, on its own")


@build.register
def _(optimizer: Scheduled) -> Built:
    inner: Any = optimizer.optimizer
    schedule = rate(optimizer.schedule)

    def lr(done: jax.Array) -> Any:
        """The rate; optax's int32 count would be divided in single precision, always."""
        return schedule(done.astype(jnp.result_type(float)))

    return build(replace(inner, lr=lr))
