"""AdaBelief: Adam with the variance around the running mean in place of the square."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Sample
from ..updates import State, corrected_root, descend, running_mean


@final
@dataclass(frozen=True)
class AdaBelief:
    """w ← w - η m̂ / (√ŝ + ε),  with  m̂ = m_t / (1 - β1^t),  ŝ = s_t / (1 - β2^t)  and

        m_t = β1 m_t-1 + (1 - β1) g
        s_t = β2 s_t-1 + (1 - β2) (g - m_t)² + ε_root

    lr η > 0, beta1 and beta2 in [0, 1), eps ε > 0, eps_root >= 0, which the paper sets to ε.
    Source: Zhuang et al., "AdaBelief optimizer: adapting stepsizes by the belief in observed
    gradients" (2020), algorithm 2. Raises nothing of its own.
    """

    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-16
    eps_root: float = 1e-16

    def init(self, w: Array) -> State:
        return {"m": np.zeros_like(w), "s": np.zeros_like(w)}

    def update(self, g: Array, state: State, w: Array, t: int) -> tuple[Array, State]:
        m = running_mean(state["m"], g, self.beta1)
        away = g - m
        s = running_mean(state["s"], away * away, self.beta2) + self.eps_root
        d = m / corrected_root(s, self.beta2, self.eps, t)
        return descend(w, self.lr / (1 - self.beta1**t), d), {"m": m, "s": s}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(AdaBelief(0.01), normal(4, 3))
        yield Sample(AdaBelief(0.1, 0.5, 0.9, 1e-2, 1e-2), normal(2, 3, 2))
        yield Sample(AdaBelief(0.01, 0.8, 0.95, 1e-8), normal(5), gradient_scale=1e-8)
        yield Sample(AdaBelief(0.01), normal(3), gradient_scale=1e4)
