"""Adagrad: steps scaled by the sum of all squared gradients."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Sample
from ..updates import State, decayed, descend


@final
@dataclass(frozen=True)
class Adagrad:
    """w ← w - η_t g / (√s + ε),  with  g ← g + λ w,  s ← s + g²  and  η_t = η / (1 + (t - 1) δ)

    ``eps_inside`` puts ε into the root: √(s + ε), as optax does (torch: outside). s starts from
    initial_accumulator >= 0 (torch 0, optax 0.1). lr η > 0, lr_decay δ >= 0, weight_decay λ >= 0
    (coupled: L2), eps ε > 0. Source: Duchi, Hazan, Singer, "Adaptive subgradient methods for
    online learning and stochastic optimization" (2011), figure 1 (diagonal), where ε is δ.
    Raises nothing of its own.
    """

    lr: float = 0.01
    lr_decay: float = 0.0
    weight_decay: float = 0.0
    initial_accumulator: float = 0.0
    eps: float = 1e-10
    eps_inside: bool = False

    def init(self, w: Array) -> State:
        return {"s": np.zeros_like(w) + self.initial_accumulator}

    def update(self, g: Array, state: State, w: Array, t: int) -> tuple[Array, State]:
        g = decayed(g, self.weight_decay, w)
        s = state["s"] + g * g
        root = np.sqrt(s + self.eps) if self.eps_inside else np.sqrt(s) + self.eps
        return descend(w, self.lr / (1 + (t - 1) * self.lr_decay), g / root), {"s": s}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Adagrad(), normal(4, 3))
        yield Sample(Adagrad(0.1, 0.2, 0.3, 0.1, 1e-2), normal(2, 3, 2))
        yield Sample(Adagrad(0.1, 0.2, 0.3, 0.1, 1e-2, eps_inside=True), normal(3))
        yield Sample(Adagrad(0.1, eps=1e-8), normal(5), gradient_scale=1e-8)
        yield Sample(Adagrad(0.1, eps=1e-16, eps_inside=True), normal(5), gradient_scale=1e-8)
        yield Sample(Adagrad(initial_accumulator=0.1), normal(3), gradient_scale=1e4)
        yield Sample(Adagrad(1.0, eps=1e-7, eps_inside=True), normal(3), gradient_scale=1e4)
