"""NovoGrad: momentum on gradients divided by a running norm, one for each array."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Sample
from ..updates import State, descend, running_mean


@final
@dataclass(frozen=True)
class NovoGrad:
    """w ← w - η m,   with one number v for the whole array, and

        v_1 = ‖g‖²,                    v_t = β2 v_t-1 + (1 - β2) ‖g‖²
        m_1 = d,    m_t = β1 m_t-1 + d       with  d = g / (√v_t + ε) + λ w

    lr η > 0, beta1 and beta2 in [0, 1), eps ε > 0, weight_decay λ >= 0.
    Source: Ginsburg et al., "Stochastic gradient methods with layer-wise adaptive moments for
    training of deep networks" (2019), algorithm 1. Raises nothing of its own.
    """

    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.25
    eps: float = 1e-6
    weight_decay: float = 0.0

    def init(self, w: Array) -> State:
        return {"m": np.zeros_like(w), "v": np.zeros_like(np.sum(w))}

    def update(self, g: Array, state: State, w: Array, t: int) -> tuple[Array, State]:
        square = np.sum(g * g)[...]
        v = square if t == 1 else running_mean(state["v"], square, self.beta2)[...]
        m = self.beta1 * state["m"] + g / (np.sqrt(v) + self.eps) + self.weight_decay * w
        return descend(w, self.lr, m), {"m": m, "v": v}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(NovoGrad(), normal(4, 3))
        yield Sample(NovoGrad(0.05, 0.5, 0.8, 1e-2, weight_decay=0.3), normal(2, 3, 2))
        yield Sample(NovoGrad(0.01, 0.8, 0.95), normal(5), gradient_scale=1e-8)
        yield Sample(NovoGrad(0.01, eps=1e-8), normal(3), gradient_scale=1e4)
