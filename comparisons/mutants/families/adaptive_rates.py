"""Wrong optimizers with a rate for every weight, but Adam's."""

from __future__ import annotations

import numpy as np

from ....reference.optimizers.adadelta import Adadelta
from ....reference.optimizers.adagrad import Adagrad
from ....reference.optimizers.rmsprop import RMSprop
from ..registry import right, wrong

# Adagrad, Adadelta


@wrong("X110", "the accumulator starts from 0.1 in place of 0", "optax and Keras: 0.1, torch: 0",
       revealed_by="small gradients, or the first steps",
       misses="gradients of order 1 soon outweigh 0.1, and it converges: other frameworks' "
              "default is just that")  # fmt: skip
class _(Adagrad):
    def init(self, w):
        return {"s": np.full_like(w, 0.1 if self.initial_accumulator == 0 else 0.0)}


@wrong("G31", "ε inside the root, or outside where inside is meant", "torch and optax do one each",
       revealed_by="gradients near ε",
       misses="with gradients of order 1, an ε of 1e-10 is below rounding either way")  # fmt: skip
class _(Adagrad):
    def update(self, g, state, w, t):
        return right(self, eps_inside=not self.eps_inside).update(g, state, w, t)


@wrong("OP10", "the rate decays from the first step on: 1 + t δ",
       revealed_by="lr_decay",
       misses="lr_decay is 0 by default")  # fmt: skip
class _(Adagrad):
    def update(self, g, state, w, t):
        return super().update(g, state, w, t + 1)


@wrong("OP11", "the step just made is remembered with its rate, η d",
       revealed_by="η other than 1",
       misses="η is 1 by default")  # fmt: skip
class _(Adadelta):
    def update(self, g, state, w, t):
        new_w, new = super().update(g, state, w, t)
        move = new["u"] - self.rho * state["u"]
        return new_w, new | {"u": self.rho * state["u"] + self.lr**2 * move}


@wrong("OP12", "ε outside the roots",
       revealed_by="the first steps",
       misses="it converges, from a first step of another size")  # fmt: skip
class _(Adadelta):
    def update(self, g, state, w, t):
        _, new = super().update(g, state, w, t)
        g = g + self.weight_decay * w
        d = (np.sqrt(state["u"]) + self.eps) / (np.sqrt(new["v"]) + self.eps) * g
        return w - self.lr * d, new


# RMSprop


@wrong("X109", "ε inside the root, or outside where inside is meant", "optax#532", "pytorch#23796",
       "jax#1427", "chainer#4754",
       revealed_by="a large ε, or gradients near it",
       misses="with gradients of order 1 and ε = 1e-8 both agree to rounding; ε is 0.01 to 1 in "
              "reinforcement learning")  # fmt: skip
class _(RMSprop):
    def update(self, g, state, w, t):
        return right(self, eps_inside=not self.eps_inside).update(g, state, w, t)


@wrong("G26b", "the rate inside the momentum buffer, or outside where inside is meant",
       "torch and optax do one each",
       revealed_by="the state; or a rate that changes",
       misses="with a constant rate the weights are the same: only the buffer, or a schedule, "
              "tells")  # fmt: skip
class _(RMSprop):
    def update(self, g, state, w, t):
        return right(self, lr_in_buffer=not self.lr_in_buffer).update(g, state, w, t)


@wrong("OP13", "α and 1 - α exchanged",
       revealed_by="two steps",
       misses="the loss falls, if with steps of another size")  # fmt: skip
class _(RMSprop):
    def update(self, g, state, w, t):
        return right(self, alpha=1 - self.alpha).update(g, state, w, t)


@wrong("OP14", "not centred, though m is kept",
       revealed_by="centered",
       misses="centered is off by default")  # fmt: skip
class _(RMSprop):
    def update(self, g, state, w, t):
        _, new = super().update(g, state, w, t)
        new_w, plain = right(self, centered=False).update(g, state, w, t)
        return new_w, new | plain
