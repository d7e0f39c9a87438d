"""Adafactor: Adam's second moment kept as a row and a column, without a first moment."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Sample
from ..updates import State, rms, running_mean


@final
@dataclass(frozen=True)
class Adafactor:
    """w ← (1 - η λ) w - min(η, 1/√t) max(ε2, rms(w)) d / max(1, rms(d) / c),   d = g / √v

        r ← β r + (1 - β) mean_j g_ij²     s ← β s + (1 - β) mean_i g_ij²        β = 1 - t^decay
        v_ij = max(r_i s_j / max(mean(r), ε1), ε1²);    for a vector v ← β v + (1 - β) g²

    With ``eps_added`` ε1 joins g² instead: the paper's and optax's form; the bounds are torch's.
    i and j are the last two axes. lr η, eps1, eps2, clip c > 0, decay < 0, weight_decay λ >= 0.
    Source: Shazeer and Stern, "Adafactor" (2018), algorithms 4, 5. Raises nothing of its own.
    """

    lr: float = 0.01
    decay: float = -0.8
    eps1: float = 1e-30
    eps2: float = 1e-3
    clip: float = 1.0
    weight_decay: float = 0.0
    eps_added: bool = False

    def init(self, w: Array) -> State:
        parts = {"row": w[..., :1], "col": w[..., :1, :]} if w.ndim > 1 else {"v": w}
        return {name: np.zeros_like(part) for name, part in parts.items()}

    def update(self, g: Array, state: State, w: Array, t: int) -> tuple[Array, State]:
        square, beta = g * g + self.eps1 if self.eps_added else g * g, 1 - t**self.decay
        if w.ndim < 2:
            v = running_mean(state["v"], square, beta)
            state = {"v": v}
        else:
            row = running_mean(state["row"], square.mean(axis=-1, keepdims=True), beta)
            col = running_mean(state["col"], square.mean(axis=-2, keepdims=True), beta)
            v = row * col / np.maximum(row.mean(axis=-2, keepdims=True), self.eps1)
            state = {"row": row, "col": col}
        d = g / np.sqrt(v if self.eps_added else np.maximum(v, self.eps1 * self.eps1))
        rate = min(self.lr, t**-0.5) * max(self.eps2, rms(w)) / max(1.0, rms(d) / self.clip)
        return (1 - self.lr * self.weight_decay) * w - rate * d, state

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Adafactor(), normal(2, 3, 2))
        yield Sample(Adafactor(0.5, -0.5, 0.3, 0.5, 1.3, 0.1), normal(4, 3))
        yield Sample(Adafactor(0.5, -0.5, 0.3, 0.5, 0.7, 0.1, eps_added=True), normal(3, 4))
        yield Sample(Adafactor(0.05, eps_added=True), normal(4, 2), gradient_scale=1e-8)
        yield Sample(Adafactor(0.05), normal(5), gradient_scale=1e-8)
        yield Sample(Adafactor(0.05, eps_added=True), normal(3), gradient_scale=1e4)
