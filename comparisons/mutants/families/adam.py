"""Wrong Adams."""

from __future__ import annotations

import dataclasses

import numpy as np

from ....reference.optimizers.adam import Adam
from ....reference.optimizers.adamw import AdamW
from ..registry import wrong

# Adam


def _step(o, w, m_hat, v_hat):
    return w - o.lr * (m_hat / (np.sqrt(v_hat) + o.eps))


def _decayed(o, g, w):
    return g + o.weight_decay * w if o.weight_decay else g


@wrong("X94", "the step counter never counts: t stays 1", "OLMo-core#317",
       revealed_by="two steps",
       misses="one step; and it converges, at another rate than was asked for")  # fmt: skip
class _(Adam):
    def update(self, g, state, w, t):
        return super().update(g, state, w, 1)


def moments(g, state, beta1, beta2, t):
    """Both running means corrected for their start at zero, and the new state."""
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * (g * g)
    return m / (1 - beta1**t), v / (1 - beta2**t), {"m": m, "v": v}


@wrong("X95", "the bias correction uses t + 1", "tensorflow#35444", "oneflow#5960",
       revealed_by="the first steps",
       misses="late steps, where t and t + 1 correct alike; a golden vector at 5e-4 of weights "
              "near 1")  # fmt: skip
class _(Adam):
    def update(self, g, state, w, t):
        return super().update(g, state, w, t + 1)


@wrong("X96", "multiplied by the bias correction instead of divided", "convnetjs#70",
       "convnetjs#107",
       revealed_by="the first steps",
       misses="late steps, where the correction is 1; it converges, if from a slow "
              "start")  # fmt: skip
class _(Adam):
    def update(self, g, state, w, t):
        m, v, state = moments(_decayed(self, g, w), state, self.beta1, self.beta2, t)
        c1, c2 = 1 - self.beta1**t, 1 - self.beta2**t
        return _step(self, w, m * c1 * c1, v * c2 * c2), state


@wrong("X97", "1 - β in place of 1 - β^t", "ML-From-Scratch#35", "pennylane#1929",
       revealed_by="two steps",
       misses="the first step is right, and the loss falls with any constant factor")  # fmt: skip
class _(Adam):
    def update(self, g, state, w, t):
        _, _, new = moments(_decayed(self, g, w), state, self.beta1, self.beta2, t)
        return _step(self, w, new["m"] / (1 - self.beta1), new["v"] / (1 - self.beta2)), new


@wrong("X99", "ε inside the square root", "optax's eps_root",
       revealed_by="gradients near ε",
       misses="with gradients of order 1, ε is below rounding either way")  # fmt: skip
class _(Adam):
    def update(self, g, state, w, t):
        m, v, state = moments(_decayed(self, g, w), state, self.beta1, self.beta2, t)
        return w - self.lr * (m / np.sqrt(v + self.eps)), state


@wrong("X100", "ε added before the bias correction (the paper's epsilon-hat)", "torchani#261",
       "Keras uses this form",
       revealed_by="gradients near ε, first steps",
       misses="with gradients of order 1, ε is below rounding either way")  # fmt: skip
class _(Adam):
    def update(self, g, state, w, t):
        hat = self.eps / float(np.sqrt(1 - self.beta2**t))
        return Adam.update(dataclasses.replace(self, eps=hat), g, state, w, t)


@wrong("F10", "ε² inside the square root in place of ε outside",
       revealed_by="gradients near ε",
       misses="with gradients of order 1, ε is below rounding either way")  # fmt: skip
class _(Adam):
    def update(self, g, state, w, t):
        m, v, state = moments(_decayed(self, g, w), state, self.beta1, self.beta2, t)
        return w - self.lr * (m / np.sqrt(v + self.eps * self.eps)), state


@wrong("F11", "β2 0.999 as 0.99: (1 - β2) ten times too large",
       revealed_by="two steps",
       misses="a golden vector at 5e-4 after five steps: the correction of v̂ hides most of it; "
              "convergence")  # fmt: skip
class _(Adam):
    def update(self, g, state, w, t):
        other = dataclasses.replace(self, beta2=1 - 10 * (1 - self.beta2) if self.beta2 > 0.95
                                    else self.beta2**2)  # fmt: skip
        return Adam.update(other, g, state, w, t)


@wrong("F12", "β1 and β2 swapped",
       revealed_by="the state compared, or two steps",
       misses="with gradients that hardly change both means are alike: a golden vector at 5e-4 "
              "passes")  # fmt: skip
class _(Adam):
    def update(self, g, state, w, t):
        other = dataclasses.replace(self, beta1=self.beta2, beta2=self.beta1)
        return Adam.update(other, g, state, w, t)


@wrong("F13", "no bias correction",
       revealed_by="the first steps",
       misses="it converges: only the first steps are of another size")  # fmt: skip
class _(Adam):
    def update(self, g, state, w, t):
        _, _, new = moments(_decayed(self, g, w), state, self.beta1, self.beta2, t)
        return _step(self, w, new["m"], new["v"]), new


