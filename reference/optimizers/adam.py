"""Adam: steps scaled by running means of the gradient and of its square."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Sample
from ..updates import State, corrected_root, descend, moments


@final
@dataclass(frozen=True)
class Adam:
    """w ← w - η m̂ / (√v̂ + ε),  with  g ← g + λ w  and the moments

        m_t = β1 m_t-1 + (1 - β1) g       m̂ = m_t / (1 - β1^t)
        v_t = β2 v_t-1 + (1 - β2) g²      v̂ = v_t / (1 - β2^t)

    lr η > 0, beta1 β1 and beta2 β2 in [0, 1), eps ε > 0 outside the root, weight_decay λ >= 0
    (coupled: L2). Source: Kingma and Ba, "Adam: a method for stochastic optimization" (2015),
    algorithm 1. Raises nothing of its own.
    """

    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0

    def init(self, w: Array) -> State:
        return {"m": np.zeros_like(w), "v": np.zeros_like(w)}

    def update(self, g: Array, state: State, w: Array, t: int) -> tuple[Array, State]:
        if self.weight_decay != 0:
            g = g + self.weight_decay * w
        state = moments(g, state, self.beta1, self.beta2)
        root = corrected_root(state["v"], self.beta2, self.eps, t)
        d = np.divide(state["m"], root, out=root)
        return descend(w, self.lr / (1 - self.beta1**t), d), state

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Adam(), normal(4, 3))
        yield Sample(Adam(0.01, 0.8, 0.95, 1e-3, weight_decay=0.1), normal(2, 3, 2))
        yield Sample(Adam(0.1, 0.5, 0.9, 1e-6), normal(3))
        yield Sample(Adam(0.01), normal(5), gradient_scale=1e-8)  # gradients of the size of ε
        yield Sample(Adam(0.01), normal(5), gradient_scale=1e4)
