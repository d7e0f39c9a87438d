"""ASGD: SGD with a rate that falls, and the average of the weights beside it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Sample
from ..updates import State, decayed, descend, scalar


@final
@dataclass(frozen=True)
class ASGD:
    """w ← (1 - λ η_t) w - η_t g,  with  g ← g + weight_decay w  and the average a of the weights

        a ← a + μ_t (w - a)
        η_t+1 = η / (1 + λ η t)^α,  η_1 = η          μ_t+1 = 1 / max(1, t - t0),  μ_1 = 1

    Training follows w; a is read at the end. lr η > 0, lambd λ >= 0, alpha α >= 0, t0 >= 0 where
    averaging starts. Source: Polyak and Juditsky, "Acceleration of stochastic approximation by
    averaging" (1992); the rates: Bottou, "Stochastic gradient descent tricks" (2012), section 4.
    Raises nothing of its own.
    """

    lr: float = 0.01
    lambd: float = 1e-4
    alpha: float = 0.75
    t0: float = 1e6
    weight_decay: float = 0.0

    def init(self, w: Array) -> State:
        return {"a": np.zeros_like(w), "eta": scalar(w, self.lr), "mu": scalar(w, 1.0)}

    def update(self, g: Array, state: State, w: Array, t: int) -> tuple[Array, State]:
        a, eta, mu = state["a"], state["eta"], state["mu"]
        g = decayed(g, self.weight_decay, w)
        w = descend((1 - self.lambd * eta) * w, eta, g)
        next_eta = self.lr / (1 + self.lambd * self.lr * t) ** self.alpha
        next_mu = 1 / max(1.0, t - self.t0)
        a = a + mu * (w - a)
        return w, {"a": a, "eta": scalar(w, next_eta), "mu": scalar(w, next_mu)}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(ASGD(), normal(4, 3))
        yield Sample(ASGD(0.1, 0.3, 0.6, t0=4.0, weight_decay=0.1), normal(2, 3, 2))
        yield Sample(ASGD(0.1, 0.1, t0=0.0), normal(5), gradient_scale=1e-8)
        yield Sample(ASGD(1e-3, 0.1, t0=10.0), normal(3), gradient_scale=1e4)
