"""Wrong schedules, most of them off by one."""

from __future__ import annotations

import dataclasses

import numpy as np

from ....reference.optimizers.adamw import AdamW
from ....reference.optimizers.scheduled import Scheduled
from ....reference.optimizers.sgd import SGD
from ....reference.schedules.cosine_decay import CosineDecay
from ....reference.schedules.cosine_restarts import CosineRestarts
from ....reference.schedules.exponential_decay import ExponentialDecay
from ....reference.schedules.linear_rate import LinearRate
from ....reference.schedules.multi_step_decay import MultiStepDecay
from ....reference.schedules.noam import Noam
from ....reference.schedules.one_cycle import OneCycle
from ....reference.schedules.plateau import Plateau
from ....reference.schedules.polynomial_decay import PolynomialDecay
from ....reference.schedules.step_decay import StepDecay
from ....reference.schedules.triangular import Triangular
from ....reference.schedules.warmup_cosine import WarmupCosine
from ..registry import wrong


@wrong("SC01", "drops one update early",
       revealed_by="the update before a drop",
       misses="nobody notices one update, and it converges")  # fmt: skip
class _(StepDecay):
    def __call__(self, t):
        return super().__call__(t + 1)


@wrong("SC02", "a milestone is the first update at the new rate",
       revealed_by="a milestone",
       misses="nobody notices one update, and it converges")  # fmt: skip
class _(MultiStepDecay):
    def __call__(self, t):
        return super().__call__(t + 1)


@wrong("SC00", "the first rate is skipped", revealed_by="the first update's rate",
       misses="a constant rate, or plateaus as long as an epoch; it converges")  # fmt: skip
class _(ExponentialDecay):
    def __call__(self, t):
        return super().__call__(t + 1)


@wrong("SC05", "the power is taken of what is done, not of what is left",
       misses="both fall from the same first to the same last rate, and it converges")  # fmt: skip
class _(PolynomialDecay):
    def __call__(self, t):
        done = np.minimum(t - 1, self.total) / self.total
        return self.lr - (self.lr - self.end) * done**self.power


@wrong("SC03", "the warm-up's last rate is reached one update early", "HF style, (t + 1)/n",
       revealed_by="any update of the warm-up",
       misses="nobody notices one update; a long warm-up hides the difference")  # fmt: skip
class _(LinearRate):
    def __call__(self, t):
        return super().__call__(t + 1)


@wrong("SC04", "goes on below its end",
       revealed_by="updates after the last",
       misses="a run that ends with the schedule")  # fmt: skip
class _(LinearRate):
    def __call__(self, t):
        return self.lr * (self.start + (self.end - self.start) * (t - 1) / self.total)


@wrong("SC06", "comes back up after its end where it should stay, and stays where not",
       revealed_by="updates after the end",
       misses="a run that ends with the schedule")  # fmt: skip
class _(CosineDecay):
    def __call__(self, t):
        return CosineDecay.__call__(dataclasses.replace(self, returns=not self.returns), t)


@wrong("SC07", "the end is reached one update early: n - 1 in place of n",
       misses="a long schedule: 1/n is within the tolerance")  # fmt: skip
class _(CosineDecay):
    def __call__(self, t):
        shorter = dataclasses.replace(self, total=self.total - 1)
        return CosineDecay.__call__(shorter, t)


@wrong("SC08", "every cycle has the first one's length",
       revealed_by="growth above 1",
       misses="growth is 1 by default")  # fmt: skip
class _(CosineRestarts):
    def cycles(self, last):
        return [self.period] * last


@wrong("SC11", "the decay's length includes the warm-up", "optax's decay_steps, torch's T_max",
       misses="both warm up and both fall: it converges")  # fmt: skip
class _(WarmupCosine):
    def __call__(self, t):
        shorter = dataclasses.replace(self, decay=max(1, self.decay - self.warmup))
        return WarmupCosine.__call__(shorter, t)


@wrong("SC09", "the other framework's length of the phases",
       revealed_by="the second update",
       misses="a long schedule, and convergence: one update in many")  # fmt: skip
class _(OneCycle):
    def phases(self):
        share = float(self.rise) * self.total
        return (int(share), self.total) if self.inclusive else (share - 1, self.total - 1)


@wrong("SC10", "the final rate is the peak divided, not the first rate",
       misses="the last rates are tiny in either case: within the atol")  # fmt: skip
class _(OneCycle):
    def __call__(self, t):
        return OneCycle.__call__(
            dataclasses.replace(self, final_divisor=self.final_divisor / self.divisor), t
        )


@wrong("SC13", "a saw: the fall is missing",
       revealed_by="the second half of a cycle",
       misses="a run of half a cycle; it converges")  # fmt: skip
class _(Triangular):
    def __call__(self, t):
        return self.low + (self.high - self.low) * ((t - 1) % (2 * self.half)) / (2 * self.half)


@wrong("SC12", "updates counted from 0",
       revealed_by="the first updates",
       misses="late updates, where t and t - 1 are alike")  # fmt: skip
class _(Noam):
    def __call__(self, t):
        return super().__call__(np.maximum(t - 1, 1))


@wrong("SC14", "one bad loss more, or one less, than its patience", "torch and optax differ",
       misses="the rate drops one epoch later, and the loss falls")  # fmt: skip
class _(Plateau):
    def __call__(self, t):
        return Plateau.__call__(dataclasses.replace(self, patient=not self.patient), t)


@wrong("SC15", "losses are counted as bad during the cooldown",
       revealed_by="a cooldown above 0",
       misses="the cooldown is 0 by default")  # fmt: skip
class _(Plateau):
    def __call__(self, t):
        return Plateau.__call__(dataclasses.replace(self, cooldown=0), t)


# Schedules at work


@wrong("X118", "stepped before the optimizer: the first rate is skipped", "verl#3674",
       "DeepSpeed#5287",
       revealed_by="the first update's rate",
       misses="a constant rate, or plateaus as long as an epoch; it converges")  # fmt: skip
class _(Scheduled):
    def at(self, t):
        return super().at(t + 1)


@wrong("SC30", "the rate of the first update, always: the schedule is not connected",
       revealed_by="two steps",
       misses="it trains, at the first rate")  # fmt: skip
class _(Scheduled):
    def at(self, t):
        return super().at(1)


@wrong("SC31", "the decay of the weights keeps the rate of the first update",
       revealed_by="decoupled decay, a rate that changes",
       misses="decay is small, and its rate smaller")  # fmt: skip
class _(Scheduled):
    def update(self, g, state, w, t):
        new_w, new = super().update(g, state, w, t)
        decay = getattr(self.optimizer, "weight_decay", 0.0) * isinstance(self.optimizer, AdamW)
        return new_w + (self.at(t).lr - self.at(1).lr) * decay * w, new


@wrong("SC32", "the learning rate inside the momentum buffer", "pytorch#44917",
       revealed_by="momentum, a rate that changes",
       misses="with a constant rate the weights are the same")  # fmt: skip
class _(Scheduled):
    def update(self, g, state, w, t):
        if not isinstance(self.optimizer, SGD) or t == 1:
            return super().update(g, state, w, t)
        ratio = self.at(t - 1).lr / self.at(t).lr
        new_w, new = super().update(g, {"v": state["v"] * ratio}, w, t)
        return new_w, new
