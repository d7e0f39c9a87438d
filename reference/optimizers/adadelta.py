"""Adadelta: steps in the units of the weights, by the ratio of two running means."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Sample
from ..updates import State, decayed, descend, running_mean


@final
@dataclass(frozen=True)
class Adadelta:
    """w ← w - η d,  with  d = √(u + ε) / √(v + ε) g,  g ← g + λ w  and the running means

        v_t = ρ v_t-1 + (1 - ρ) g²           before the step
        u_t = ρ u_t-1 + (1 - ρ) d²           after it

    lr η > 0, rho ρ in [0, 1), eps ε > 0, weight_decay λ >= 0 (coupled: L2).
    Source: Zeiler, "ADADELTA: an adaptive learning rate method" (2012), algorithm 1, where η = 1.
    Raises nothing of its own.
    """

    lr: float = 1.0
    rho: float = 0.9
    eps: float = 1e-6
    weight_decay: float = 0.0

    def init(self, w: Array) -> State:
        return {"v": np.zeros_like(w), "u": np.zeros_like(w)}

    def update(self, g: Array, state: State, w: Array, t: int) -> tuple[Array, State]:
        g = decayed(g, self.weight_decay, w)
        v = running_mean(state["v"], g * g, self.rho)
        d = np.sqrt(state["u"] + self.eps) / np.sqrt(v + self.eps) * g
        u = running_mean(state["u"], d * d, self.rho)
        return descend(w, self.lr, d), {"v": v, "u": u}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Adadelta(), normal(4, 3))
        yield Sample(Adadelta(0.5, 0.7, 1e-2, weight_decay=0.1), normal(2, 3, 2))
        yield Sample(Adadelta(0.1, eps=1e-14), normal(5), gradient_scale=1e-8)
        yield Sample(Adadelta(2.0, 0.95), normal(3), gradient_scale=1e4)
