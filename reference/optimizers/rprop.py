"""Rprop: steps that know the sign of the gradient, and grow while it stays."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Sample
from ..updates import State, descend


@final
@dataclass(frozen=True)
class Rprop:
    """w ← w - sign(g) δ,   with a step size δ for every entry

        δ ← min(δ η⁺, δ_max)  where g g_prev > 0
        δ ← max(δ η⁻, δ_min)  where g g_prev < 0,  then g ← 0: no step there, and a fresh start
        δ stays               where g g_prev = 0

    optax is ``late``: w makes the step of the update before, but where the sign has changed. lr > 0
    is the first δ, within [min_step, max_step]; eta_minus η⁻ in (0, 1), eta_plus η⁺ > 1.
    Source: Riedmiller and Braun, "A direct adaptive method for faster backpropagation learning"
    (1993); in the form iRprop⁻ of Igel and Hüsken (2000). Raises nothing of its own.
    """

    lr: float = 0.01
    eta_minus: float = 0.5
    eta_plus: float = 1.2
    min_step: float = 1e-6
    max_step: float = 50.0
    late: bool = False

    def init(self, w: Array) -> State:
        return {"prev": np.zeros_like(w), "step": np.zeros_like(w) + self.lr}

    def update(self, g: Array, state: State, w: Array, t: int) -> tuple[Array, State]:
        prev, step = state["prev"], state["step"]
        same = np.sign(g) * np.sign(prev)  # the product itself may underflow
        shorter = np.where(same < 0, self.eta_minus * step, step)
        step = np.where(same > 0, self.eta_plus * step, shorter)
        step = np.maximum(np.minimum(step, self.max_step), self.min_step)
        g = np.where(same < 0, 0.0, g)
        d = np.sign(g) * step
        made, kept = (np.where(same < 0, 0.0, prev), d) if self.late else (d, g)
        return descend(w, 1.0, made), {"prev": kept, "step": step}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Rprop(), normal(4, 3))
        yield Sample(Rprop(0.1, 0.3, 1.7, 0.05, 0.2), normal(2, 3, 2))
        yield Sample(Rprop(0.1, 0.7, 1.3), normal(8), gradient_scale=1e-8)
        yield Sample(Rprop(1.0), normal(7), gradient_scale=1e4)
        yield Sample(Rprop(late=True), normal(4, 3), gradient_scale=1e4)
        yield Sample(Rprop(0.1, 0.3, 1.7, 0.05, 0.2, late=True), normal(2, 3, 2))
        yield Sample(Rprop(0.1, 0.7, 1.3, late=True), normal(8), gradient_scale=1e-8)
