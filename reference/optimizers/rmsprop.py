"""RMSprop: steps scaled by a running mean of the squared gradient."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Sample
from ..updates import State, decayed, descend, running_mean


@final
@dataclass(frozen=True)
class RMSprop:
    """w ← w - η d  or, with momentum μ,  w ← w - η b,  b ← μ b + d;   d = g / (√(v - m²) + ε)

        g ← g + λ w,    v_t = α v_t-1 + (1 - α) g²,    m_t = α m_t-1 + (1 - α) g if ``centered``

    m is 0 otherwise. ``eps_inside`` the root is optax's default (torch: outside); ``lr_in_buffer``,
    b ← μ b - η d and w ← w + b, is optax's only form (torch: outside). lr η > 0, alpha α and
    momentum μ in [0, 1), eps ε > 0, weight_decay λ >= 0 (coupled: L2). Source: Tieleman, Hinton,
    "Lecture 6.5" (2012); Graves, arXiv:1308.0850 (2013), equation 38. Raises nothing of its own.
    """

    lr: float = 0.01
    alpha: float = 0.99
    eps: float = 1e-8
    weight_decay: float = 0.0
    momentum: float = 0.0
    centered: bool = False
    eps_inside: bool = False
    lr_in_buffer: bool = False

    def init(self, w: Array) -> State:
        names = "v" + "m" * self.centered + "b" * bool(self.momentum != 0)
        return {name: np.zeros_like(w) for name in names}

    def update(self, g: Array, state: State, w: Array, t: int) -> tuple[Array, State]:
        g = decayed(g, self.weight_decay, w)
        variance = v = running_mean(state["v"], g * g, self.alpha)
        new = {"v": v}
        if self.centered:
            m = new["m"] = running_mean(state["m"], g, self.alpha)
            variance = v - m * m
        d = g / (np.sqrt(variance + self.eps) if self.eps_inside else np.sqrt(variance) + self.eps)
        if self.momentum == 0:
            return descend(w, self.lr, d), new
        inside, outside = (-self.lr, -1.0) if self.lr_in_buffer else (1.0, self.lr)
        new["b"] = self.momentum * state["b"] + inside * d
        return descend(w, outside, new["b"]), new

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(RMSprop(0.05, 0.8, 1e-2, 0.1, 0.7, centered=True), normal(2, 3))
        yield Sample(RMSprop(0.05, 0.8, 1e-2, 0.1, 0.7, True, True, True), normal(3))
        yield Sample(RMSprop(0.05, 0.9, momentum=0.5), normal(5), gradient_scale=1e-8)
        yield Sample(RMSprop(eps=1e-16, eps_inside=True), normal(5), gradient_scale=1e-8)
        yield Sample(RMSprop(centered=True), normal(3), gradient_scale=1e4)
