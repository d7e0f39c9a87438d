"""LARS: momentum on gradients scaled to the norm of the weights they move."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import constant, normal
from ..protocols import Array, Sample
from ..updates import State, decayed, trust_ratio


@final
@dataclass(frozen=True)
class LARS:
    """w ← w + v,   v ← μ v - η c ‖w‖ / (‖d‖ + ε) d,   with  d = g + λ w

    The norms are those of the whole array; where one of them is 0 the ratio c ‖w‖ / (‖d‖ + ε) is 1.
    With ``nesterov`` w moves by μ v - η c ... d. lr η > 0, momentum μ in [0, 1), trust c > 0,
    weight_decay λ >= 0, eps ε >= 0. Source: You, Gitman, Ginsburg, "Large batch training of
    convolutional networks" (2017), algorithm 1, which has ‖g‖ + λ ‖w‖ for ‖g + λ w‖; this is
    optax's form. Raises nothing of its own.
    """

    lr: float = 0.1
    momentum: float = 0.9
    trust: float = 1e-3
    weight_decay: float = 0.0
    eps: float = 0.0
    nesterov: bool = False

    def init(self, w: Array) -> State:
        return {"v": np.zeros_like(w)}

    def update(self, g: Array, state: State, w: Array, t: int) -> tuple[Array, State]:
        d = decayed(g, self.weight_decay, w)
        step = -self.lr * trust_ratio(w, d, self.trust, self.eps) * d
        v = self.momentum * state["v"] + step
        return w + (self.momentum * v + step if self.nesterov else v), {"v": v}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(LARS(), normal(4, 3))
        yield Sample(LARS(0.01), constant(0.0, 0.0, 0.0))
        yield Sample(LARS(0.5, 0.7, 0.1, 0.3, 0.1), normal(2, 3, 2))
        yield Sample(LARS(0.5, 0.7, 0.1, 0.3, nesterov=True), normal(3))
        yield Sample(LARS(1.0, 0.5, 0.1, eps=1e-9), normal(5), gradient_scale=1e-8)
        yield Sample(LARS(1.0, 0.5, 0.1), normal(3), gradient_scale=1e4)
