"""Wrong optimizers that read curvature off the steps they made."""

from __future__ import annotations

import numpy as np

from ....reference.optimizers.lbfgs import LBFGS
from ....reference.updates import inverse_hessian_times
from ..registry import right, wrong


def _along(o, g, state, w, t, direction):
    """The right state, and the step along another direction from the second one on."""
    new_w, new = right(o).update(g, state, w, t)
    if t == 1 or np.array_equal(new_w, w):
        return new_w, new
    step = -o.lr * direction(new["s"], new["y"], new["rho"])
    return w + step, new | ({} if o.by_weights else {"last": step})


@wrong("LB01", "the first loop begins with the oldest pair", revealed_by="two pairs",
       misses="it still goes down the bowl, and with one pair there is no order")  # fmt: skip
class _(LBFGS):
    def update(self, g, state, w, t):
        return _along(self, g, state, w, t, lambda *pairs: (
            inverse_hessian_times(g, *(rows[::-1] for rows in pairs))
        ))  # fmt: skip


@wrong("LB02", "γ left at 1: the first guess is not scaled", revealed_by="a curvature other than 1",
       misses="any positive definite H descends; the pairs mend much of it")  # fmt: skip
class _(LBFGS):
    def update(self, g, state, w, t):
        none = np.zeros((1, w.size), w.dtype)  # a last row whose γ is 1
        return _along(self, g, state, w, t, lambda s, y, rho: (
            inverse_hessian_times(g, np.vstack([s, none]), np.vstack([y, none]), np.append(rho, 0))
        ))  # fmt: skip


@wrong("LB03", "the oldest pair forgotten one step early", revealed_by="more steps than pairs",
       misses="the memory is longer than most tests run")  # fmt: skip
class _(LBFGS):
    def update(self, g, state, w, t):
        return _along(self, g, state, w, t, lambda *pairs: (
            inverse_hessian_times(g, *(rows[1:] for rows in pairs))
        ))  # fmt: skip


@wrong("LB04", "the newest pair is used one step late", revealed_by="the second step",
       misses="it converges, a step behind")  # fmt: skip
class _(LBFGS):
    def update(self, g, state, w, t):
        return _along(self, g, state, w, t, lambda *_: (
            inverse_hessian_times(g, state["s"], state["y"], state["rho"])
        ))  # fmt: skip


@wrong("LB05", "y with the wrong sign: no pair has a curvature above 0", revealed_by="two steps",
       misses="the first step is right")  # fmt: skip
class _(LBFGS):
    def update(self, g, state, w, t):
        return super().update(g, state | {"g": 2 * g - state["g"]} if t > 1 else state, w, t)


@wrong("LB06", "s without the learning rate", revealed_by="a rate other than 1",
       misses="the rate is 1 by default")  # fmt: skip
class _(LBFGS):
    def update(self, g, state, w, t):
        last = state["last"] / self.lr
        if self.by_weights:
            last = w - (w - state["last"]) / self.lr
        return super().update(g, state | {"last": last}, w, t)


@wrong("LB07", "the first gradient's other norm", "torch takes the 1-norm, optax the 2-norm",
       revealed_by="the first step, a norm above 1",
       misses="only the first step differs")  # fmt: skip
class _(LBFGS):
    def update(self, g, state, w, t):
        return right(self, first_norm=3 - self.first_norm).update(g, state, w, t)


@wrong("LB08", "every pair counts, or only those above a curvature where every pair should",
       "torch and optax do one each", revealed_by="a pair without curvature",
       misses="a convex problem has no such pairs")  # fmt: skip
class _(LBFGS):
    def update(self, g, state, w, t):
        other = 1e-10 if self.curvature is None else None
        return right(self, curvature=other).update(g, state, w, t)
