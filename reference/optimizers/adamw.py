"""AdamW: Adam with the weight decay kept out of the moments."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Sample
from ..updates import State, corrected_root, descend, moments


@final
@dataclass(frozen=True)
class AdamW:
    """w ← (1 - η λ) w - η m̂ / (√v̂ + ε)   with the moments m̂ and v̂ of Adam

    lr η > 0, beta1 and beta2 in [0, 1), eps ε > 0, weight_decay λ >= 0, multiplied by η as torch
    and optax do (the paper's algorithm 2 multiplies it by the schedule only).
    Source: Loshchilov and Hutter, "Decoupled weight decay regularization" (2019), algorithm 2.
    Raises nothing of its own.
    """

    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.01

    def init(self, w: Array) -> State:
        return {"m": np.zeros_like(w), "v": np.zeros_like(w)}

    def update(self, g: Array, state: State, w: Array, t: int) -> tuple[Array, State]:
        state = moments(g, state, self.beta1, self.beta2)
        root = corrected_root(state["v"], self.beta2, self.eps, t)
        d = np.divide(state["m"], root, out=root)
        kept = (1 - self.lr * self.weight_decay) * w
        return descend(kept, self.lr / (1 - self.beta1**t), d), state

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(AdamW(), normal(4, 3))
        yield Sample(AdamW(0.01, 0.8, 0.95, 1e-3, weight_decay=0.3), normal(2, 3, 2))
        yield Sample(AdamW(0.1, 0.5, 0.9, 1e-6, weight_decay=0.1), normal(3))
        yield Sample(AdamW(0.01), normal(5), gradient_scale=1e-8)
        yield Sample(AdamW(0.01), normal(5), gradient_scale=1e4)
