"""Wrong optimizers that know a matrix from a vector."""

from __future__ import annotations

import numpy as np

from ....reference.optimizers.adafactor import Adafactor
from ....reference.optimizers.muon import Muon
from ....reference.updates import rms
from ..registry import right, wrong

# Adafactor


def _moved(o, w, new_w, factor):
    """The step beside the decoupled decay, times a factor."""
    kept = (1 - o.lr * o.weight_decay) * w
    return kept + factor * (new_w - kept)


@wrong("OP20", "the step not clipped",
       revealed_by="a step whose rms exceeds the clip",
       misses="steps below the clip; it converges")  # fmt: skip
class _(Adafactor):
    def update(self, g, state, w, t):
        return right(self, clip=1e30).update(g, state, w, t)


@wrong("OP21", "the step not scaled by the size of the weights", "scale_parameter=False elsewhere",
       revealed_by="weights of a size other than 1",
       misses="weights of size 1, where the factor is 1; it converges")  # fmt: skip
class _(Adafactor):
    def update(self, g, state, w, t):
        new_w, new = super().update(g, state, w, t)
        return _moved(self, w, new_w, 1 / max(self.eps2, rms(w))), new


@wrong("OP22", "rows and columns exchanged in the estimate",
       revealed_by="a matrix",
       misses="gradients whose rows and columns are alike; a vector; it converges")  # fmt: skip
class _(Adafactor):
    def update(self, g, state, w, t):
        new_w, new = super().update(g, state, w, t)
        if "v" in new:
            return new_w, new
        row, col = new["col"].mean(axis=-1, keepdims=True), new["col"]
        d, estimate = new_w - (1 - self.lr * self.weight_decay) * w, new["row"] * col / row
        return new_w + d * (np.sqrt(estimate / (new["row"] * new["row"])) - 1), new


@wrong("OP23", "β counts from 0: 1 - (t + 1)^decay",
       revealed_by="the first step",
       misses="one step's weight in a running mean: it fades, and it converges")  # fmt: skip
class _(Adafactor):
    def update(self, g, state, w, t):
        return super().update(g, state, w, t + 1)


# Muon


@wrong("OP24", "scaled for weights stored as (out, in)", "torch.optim.Muon's layout",
       revealed_by="a matrix that is not square",
       misses="square matrices, where the factor is 1")  # fmt: skip
class _(Muon):
    def update(self, g, state, w, t):
        new_w, new = super().update(g, state, w, t)
        ratio = w.shape[0] / w.shape[1]
        return _moved(self, w, new_w, float(max(1, ratio) / max(1, 1 / ratio)) ** 0.5), new


@wrong("OP25", "no bias correction", "torch.optim.Muon has none",
       revealed_by="nesterov, two steps",
       misses="the step is made orthogonal, so its length hardly depends on the "
              "correction")  # fmt: skip
class _(Muon):
    def update(self, g, state, w, t):
        return super().update(g, state, w, 10**6)


@wrong("OP26", "one step of Newton and Schulz too few",
       misses="four steps come nearly as close to an orthogonal factor as five: it "
              "converges")  # fmt: skip
class _(Muon):
    def update(self, g, state, w, t):
        return right(self, steps=self.steps - 1).update(g, state, w, t)
