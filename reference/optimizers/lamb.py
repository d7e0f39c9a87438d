"""LAMB: Adam with a step in proportion to the norm of the weights it moves."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import constant, normal
from ..protocols import Array, Sample
from ..updates import State, corrected_root, descend, moments, trust_ratio


@final
@dataclass(frozen=True)
class LAMB:
    """w ← w - η ‖w‖ / ‖d‖ d,  with  d = m̂ / (√v̂ + ε) + λ w  and the moments m̂ and v̂ of Adam

    The norms are those of the whole array; where one of them is 0 the ratio is 1. lr η > 0, beta1
    and beta2 in [0, 1), eps ε > 0, weight_decay λ >= 0. Source: You et al., "Large batch
    optimization for deep learning: training BERT in 76 minutes" (2020), algorithm 2, with φ the
    identity. Raises nothing of its own.
    """

    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-6
    weight_decay: float = 0.0

    def init(self, w: Array) -> State:
        return {"m": np.zeros_like(w), "v": np.zeros_like(w)}

    def update(self, g: Array, state: State, w: Array, t: int) -> tuple[Array, State]:
        state = moments(g, state, self.beta1, self.beta2)
        root = corrected_root(state["v"], self.beta2, self.eps, t)
        d = state["m"] / (1 - self.beta1**t) / root + self.weight_decay * w
        return descend(w, self.lr * trust_ratio(w, d), d), state

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(LAMB(), normal(4, 3))
        yield Sample(LAMB(0.01), constant(0.0, 0.0, 0.0))
        yield Sample(LAMB(0.1, 0.5, 0.9, 1e-2, weight_decay=0.3), normal(2, 3, 2))
        yield Sample(LAMB(0.01), normal(5), gradient_scale=1e-8)
        yield Sample(LAMB(0.01, 0.8, 0.95), normal(3), gradient_scale=1e4)
