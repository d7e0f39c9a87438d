"""Wrong optimizers beyond SGD and Adam: each class varies the update rule that it inherits from."""

from __future__ import annotations

import dataclasses

import numpy as np

from backproof.reference.optimizers.adabelief import AdaBelief
from backproof.reference.optimizers.adadelta import Adadelta
from backproof.reference.optimizers.adafactor import Adafactor
from backproof.reference.optimizers.adagrad import Adagrad
from backproof.reference.optimizers.adamax import Adamax
from backproof.reference.optimizers.amsgrad import AMSGrad
from backproof.reference.optimizers.asgd import ASGD
from backproof.reference.optimizers.lamb import LAMB
from backproof.reference.optimizers.lars import LARS
from backproof.reference.optimizers.lion import Lion
from backproof.reference.optimizers.muon import Muon
from backproof.reference.optimizers.nadam import NAdam
from backproof.reference.optimizers.novograd import NovoGrad
from backproof.reference.optimizers.radam import RAdam
from backproof.reference.optimizers.rmsprop import RMSprop
from backproof.reference.optimizers.rprop import Rprop
from backproof.reference.optimizers.sparse_adam import SparseAdam
from backproof.reference.optimizers.yogi import Yogi
from backproof.reference.updates import corrected_root, norm, rms, trust_ratio

from .mutants import wrong


def _other(o, *args, **changes):
    """The right rule with other hyperparameters."""
    right = next(base for base in type(o).__mro__ if base.__module__.startswith("backproof."))
    return right.update(dataclasses.replace(o, **changes), *args)


# AMSGrad, Adamax, NAdam, RAdam, SparseAdam


@wrong("G19", "the largest v is taken after its bias is corrected, or before where after is meant",
       "torch and optax do one each", revealed_by="β2 well below 1, or many steps")  # fmt: skip
class _(AMSGrad):
    def update(self, g, state, w, t):
        return _other(self, g, state, w, t, corrected_first=not self.corrected_first)


@wrong("OP01", "no memory: the second moment of this step alone", revealed_by="two steps")
class _(AMSGrad):
    def update(self, g, state, w, t):
        return super().update(g, state | {"v_max": 0 * state["v_max"]}, w, t)


@wrong("OP02", "the norm is never forgotten: max(u, |g|)", revealed_by="gradients that shrink")
class _(Adamax):
    def update(self, g, state, w, t):
        return _other(self, g, state, w, t, beta2=1.0)


@wrong("OP03", "ε added to the norm after the maximum", "the paper has none",
       revealed_by="gradients near ε")  # fmt: skip
class _(Adamax):
    def update(self, g, state, w, t):
        _, new = _other(self, g, state, w, t, eps=0.0)
        u = new["u"] + self.eps
        return w - self.lr / (1 - self.beta1**t) * new["m"] / u, new | {"u": u}


@wrong("G36", "a constant momentum in place of the scheduled one", "optax.nadam",
       revealed_by="one step")  # fmt: skip
class _(NAdam):
    def update(self, g, state, w, t):
        _, new = super().update(g, state, w, t)
        new_w, _ = _other(self, g, state, w, t, scheduled=False)
        return new_w, new


@wrong("OP04", "no look-ahead: the momentum of this step for that of the next",
       revealed_by="a schedule, or two steps")  # fmt: skip
class _(NAdam):
    def update(self, g, state, w, t):
        _, new = super().update(g, state, w, t)
        mu = self.mu(t) if self.scheduled else self.beta1
        product = new["mu_product"] if self.scheduled else self.beta1**t
        g = g + self.weight_decay * w
        d = (1 - mu) / (1 - product) * g + mu / (1 - product) * new["m"]
        return w - self.lr * d / corrected_root(new["v"], self.beta2, self.eps, t), new


@wrong("G40b", "ε after the bias is corrected, or before where after is meant",
       "torch and optax do one each", revealed_by="gradients near ε")  # fmt: skip
class _(RAdam):
    def update(self, g, state, w, t):
        return _other(self, g, state, w, t, eps_hat=not self.eps_hat)


