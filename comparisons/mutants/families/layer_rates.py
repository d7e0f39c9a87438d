"""Wrong optimizers with a rate for every layer."""

from __future__ import annotations

import numpy as np

from ....reference.optimizers.lamb import LAMB
from ....reference.optimizers.lars import LARS
from ....reference.optimizers.novograd import NovoGrad
from ....reference.updates import corrected_root, norm, trust_ratio
from ..registry import wrong


@wrong("OP33", "the ratio without the decay in its norm",
       revealed_by="weight decay",
       misses="weight decay is 0 by default")  # fmt: skip
class _(LAMB):
    def update(self, g, state, w, t):
        new_w, new = super().update(g, state, w, t)
        root = corrected_root(new["v"], self.beta2, self.eps, t)
        d = new["m"] / (1 - self.beta1**t) / root
        right = trust_ratio(w, d + self.weight_decay * w)
        return w + (new_w - w) * trust_ratio(w, d) / right, new


@wrong("OP34", "the ratio is 0 where the weights are, so that they never move",
       revealed_by="weights that start from 0",
       misses="weights that start away from 0")  # fmt: skip
class _(LAMB):
    def update(self, g, state, w, t):
        new_w, new = super().update(g, state, w, t)
        return (new_w if norm(w) > 0 else w), new


@wrong("OP35", "‖g‖ + λ ‖w‖ in place of ‖g + λ w‖", "the paper's form, where optax's is meant",
       revealed_by="weight decay",
       misses="weight decay is 0 by default")  # fmt: skip
class _(LARS):
    def update(self, g, state, w, t):
        d = g + self.weight_decay * w
        below = norm(g) + self.weight_decay * norm(w)
        factor = (norm(d) + self.eps) / (below + self.eps)
        step = -self.lr * trust_ratio(w, d, self.trust, self.eps) * factor * d
        v = self.momentum * state["v"] + step
        return w + (self.momentum * v + step if self.nesterov else v), {"v": v}


@wrong("OP36", "the ratio taken of the momentum, not of the gradient", "LARC's variants",
       revealed_by="two steps",
       misses="the first step is right, and the loss falls")  # fmt: skip
class _(LARS):
    def update(self, g, state, w, t):
        d = g + self.weight_decay * w
        v = self.momentum * state["v"] - self.lr * d
        ratio = trust_ratio(w, v, self.trust, self.eps)
        return w + ratio * (self.momentum * v - self.lr * d if self.nesterov else v), {"v": v}


@wrong("OP44", "v starts from 0, not from the first norm",
       revealed_by="the first step",
       misses="it converges, from larger first steps; rates of 1e-3 are within 5e-4")  # fmt: skip
class _(NovoGrad):
    def update(self, g, state, w, t):
        return super().update(g, state, w, t + 1)


@wrong("OP45", "(1 - β1) d in place of d", "the momentum of Adam",
       revealed_by="two steps",
       misses="the rate becomes ten times too small, and the loss falls all the same")  # fmt: skip
class _(NovoGrad):
    def update(self, g, state, w, t):
        new_w, new = super().update(g, state, w, t)
        late = self.beta1 * (new["m"] - self.beta1 * state["m"])
        return new_w + self.lr * late, new | {"m": new["m"] - late}


@wrong("OP46", "a norm for every entry, as in Adam",
       revealed_by="two entries",
       misses="tensors of one entry; it converges as Adam does")  # fmt: skip
class _(NovoGrad):
    def update(self, g, state, w, t):
        _, new = super().update(g, state, w, t)
        d = g / (np.abs(g) + self.eps) + self.weight_decay * w
        m = self.beta1 * state["m"] + d
        return w - self.lr * m, new | {"m": m}
