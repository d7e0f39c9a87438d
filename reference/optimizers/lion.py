"""Lion: the sign of a momentum, with two rates of forgetting."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Sample
from ..updates import State, descend, running_mean


@final
@dataclass(frozen=True)
class Lion:
    """w ← w - η (sign(β1 m + (1 - β1) g) + λ w),   and then   m ← β2 m + (1 - β2) g

    Every entry moves by the same η, so η is chosen smaller than for Adam, and λ larger.
    lr η > 0, beta1 and beta2 in [0, 1), weight_decay λ >= 0 (decoupled, times η).
    Source: Chen et al., "Symbolic discovery of optimization algorithms" (2023), algorithm 2.
    Raises nothing of its own.
    """

    lr: float = 1e-4
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.0

    def init(self, w: Array) -> State:
        return {"m": np.zeros_like(w)}

    def update(self, g: Array, state: State, w: Array, t: int) -> tuple[Array, State]:
        d = np.sign(running_mean(state["m"], g, self.beta1)) + self.weight_decay * w
        return descend(w, self.lr, d), {"m": running_mean(state["m"], g, self.beta2)}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Lion(), normal(4, 3))
        yield Sample(Lion(0.1, 0.5, 0.8, weight_decay=0.3), normal(2, 3, 2))
        yield Sample(Lion(0.01, 0.95, 0.9), normal(5), gradient_scale=1e-8)
        yield Sample(Lion(0.01), normal(3), gradient_scale=1e4)
