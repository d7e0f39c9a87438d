"""Scheduled: an optimizer whose learning rate changes from update to update."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import final

import numpy as np

from ..draws import many, normal
from ..protocols import Array, Function, Optimizer, Sample
from ..schedules.cosine_decay import CosineDecay
from ..schedules.exponential_decay import ExponentialDecay
from ..schedules.step_decay import StepDecay
from ..schedules.warmup_cosine import WarmupCosine
from ..training import is_whole
from ..updates import State
from .adamw import AdamW
from .lbfgs import LBFGS
from .rmsprop import RMSprop
from .sgd import SGD


@final
@dataclass(frozen=True)
class Scheduled:
    """w ← the update t of ``optimizer`` with the rate η = schedule(t), t from 1

    The optimizer's own lr is not used. The first update has the first rate: the schedule takes its
    step after the optimizer (Source: torch's "How to adjust learning rate"; optax counts the
    updates done). Raises nothing of its own.
    """

    optimizer: Optimizer = field(default=SGD(momentum=0.9))
    schedule: Function = field(default=ExponentialDecay(0.1, 0.97))

    @property
    def whole(self) -> bool:
        return is_whole(self.optimizer)

    def at(self, t: int) -> Optimizer:
        rate = self.schedule(np.asarray([t]))[0]
        rate = rate.item() if isinstance(rate, np.generic) else rate  # as precise as w, no more
        return replace(self.optimizer, lr=rate)  # type: ignore[type-var]

    def init(self, w: Array) -> State:
        return self.at(1).init(w)

    def update(self, g: Array, state: State, w: Array, t: int) -> tuple[Array, State]:
        return self.at(t).update(g, state, w, t)

    @staticmethod
    def samples() -> Iterator[Sample]:
        rms, decay = RMSprop(0.0, 0.8, 1e-2, 0.1, 0.7, True), ExponentialDecay(0.05, 0.97)
        warm = WarmupCosine(1.0, 9, 95, 0.1)  # longer than any test, after which torch goes up
        yield Sample(Scheduled(SGD(momentum=0.9), StepDecay(0.1, 13, 0.5)), normal(3))
        yield Sample(Scheduled(rms, decay), normal(4, 3))
        yield Sample(Scheduled(replace(rms, lr_in_buffer=True), decay), normal(2, 3))
        yield Sample(Scheduled(AdamW(eps=1e-12), warm), normal(5), gradient_scale=1e-8)
        yield Sample(Scheduled(AdamW(), CosineDecay(0.01, 120)), normal(5), gradient_scale=1e4)
        yield Sample(Scheduled(LBFGS(memory=3), ExponentialDecay(1.2, 0.99)), many((4,), (2, 3)))
