"""Adafactor: Adam's second moment kept as a row and a column, without a first moment."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Sample
from ..updates import State, rms, second_moment


@final
@dataclass(frozen=True)
class Adafactor:
    """w ← (1 - η λ) w - min(η, 1/√t) max(ε2, rms(w)) d / max(1, rms(d) / c),   d = g / √v

        r ← β r + (1 - β) mean_j g_ij²     s ← β s + (1 - β) mean_i g_ij²        β = 1 - t^decay
        v_ij = max(r_i s_j / max(mean(r), ε1), ε1²);    for a vector v ← β v + (1 - β) g²

    i, j: the last two axes. optax adds ε1 to g² instead (``eps_added``), has η for min(η, 1/√t)
    (not ``capped``), and v of a vector where an axis is below ``smallest`` (128). lr η, eps1, eps2,
    clip c > 0, decay < 0, weight_decay λ >= 0. Raises nothing of its own.
    Source: Shazeer and Stern, "Adafactor" (2018), algorithms 4 and 5.
    """

    lr: float = 0.01
    decay: float = -0.8
    eps1: float = 1e-30
    eps2: float = 1e-3
    clip: float = 1.0
    weight_decay: float = 0.0
    eps_added: bool = False
    capped: bool = True
    smallest: int = 1

    def init(self, w: Array) -> State:
        factored = w.ndim > 1 and min(w.shape[-2:]) >= self.smallest
        parts = {"row": w[..., :1], "col": w[..., :1, :]} if factored else {"v": w}
        return {name: np.zeros_like(part) for name, part in parts.items()}

    def update(self, g: Array, state: State, w: Array, t: int) -> tuple[Array, State]:
        square, beta = g * g + self.eps1 if self.eps_added else g * g, 1 - t**self.decay
        state, v = second_moment(state, square, beta, self.eps1)
        d = g / (np.sqrt(v) if self.eps_added else np.maximum(np.sqrt(v), self.eps1))
        rate = (min(self.lr, t**-0.5) if self.capped else self.lr) * max(self.eps2, rms(w))
        rate = rate / max(1.0, rms(d) / self.clip)
        return (1 - self.lr * self.weight_decay) * w - rate * d, state

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Adafactor(), normal(2, 3, 2))
        yield Sample(Adafactor(0.5, -0.5, 0.3, 0.5, 1.3, 0.1), normal(4, 3), gradient_scale=1e4)
        yield Sample(Adafactor(0.05), normal(5), gradient_scale=1e-8)
        yield Sample(optax := Adafactor(0.5, -0.5, 0.3, 0.5, 0.7, 0.1, True, False), normal(3, 4))
        yield Sample(Adafactor(0.05, eps_added=True), normal(4, 2), gradient_scale=1e-8)
        yield Sample(replace(optax, smallest=4), normal(3, 4), gradient_scale=1e4)