@wrong("OP05", "no rectification: Adam as soon as ρ exceeds 5", revealed_by="ten steps")
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
       revealed_by="the fifth step")  # fmt: skip
class _(RAdam):
    def update(self, g, state, w, t):
        new_w, new = super().update(g, state, w, t)
        left, rho_inf = 1 - self.beta2**t, 2 / (1 - self.beta2) - 1
        rho = rho_inf - 2 * t * self.beta2**t / left
        if not 4 < rho <= 5:
            return new_w, new
        r = ((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)) ** 0.5
        return w + (new_w - w) * r / corrected_root(new["v"], self.beta2, self.eps, t), new


@wrong("OP07", "Adam's ε, added after the bias is corrected", revealed_by="gradients near ε")
class _(SparseAdam):
    def update(self, g, state, w, t):
        return _other(self, g, state, w, t, eps=self.eps * (1 - self.beta2**t) ** 0.5)


# Adagrad, Adadelta, RMSprop


@wrong("X110", "the accumulator starts from 0.1 in place of 0", "optax and Keras: 0.1, torch: 0",
       revealed_by="small gradients, or the first steps")  # fmt: skip
class _(Adagrad):
    def init(self, w):
        return {"s": np.full_like(w, 0.1 if self.initial_accumulator == 0 else 0.0)}


@wrong("G31", "ε inside the root, or outside where inside is meant", "torch and optax do one each",
       revealed_by="gradients near ε")  # fmt: skip
class _(Adagrad):
    def update(self, g, state, w, t):
        return _other(self, g, state, w, t, eps_inside=not self.eps_inside)


@wrong("OP10", "the rate decays from the first step on: 1 + t δ", revealed_by="lr_decay")
class _(Adagrad):
    def update(self, g, state, w, t):
        return super().update(g, state, w, t + 1)


@wrong("OP11", "the step just made is remembered with its rate, η d", revealed_by="η other than 1")
class _(Adadelta):
    def update(self, g, state, w, t):
        new_w, new = super().update(g, state, w, t)
        move = new["u"] - self.rho * state["u"]
        return new_w, new | {"u": self.rho * state["u"] + self.lr**2 * move}


@wrong("OP12", "ε outside the roots", revealed_by="the first steps")
class _(Adadelta):
    def update(self, g, state, w, t):
        _, new = super().update(g, state, w, t)
        g = g + self.weight_decay * w
        d = (np.sqrt(state["u"]) + self.eps) / (np.sqrt(new["v"]) + self.eps) * g
        return w - self.lr * d, new


@wrong("X109", "ε inside the root, or outside where inside is meant", "optax#532", "pytorch#23796",
       "jax#1427", "chainer#4754", revealed_by="a large ε, or gradients near it")  # fmt: skip
class _(RMSprop):
    def update(self, g, state, w, t):
        return _other(self, g, state, w, t, eps_inside=not self.eps_inside)


@wrong("G26b", "the rate inside the momentum buffer, or outside where inside is meant",
       "torch and optax do one each", revealed_by="the state; or a rate that changes")  # fmt: skip
class _(RMSprop):
    def update(self, g, state, w, t):
        return _other(self, g, state, w, t, lr_in_buffer=not self.lr_in_buffer)


@wrong("OP13", "α and 1 - α exchanged", revealed_by="two steps")
class _(RMSprop):
    def update(self, g, state, w, t):
        return _other(self, g, state, w, t, alpha=1 - self.alpha)


@wrong("OP14", "not centred, though m is kept", revealed_by="centered")
class _(RMSprop):
    def update(self, g, state, w, t):
        _, new = super().update(g, state, w, t)
        new_w, plain = _other(self, g, state, w, t, centered=False)
        return new_w, new | plain


# Rprop, ASGD


@wrong("X111", "each step is made one step late", "optax#1725", revealed_by="the first step")
class _(Rprop):
    def update(self, g, state, w, t):
        _, new = super().update(g, state, w, t)
        return w - np.sign(state["prev"]) * state["step"], new


@wrong("OP15", "a step also where the sign has changed, and the gradient remembered",
       "the form without the minus", revealed_by="signs that change")  # fmt: skip
