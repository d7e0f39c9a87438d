"""Adamax: Adam with the infinity norm in place of the second moment."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Sample
from ..updates import State, decayed, descend, running_mean


@final
@dataclass(frozen=True)
class Adamax:
    """w ← w - η / (1 - β1^t) m / u,  with  g ← g + λ w  and

        m_t = β1 m_t-1 + (1 - β1) g
        u_t = max(β2 u_t-1, |g| + ε)

    lr η > 0, beta1 and beta2 in [0, 1), eps ε > 0, weight_decay λ >= 0 (coupled: L2).
    Source: Kingma and Ba, "Adam: a method for stochastic optimization" (2015), algorithm 2, which
    has no ε; torch and optax add it to |g|. Raises nothing of its own.
    """

    lr: float = 2e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0

    def init(self, w: Array) -> State:
        return {"m": np.zeros_like(w), "u": np.zeros_like(w)}

    def update(self, g: Array, state: State, w: Array, t: int) -> tuple[Array, State]:
        g = decayed(g, self.weight_decay, w)
        m = running_mean(state["m"], g, self.beta1)
        u = np.maximum(self.beta2 * state["u"], np.abs(g) + self.eps)
        return descend(w, self.lr / (1 - self.beta1**t), m / u), {"m": m, "u": u}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Adamax(), normal(4, 3))
        yield Sample(Adamax(0.1, 0.5, 0.7, 1e-3, weight_decay=0.1), normal(2, 3, 2))
        yield Sample(Adamax(0.01, 0.8, 0.9), normal(5), gradient_scale=1e-8)
        yield Sample(Adamax(0.01), normal(3), gradient_scale=1e4)
