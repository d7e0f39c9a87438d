"""Muon: momentum for matrices, whose steps are made nearly orthogonal."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Sample, expect
from ..updates import State, descend, norm, running_mean


@final
@dataclass(frozen=True)
class Muon:
    """W ← W - η (√max(1, O/I) X + λ W)     W: (I, O),  X nearly the orthogonal factor of M

        m_t = β m_t-1 + (1 - β) g      M = β m_t / (1 - β^(t+1)) + (1 - β) g / (1 - β^t)
        X ← M / (‖M‖ + ε), then ``steps`` times   A = X Xᵀ,   X ← a X + (b A + c A²) X

    A tall M is transposed first; M = m_t / (1 - β^t) without ``nesterov``. lr η > 0, beta β in
    [0, 1), weight_decay λ >= 0, eps ε > 0; a, b, c of the Newton-Schulz step: 3.4445, -4.775,
    2.0315. Source: Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024),
    with optax's corrections of bias. Raises ValueError unless W is a matrix.
    """

    lr: float = 0.02
    beta: float = 0.95
    weight_decay: float = 0.0
    nesterov: bool = True
    steps: int = 5
    eps: float = 1e-8
    a: float = 3.4445
    b: float = -4.775
    c: float = 2.0315

    def init(self, w: Array) -> State:
        expect(w.ndim == 2, self, "a matrix (I, O)", w)
        return {"m": np.zeros_like(w)}

    def update(self, g: Array, state: State, w: Array, t: int) -> tuple[Array, State]:
        m, left = running_mean(state["m"], g, self.beta), 1 - self.beta**t
        ahead = self.beta / (1 - self.beta ** (t + 1)) * m + (1 - self.beta) / left * g
        d = ahead if self.nesterov else m / left
        x = (d.T if w.shape[0] > w.shape[1] else d) / (norm(d) + self.eps)
        for _ in range(self.steps):
            A = x @ x.T
            x = self.a * x + (self.b * A + self.c * (A @ A)) @ x
        x = x.T if w.shape[0] > w.shape[1] else x
        scale = max(1.0, w.shape[1] / w.shape[0]) ** 0.5
        return descend(w, self.lr, scale * x + self.weight_decay * w), {"m": m}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Muon(), normal(4, 3))
        yield Sample(Muon(0.1, 0.7, 0.3, eps=0.1), normal(2, 5))
        yield Sample(Muon(0.1, nesterov=False, steps=3), normal(3, 4), gradient_scale=1e-8)
        yield Sample(Muon(0.1, 0.5, a=3.0, b=-3.2, c=1.2), normal(3, 3), gradient_scale=1e4)