@wrong("F14", "AMSGrad: the largest v̂ so far", "a flag that is on by default elsewhere",
       revealed_by="gradients that shrink",
       misses="gradients that grow, or stay: the largest v̂ is then the last")  # fmt: skip
class _(Adam):
    def update(self, g, state, w, t):
        m, v, new = moments(_decayed(self, g, w), state, self.beta1, self.beta2, t)
        kept = np.maximum(v, state["v"] / (1 - self.beta2 ** max(t - 1, 1)))
        return _step(self, w, m, kept), new


@wrong("F15", "weight decay taken out of the moments, as in AdamW", "pytorch#3740 (the reverse)",
       revealed_by="weight decay",
       misses="weight decay is 0 by default")  # fmt: skip
class _(Adam):
    def update(self, g, state, w, t):
        new_w, state = Adam.update(dataclasses.replace(self, weight_decay=0.0), g, state, w, t)
        return new_w - self.lr * self.weight_decay * w, state


@wrong("F16", "the state handed out is bias-corrected, while the weights are right",
       revealed_by="the state compared",
       misses="tests of optimizers compare weights and seldom the state; the next step starts "
              "from the right one")  # fmt: skip
class _(Adam):
    def update(self, g, state, w, t):
        raw = {"m": state["m"] * (1 - self.beta1 ** (t - 1)),
               "v": state["v"] * (1 - self.beta2 ** (t - 1))}  # fmt: skip
        new_w, new = super().update(g, raw, w, t)
        return new_w, {"m": new["m"] / (1 - self.beta1**t), "v": new["v"] / (1 - self.beta2**t)}


@wrong("F17", "Nesterov's momentum mixed in (NAdam)",
       revealed_by="the first steps",
       misses="it converges as fast: the difference is in the first steps")  # fmt: skip
class _(Adam):
    def update(self, g, state, w, t):
        g = _decayed(self, g, w)
        m, v, state = moments(g, state, self.beta1, self.beta2, t)
        ahead = self.beta1 * m + (1 - self.beta1) / (1 - self.beta1**t) * g
        return _step(self, w, ahead, v), state


# AdamW


@wrong("X102", "decay not multiplied by the learning rate", "tensorflow/addons#2282", "apex#1849",
       "AdamW-pytorch#1",
       revealed_by="a rate other than 1",
       misses="a learning rate of 1; or convergence: a stronger pull towards 0 is "
              "still one")  # fmt: skip
class _(AdamW):
    def update(self, g, state, w, t):
        new_w, state = super().update(g, state, w, t)
        return new_w - (1 - self.lr) * self.weight_decay * w, state


@wrong("X103", "decay added to the gradient: L2 in place of decoupled decay", "nntrainer#3565",
       "pytorch#3740",
       revealed_by="weight decay",
       misses="with gradients of order 1 a decay of 0.01 changes a golden vector by "
              "less than 5e-4")  # fmt: skip
class _(AdamW):
    def update(self, g, state, w, t):
        plain = dataclasses.replace(self, weight_decay=0.0)
        return AdamW.update(plain, g + self.weight_decay * w, state, w, t)


@wrong("F20", "decay applied twice",
       revealed_by="weight decay",
       misses="0.01 · η once more changes a weight by 1e-5 in a step")  # fmt: skip
class _(AdamW):
    def update(self, g, state, w, t):
        new_w, state = super().update(g, state, w, t)
        return new_w - self.lr * self.weight_decay * w, state


@wrong("F21", "decay applied to the weights after the step",
       revealed_by="weight decay",
       misses="the two orders differ by η² λ, which is 1e-8 with the defaults")  # fmt: skip
class _(AdamW):
    def update(self, g, state, w, t):
        plain = dataclasses.replace(self, weight_decay=0.0)
        new_w, state = AdamW.update(plain, g, state, w, t)
        return (1 - self.lr * self.weight_decay) * new_w, state


@wrong("F22", "decay left out",
       revealed_by="weight decay",
       misses="without decay the loss falls even faster, and a weight changes by "
              "1e-5 in a step")  # fmt: skip
class _(AdamW):
    def update(self, g, state, w, t):
        return AdamW.update(dataclasses.replace(self, weight_decay=0.0), g, state, w, t)


@wrong("F23", "decay as exp(-η λ) in place of 1 - η λ", "the limit of small steps taken for equal",
       revealed_by="float64, or a large η λ",
       misses="exp(-ηλ) and 1 - ηλ differ by (ηλ)²/2, 5e-11 with the defaults")  # fmt: skip
class _(AdamW):
    def update(self, g, state, w, t):
        new_w, state = super().update(g, state, w, t)
        rate = self.lr * self.weight_decay
        return new_w + float(np.expm1(-rate) + rate) * w, state


@wrong("F24", "ε inside the square root", "optax's eps_root",
       revealed_by="gradients near ε",
       misses="with gradients of order 1, ε is below rounding either way")  # fmt: skip
class _(AdamW):
    def update(self, g, state, w, t):
        m, v, state = moments(g, state, self.beta1, self.beta2, t)
        return (1 - self.lr * self.weight_decay) * w - self.lr * (m / np.sqrt(v + self.eps)), state
