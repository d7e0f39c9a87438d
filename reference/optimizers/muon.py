"""Muon: momentum for matrices, whose steps are made nearly orthogonal."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Sample, expect
from ..updates import State, descend, newton_schulz, norm, running_mean


@final
@dataclass(frozen=True)
class Muon:
    """W ← W - η (√max(1, O/I) X + λ W)     W: (I, O),  X nearly the orthogonal factor of M

        m_t = β m_t-1 + (1 - β) g      M = β m_t / (1 - β^(t+1)) + (1 - β) g / (1 - β^t)
        X ← M / (‖M‖ + ε), then ``steps`` times   A = X Xᵀ,   X ← a X + (b A + c A²) X

    A tall M is transposed first; M = m_t / (1 - β^t) without ``nesterov``. torch has 1 for 1 - β^t
    (not ``corrected``), max(‖M‖, ε) (``eps_bounds``). lr η, eps > 0, beta in [0, 1), weight_decay
    λ >= 0. Source: Jordan, "Muon" (2024), of a, b, c too. Raises ValueError unless W is a matrix.
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
    corrected: bool = True
    eps_bounds: bool = False

    def init(self, w: Array) -> State:
        expect(w.ndim == 2, self, "a matrix (I, O)", w)
        return {"m": np.zeros_like(w)}

    def update(self, g: Array, state: State, w: Array, t: int) -> tuple[Array, State]:
        m, tall = running_mean(state["m"], g, self.beta), w.shape[0] > w.shape[1]
        left, later = (1 - self.beta ** (t + i) if self.corrected else 1.0 for i in (0, 1))
        ahead = self.beta / later * m + (1 - self.beta) / left * g
        d = ahead if self.nesterov else m / left
        size = np.maximum(norm(d), self.eps) if self.eps_bounds else norm(d) + self.eps
        x = newton_schulz((d.T if tall else d) / size, self.steps, self.a, self.b, self.c)
        scale = max(1.0, w.shape[1] / w.shape[0]) ** 0.5
        return descend(w, self.lr, scale * (x.T if tall else x) + self.weight_decay * w), {"m": m}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Muon(0.1, 0.7, 0.3, eps=0.1), normal(2, 5))
        yield Sample(Muon(0.1, nesterov=False, steps=3), normal(3, 4), gradient_scale=1e-8)
        yield Sample(Muon(0.1, 0.5, a=3.0, b=-3.2, c=1.2), normal(4, 3), gradient_scale=1e4)
        yield Sample(torch := Muon(corrected=False, eps_bounds=True), normal(4, 3))
        yield Sample(replace(torch, lr=0.1, steps=3), normal(2, 5), gradient_scale=1e4)
        yield Sample(replace(torch, nesterov=False), normal(3, 4), gradient_scale=1e-8)
