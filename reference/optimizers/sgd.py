"""SGD: stochastic gradient descent, with momentum, dampening, Nesterov and weight decay."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Sample
from ..updates import State, descend


@final
@dataclass(frozen=True)
class SGD:
    """w ← w - η d,  with  g ← g + λ w  and the momentum buffer v

        v_1 = g_1,   v_t = μ v_t-1 + (1 - τ) g_t          (the first step is not dampened)
        d   = v_t,   or g_t + μ v_t with ``nesterov``,   or g_t without momentum

    lr η > 0, momentum μ in [0, 1), dampening τ in [0, 1], weight_decay λ >= 0 (coupled: L2).
    Source: Sutskever, Martens, Dahl, Hinton, "On the importance of initialization and momentum"
    (2013), equations 1 to 4, in the form where η multiplies the buffer (torch.optim.SGD).
    Raises ValueError for Nesterov without momentum or with dampening, which has no definition.
    """

    lr: float = 0.01
    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        if self.nesterov and (self.momentum == 0 or self.dampening != 0):
            raise ValueError("SGD: nesterov needs momentum > 0 and dampening = 0")

    def init(self, w: Array) -> State:
        return {"v": np.zeros_like(w)} if self.momentum != 0 else {}

    def update(self, g: Array, state: State, w: Array, t: int) -> tuple[Array, State]:
        if self.weight_decay != 0:
            g = g + self.weight_decay * w
        if self.momentum == 0:
            return descend(w, self.lr, g), {}
        v = g if t == 1 else self.momentum * state["v"] + (1 - self.dampening) * g
        d = g + self.momentum * v if self.nesterov else v
        return descend(w, self.lr, d), {"v": v}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(SGD(0.1), normal(4, 3))
        yield Sample(SGD(0.1, momentum=0.9), normal(4, 3))
        yield Sample(SGD(0.05, momentum=0.8, dampening=0.3, weight_decay=0.1), normal(3))
        yield Sample(SGD(0.1, momentum=0.7, nesterov=True, weight_decay=0.01), normal(2, 3, 2))
        yield Sample(SGD(0.1, momentum=0.9), normal(5), gradient_scale=1e-8)
        yield Sample(SGD(1e-3, momentum=0.9, nesterov=True), normal(5), gradient_scale=1e4)