class _(Rprop):
    def update(self, g, state, w, t):
        _, new = super().update(g, state, w, t)
        return w - np.sign(g) * new["step"], new | {"prev": g}


@wrong("OP16", "step sizes without bounds", revealed_by="bounds that are reached")
class _(Rprop):
    def update(self, g, state, w, t):
        return _other(self, g, state, w, t, min_step=0.0, max_step=1e30)


@wrong("OP17", "the average of the weights before the step")
class _(ASGD):
    def update(self, g, state, w, t):
        new_w, new = super().update(g, state, w, t)
        return new_w, new | {"a": state["a"] + state["mu"] * (w - state["a"])}


@wrong("OP18", "the rates of one step later", revealed_by="two steps, λ well above 0")
class _(ASGD):
    def update(self, g, state, w, t):
        return super().update(g, state, w, t + 1)


# Adafactor, Muon


def _moved(o, w, new_w, factor):
    """The step beside the decoupled decay, times a factor."""
    kept = (1 - o.lr * o.weight_decay) * w
    return kept + factor * (new_w - kept)


@wrong("OP20", "the step not clipped", revealed_by="a step whose rms exceeds the clip")
class _(Adafactor):
    def update(self, g, state, w, t):
        return _other(self, g, state, w, t, clip=1e30)


@wrong("OP21", "the step not scaled by the size of the weights", "scale_parameter=False elsewhere",
       revealed_by="weights of a size other than 1")  # fmt: skip
class _(Adafactor):
    def update(self, g, state, w, t):
        new_w, new = super().update(g, state, w, t)
        return _moved(self, w, new_w, 1 / max(self.eps2, rms(w))), new


@wrong("OP22", "rows and columns exchanged in the estimate", revealed_by="a matrix")
class _(Adafactor):
    def update(self, g, state, w, t):
        new_w, new = super().update(g, state, w, t)
        if w.ndim < 2:
            return new_w, new
        row, col = new["col"].mean(axis=-1, keepdims=True), new["col"]
        d, estimate = new_w - (1 - self.lr * self.weight_decay) * w, new["row"] * col / row
        return new_w + d * (np.sqrt(estimate / (new["row"] * new["row"])) - 1), new


@wrong("OP23", "β counts from 0: 1 - (t + 1)^decay", revealed_by="the first step")
class _(Adafactor):
    def update(self, g, state, w, t):
        return super().update(g, state, w, t + 1)


@wrong("OP24", "scaled for weights stored as (out, in)", "torch.optim.Muon's layout",
       revealed_by="a matrix that is not square")  # fmt: skip
class _(Muon):
    def update(self, g, state, w, t):
        new_w, new = super().update(g, state, w, t)
        ratio = w.shape[0] / w.shape[1]
        return _moved(self, w, new_w, float(max(1, ratio) / max(1, 1 / ratio)) ** 0.5), new


@wrong("OP25", "no bias correction", "torch.optim.Muon has none", revealed_by="nesterov, two steps")
class _(Muon):
    def update(self, g, state, w, t):
        return super().update(g, state, w, 10**6)


@wrong("OP26", "one step of Newton and Schulz too few")
class _(Muon):
    def update(self, g, state, w, t):
        return _other(self, g, state, w, t, steps=self.steps - 1)


# Lion, LAMB, LARS


@wrong("OP30", "the momentum updated before its sign is taken", revealed_by="signs that disagree")
class _(Lion):
    def update(self, g, state, w, t):
        _, new = super().update(g, state, w, t)
        new_w, _ = super().update(g, new, w, t)
        return new_w, new


@wrong("OP31", "β1 and β2 exchanged", revealed_by="the state, or signs that disagree")
class _(Lion):
    def update(self, g, state, w, t):
        return _other(self, g, state, w, t, beta1=self.beta2, beta2=self.beta1)


@wrong("OP32", "decay not multiplied by the rate", revealed_by="weight decay")
class _(Lion):
    def update(self, g, state, w, t):
        new_w, new = super().update(g, state, w, t)
        return new_w - (1 - self.lr) * self.weight_decay * w, new


