"""Wrong optimizers without a second moment."""

from __future__ import annotations

import dataclasses

import numpy as np

from ....reference.optimizers.asgd import ASGD
from ....reference.optimizers.lion import Lion
from ....reference.optimizers.rprop import Rprop
from ....reference.optimizers.sgd import SGD
from ..registry import right, wrong

# SGD


@wrong("X105", "the learning rate inside the momentum buffer", "pytorch#44917",
       revealed_by="a rate that changes in mid-run; with a constant one, the state",
       misses="with a constant rate the weights are the same: only the buffer, or a schedule, "
              "tells")  # fmt: skip
class _(SGD):
    def update(self, g, state, w, t):
        if self.momentum == 0:
            return super().update(g, state, w, t)
        own = {k: v / self.lr for k, v in state.items()}
        w, state = super().update(g, own, w, t)
        return w, {k: v * self.lr for k, v in state.items()}


@wrong("X106", "dampening applied to the very first step", "torch.optim.SGD starts from the raw g",
       revealed_by="dampening above 0",
       misses="dampening is 0 by default")  # fmt: skip
class _(SGD):
    def update(self, g, state, w, t):
        return super().update(g, state, w, t + 1)


@wrong("X107", "Nesterov's look-ahead overwrites the momentum buffer", "google-research#1711",
       revealed_by="two steps with nesterov",
       misses="the first step is right; Nesterov's form is off by default")  # fmt: skip
class _(SGD):
    def update(self, g, state, w, t):
        new_w, state = super().update(g, state, w, t)
        return new_w, {"v": (w - new_w) / self.lr} if self.nesterov else state


@wrong("X108", "Nesterov's momentum term with the wrong sign", "Paddle#12231",
       revealed_by="nesterov",
       misses="Nesterov's form is off by default; a tiny rate hides it")  # fmt: skip
class _(SGD):
    def update(self, g, state, w, t):
        new_w, state = super().update(g, state, w, t)
        return (new_w + 2 * self.lr * self.momentum * state["v"] if self.nesterov else new_w), state


@wrong("F01", "Nesterov looks ahead with the buffer of the step before",
       revealed_by="two steps with nesterov",
       misses="the first step is right; Nesterov's form is off by default")  # fmt: skip
class _(SGD):
    def update(self, g, state, w, t):
        new_w, new = super().update(g, state, w, t)
        late = self.lr * self.momentum * (new["v"] - state["v"]) if self.nesterov else 0
        return new_w + late, new


@wrong("F02", "the buffer as a running mean, (1 - μ) g instead of g",
       "the two conventions of momentum",
       revealed_by="momentum, two steps",
       misses="no momentum by default; with it, a rate ten times smaller that "
              "converges")  # fmt: skip
class _(SGD):
    def update(self, g, state, w, t):
        mean = dataclasses.replace(self, dampening=0.0, nesterov=False)
        own = g if t == 1 else g * (1 - self.momentum)
        return SGD.update(mean, own, state, w, t)


@wrong("F03", "Nesterov left out: plain momentum",
       revealed_by="nesterov",
       misses="Nesterov's form is off by default, and plain momentum converges as "
              "well")  # fmt: skip
class _(SGD):
    def update(self, g, state, w, t):
        return SGD.update(dataclasses.replace(self, nesterov=False), g, state, w, t)


@wrong("F04", "weight decay with the wrong sign: weights grow",
       revealed_by="weight decay",
       misses="weight decay is 0 by default, and small where it is not")  # fmt: skip
class _(SGD):
    def update(self, g, state, w, t):
        other = dataclasses.replace(self, weight_decay=-self.weight_decay)
        return SGD.update(other, g, state, w, t)


@wrong("F05", "weight decay outside the momentum buffer: decoupled where coupled is meant",
       revealed_by="weight decay with momentum",
       misses="no momentum by default; without it the two are one")  # fmt: skip
class _(SGD):
    def update(self, g, state, w, t):
        plain = dataclasses.replace(self, weight_decay=0.0)
        new_w, state = SGD.update(plain, g, state, w, t)
        return new_w - self.lr * self.weight_decay * w, state


@wrong("F06", "the momentum buffer forgotten after every step",
       revealed_by="two steps",
       misses="no momentum by default; the first step is right")  # fmt: skip
class _(SGD):
    def update(self, g, state, w, t):
        return super().update(g, state, w, 1)


@wrong("F07", "the learning rate one part in a million too large", "a rate kept in float16 or text",
       revealed_by="float64",
       misses="a rate wrong by 1e-6 changes a weight by less than any usual "
              "tolerance")  # fmt: skip
class _(SGD):
    def update(self, g, state, w, t):
        other = dataclasses.replace(self, lr=self.lr * (1 + 1e-6))
        return SGD.update(other, g, state, w, t)


@wrong("F08", "weights go up the gradient", misses="a test of the state, or of shapes")
class _(SGD):
    def update(self, g, state, w, t):
        new_w, state = super().update(g, state, w, t)
        return 2 * w - new_w, state


# Rprop, ASGD, Lion


@wrong("X111", "each step is made one step late", "optax#1725",
       revealed_by="the first step",
       misses="convergence: it still gets there, one step late")  # fmt: skip
class _(Rprop):
    def update(self, g, state, w, t):
        _, new = super().update(g, state, w, t)
        return w - np.sign(state["prev"]) * state["step"], new


@wrong("OP15", "a step also where the sign has changed, and the gradient remembered",
       "the form without the minus",
       revealed_by="signs that change",
       misses="gradients that keep their sign, as in golden vectors")  # fmt: skip
class _(Rprop):
    def update(self, g, state, w, t):
        _, new = super().update(g, state, w, t)
        return w - np.sign(g) * new["step"], new | {"prev": g}


@wrong("OP16", "step sizes without bounds",
       revealed_by="bounds that are reached",
       misses="few steps, which stay within 1e-6 and 50")  # fmt: skip
class _(Rprop):
    def update(self, g, state, w, t):
        return right(self, min_step=0.0, max_step=1e30).update(g, state, w, t)


@wrong("OP17", "the average of the weights before the step",
       misses="tests compare the weights, and seldom the average")  # fmt: skip
class _(ASGD):
    def update(self, g, state, w, t):
        new_w, new = super().update(g, state, w, t)
        return new_w, new | {"a": state["a"] + state["mu"] * (w - state["a"])}


@wrong("OP18", "the rates of one step later",
       revealed_by="two steps, λ well above 0",
       misses="λ is 1e-4 by default: two steps' rates are the same to eight digits")  # fmt: skip
class _(ASGD):
    def update(self, g, state, w, t):
        return super().update(g, state, w, t + 1)


@wrong("OP30", "the momentum updated before its sign is taken",
       revealed_by="signs that disagree",
       misses="gradients that keep their sign")  # fmt: skip
class _(Lion):
    def update(self, g, state, w, t):
        _, new = super().update(g, state, w, t)
        new_w, _ = super().update(g, new, w, t)
        return new_w, new


@wrong("OP31", "β1 and β2 exchanged",
       revealed_by="the state, or signs that disagree",
       misses="gradients that keep their sign: only the state differs then")  # fmt: skip
class _(Lion):
    def update(self, g, state, w, t):
        return right(self, beta1=self.beta2, beta2=self.beta1).update(g, state, w, t)


@wrong("OP32", "decay not multiplied by the rate",
       revealed_by="weight decay",
       misses="weight decay is 0 by default")  # fmt: skip
class _(Lion):
    def update(self, g, state, w, t):
        new_w, new = super().update(g, state, w, t)
        return new_w - (1 - self.lr) * self.weight_decay * w, new
