"""Wrong optimizers with a rate for every layer."""

from __future__ import annotations

import numpy as np

from ....reference.optimizers.lamb import LAMB
from ....reference.optimizers.lars import LARS
from ....reference.optimizers.novograd import NovoGrad
from ....reference.updates import corrected_root, norm, trust_ratio
from ..registry import wrong


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
