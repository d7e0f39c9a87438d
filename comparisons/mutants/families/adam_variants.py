"""Wrong variants of Adam."""

from __future__ import annotations

import numpy as np

from ....reference.optimizers.adabelief import AdaBelief
from ....reference.optimizers.adamax import Adamax
from ....reference.optimizers.amsgrad import AMSGrad
from ....reference.optimizers.nadam import NAdam
from ....reference.optimizers.radam import RAdam
from ....reference.optimizers.sparse_adam import SparseAdam
from ....reference.optimizers.yogi import Yogi
from ....reference.updates import corrected_root
from ..registry import right, wrong

# AMSGrad, Adamax, NAdam, RAdam, SparseAdam


@wrong("G19", "the largest v is taken after its bias is corrected, or before where after is meant",
       "torch and optax do one each",
       revealed_by="β2 well below 1, or many steps",
       misses="gradients that grow, or stay: then both are Adam")  # fmt: skip
class _(AMSGrad):
    def update(self, g, state, w, t):
        return right(self, corrected_first=not self.corrected_first).update(g, state, w, t)


@wrong("OP01", "no memory: the second moment of this step alone",
       revealed_by="two steps",
       misses="gradients that grow, or stay: the largest v is then the last")  # fmt: skip
class _(AMSGrad):
    def update(self, g, state, w, t):
        return super().update(g, state | {"v_max": 0 * state["v_max"]}, w, t)


@wrong("OP02", "the norm is never forgotten: max(u, |g|)",
       revealed_by="gradients that shrink",
       misses="gradients that grow: then u is replaced in every step anyway")  # fmt: skip
class _(Adamax):
    def update(self, g, state, w, t):
        return right(self, beta2=1.0).update(g, state, w, t)


@wrong("OP03", "ε added to the norm after the maximum", "the paper has none",
       revealed_by="gradients near ε",
       misses="with gradients of order 1, ε is below rounding either way")  # fmt: skip
class _(Adamax):
    def update(self, g, state, w, t):
        _, new = right(self, eps=0.0).update(g, state, w, t)
        u = new["u"] + self.eps
        return w - self.lr / (1 - self.beta1**t) * new["m"] / u, new | {"u": u}


@wrong("G36", "a constant momentum in place of the scheduled one", "optax.nadam",
       revealed_by="one step",
       misses="training gets along with any momentum: it converges")  # fmt: skip
class _(NAdam):
    def update(self, g, state, w, t):
        _, new = super().update(g, state, w, t)
        new_w, _ = right(self, scheduled=False).update(g, state, w, t)
        return new_w, new


@wrong("OP04", "no look-ahead: the momentum of this step for that of the next",
       revealed_by="a schedule, or two steps",
       misses="two momenta of a slow schedule hardly differ: within 5e-4")  # fmt: skip
class _(NAdam):
    def update(self, g, state, w, t):
        _, new = super().update(g, state, w, t)
        mu = self.mu(t) if self.scheduled else self.beta1
        product = new["mu_product"] if self.scheduled else self.beta1**t
        g = g + self.weight_decay * w
        d = (1 - mu) / (1 - product) * g + mu / (1 - product) * new["m"]
        return w - self.lr * d / corrected_root(new["v"], self.beta2, self.eps, t), new


@wrong("G40b", "ε after the bias is corrected, or before where after is meant",
       "torch and optax do one each",
       revealed_by="gradients near ε",
       misses="with gradients of order 1, ε is below rounding either way")  # fmt: skip
class _(RAdam):
    def update(self, g, state, w, t):
        return right(self, eps_hat=not self.eps_hat).update(g, state, w, t)


@wrong("OP05", "no rectification: Adam as soon as ρ exceeds 5",
       revealed_by="ten steps",
       misses="fewer than six steps, where nothing is rectified; it converges sooner than it "
              "should")  # fmt: skip
class _(RAdam):
    def update(self, g, state, w, t):
        new_w, new = super().update(g, state, w, t)
        left, rho_inf = 1 - self.beta2**t, 2 / (1 - self.beta2) - 1
        rho = rho_inf - 2 * t * self.beta2**t / left
        if rho <= 5:
            return new_w, new
        r = ((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)) ** 0.5
        return w + (new_w - w) / r, new


@wrong("OP06", "rectified from ρ > 4 on, the paper's bound", "torch and optax have 5",
       revealed_by="the fifth step",
       misses="one step, the fifth, is another: with a rate of 1e-3 that is within "
              "5e-4")  # fmt: skip
class _(RAdam):
    def update(self, g, state, w, t):
        new_w, new = super().update(g, state, w, t)
        left, rho_inf = 1 - self.beta2**t, 2 / (1 - self.beta2) - 1
        rho = rho_inf - 2 * t * self.beta2**t / left
        if not 4 < rho <= 5:
            return new_w, new
        r = ((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)) ** 0.5
        return w + (new_w - w) * r / corrected_root(new["v"], self.beta2, self.eps, t), new


@wrong("OP07", "Adam's ε, added after the bias is corrected",
       revealed_by="gradients near ε",
       misses="with gradients of order 1, ε is below rounding either way")  # fmt: skip
class _(SparseAdam):
    def update(self, g, state, w, t):
        return right(self, eps=self.eps * (1 - self.beta2**t) ** 0.5).update(g, state, w, t)


# Yogi, AdaBelief


@wrong("OP40", "Adam's running mean of g² in place of the bounded change",
       revealed_by="two steps",
       misses="after a few steps both are near (1 - β2) Σ g²: within 5e-4, and it "
              "converges")  # fmt: skip
class _(Yogi):
    def update(self, g, state, w, t):
        _, new = super().update(g, state, w, t)
        v = self.beta2 * state["v"] + (1 - self.beta2) * g * g
        d = new["m"] / corrected_root(v, self.beta2, self.eps, t)
        return w - self.lr / (1 - self.beta1**t) * d, new | {"v": v}


@wrong("OP41", "the first moment starts from 0, the second from the accumulator",
       "TensorFlow Addons; optax starts both",
       revealed_by="the first step",
       misses="an accumulator of 1e-6 is nothing beside gradients of order 1")  # fmt: skip
class _(Yogi):
    def init(self, w):
        return super().init(w) | {"m": np.zeros_like(w)}


@wrong("OP42", "the distance from the running mean of the step before",
       revealed_by="one step",
       misses="it converges, with another estimate of the same spread")  # fmt: skip
class _(AdaBelief):
    def update(self, g, state, w, t):
        _, new = super().update(g, state, w, t)
        away = g - state["m"]
        s = self.beta2 * state["s"] + (1 - self.beta2) * away * away + self.eps_root
        d = new["m"] / corrected_root(s, self.beta2, self.eps, t)
        return w - self.lr / (1 - self.beta1**t) * d, new | {"s": s}


@wrong("OP43", "ε not added to s in every step", "the paper adds it",
       revealed_by="eps_root",
       misses="ε is 1e-16 by default, and not to be seen beside differences of "
              "order 1")  # fmt: skip
class _(AdaBelief):
    def update(self, g, state, w, t):
        return right(self, eps_root=0.0).update(g, state, w, t)
