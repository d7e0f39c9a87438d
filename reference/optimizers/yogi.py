"""Yogi: Adam whose second moment changes by no more than the new square."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Sample
from ..updates import State, corrected_root, descend, running_mean


@final
@dataclass(frozen=True)
class Yogi:
    """w ← w - η m̂ / (√v̂ + ε),  with  m̂ = m_t / (1 - β1^t),  v̂ = v_t / (1 - β2^t)  and

        m_t = β1 m_t-1 + (1 - β1) g
        v_t = v_t-1 - (1 - β2) sign(v_t-1 - g²) g²

    Both start from initial_accumulator >= 0, as in optax. lr η > 0, beta1 and beta2 in [0, 1),
    eps ε > 0. Source: Zaheer et al., "Adaptive methods for nonconvex optimization" (2018),
    algorithm 2, which corrects no bias. Raises nothing of its own.
    """

    lr: float = 0.01
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-3
    initial_accumulator: float = 1e-6

    def init(self, w: Array) -> State:
        return {name: np.zeros_like(w) + self.initial_accumulator for name in ("m", "v")}

    def update(self, g: Array, state: State, w: Array, t: int) -> tuple[Array, State]:
        m = running_mean(state["m"], g, self.beta1)
        square = g * g
        v = state["v"] - (1 - self.beta2) * np.sign(state["v"] - square) * square
        d = m / corrected_root(v, self.beta2, self.eps, t)
        return descend(w, self.lr / (1 - self.beta1**t), d), {"m": m, "v": v}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Yogi(), normal(4, 3))
        yield Sample(Yogi(0.05, 0.5, 0.7, 1e-2, 1.0), normal(2, 3, 2))
        yield Sample(Yogi(0.05, 0.8, 0.9, 1e-6, 0.0), normal(5), gradient_scale=1e-8)
        yield Sample(Yogi(0.01), normal(3), gradient_scale=1e4)