@wrong("OP33", "the ratio without the decay in its norm", revealed_by="weight decay")
class _(LAMB):
    def update(self, g, state, w, t):
        new_w, new = super().update(g, state, w, t)
        root = corrected_root(new["v"], self.beta2, self.eps, t)
        d = new["m"] / (1 - self.beta1**t) / root
        right = trust_ratio(w, d + self.weight_decay * w)
        return w + (new_w - w) * trust_ratio(w, d) / right, new


@wrong("OP34", "the ratio is 0 where the weights are, so that they never move",
       revealed_by="weights that start from 0")  # fmt: skip
class _(LAMB):
    def update(self, g, state, w, t):
        new_w, new = super().update(g, state, w, t)
        return (new_w if norm(w) > 0 else w), new


@wrong("OP35", "‖g‖ + λ ‖w‖ in place of ‖g + λ w‖", "the paper's form, where optax's is meant",
       revealed_by="weight decay")  # fmt: skip
class _(LARS):
    def update(self, g, state, w, t):
        d = g + self.weight_decay * w
        below = norm(g) + self.weight_decay * norm(w)
        factor = (norm(d) + self.eps) / (below + self.eps)
        step = -self.lr * trust_ratio(w, d, self.trust, self.eps) * factor * d
        v = self.momentum * state["v"] + step
        return w + (self.momentum * v + step if self.nesterov else v), {"v": v}


@wrong("OP36", "the ratio taken of the momentum, not of the gradient", "LARC's variants",
       revealed_by="two steps")  # fmt: skip
class _(LARS):
    def update(self, g, state, w, t):
        d = g + self.weight_decay * w
        v = self.momentum * state["v"] - self.lr * d
        ratio = trust_ratio(w, v, self.trust, self.eps)
        return w + ratio * (self.momentum * v - self.lr * d if self.nesterov else v), {"v": v}


# Yogi, AdaBelief, NovoGrad


@wrong("OP40", "Adam's running mean of g² in place of the bounded change", revealed_by="two steps")
class _(Yogi):
    def update(self, g, state, w, t):
        _, new = super().update(g, state, w, t)
        v = self.beta2 * state["v"] + (1 - self.beta2) * g * g
        d = new["m"] / corrected_root(v, self.beta2, self.eps, t)
        return w - self.lr / (1 - self.beta1**t) * d, new | {"v": v}


@wrong("OP41", "the first moment starts from 0, the second from the accumulator",
       "TensorFlow Addons; optax starts both", revealed_by="the first step")  # fmt: skip
class _(Yogi):
    def init(self, w):
        return super().init(w) | {"m": np.zeros_like(w)}


@wrong("OP42", "the distance from the running mean of the step before", revealed_by="one step")
class _(AdaBelief):
    def update(self, g, state, w, t):
        _, new = super().update(g, state, w, t)
        away = g - state["m"]
        s = self.beta2 * state["s"] + (1 - self.beta2) * away * away + self.eps_root
        d = new["m"] / corrected_root(s, self.beta2, self.eps, t)
        return w - self.lr / (1 - self.beta1**t) * d, new | {"s": s}


@wrong("OP43", "ε not added to s in every step", "the paper adds it", revealed_by="eps_root")
class _(AdaBelief):
    def update(self, g, state, w, t):
        return _other(self, g, state, w, t, eps_root=0.0)


@wrong("OP44", "v starts from 0, not from the first norm", revealed_by="the first step")
class _(NovoGrad):
    def update(self, g, state, w, t):
        return super().update(g, state, w, t + 1)


@wrong("OP45", "(1 - β1) d in place of d", "the momentum of Adam", revealed_by="two steps")
class _(NovoGrad):
    def update(self, g, state, w, t):
        new_w, new = super().update(g, state, w, t)
        late = self.beta1 * (new["m"] - self.beta1 * state["m"])
        return new_w + self.lr * late, new | {"m": new["m"] - late}


@wrong("OP46", "a norm for every entry, as in Adam", revealed_by="two entries")
class _(NovoGrad):
    def update(self, g, state, w, t):
        _, new = super().update(g, state, w, t)
        d = g / (np.abs(g) + self.eps) + self.weight_decay * w
        m = self.beta1 * state["m"] + d
        return w - self.lr * m, new | {"m": m}
