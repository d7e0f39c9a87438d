"""Plateau: the rate drops when the loss has stopped falling."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import steps
from ..protocols import Array, Sample


@final
@dataclass(frozen=True)
class Plateau:
    """η_t after the losses of t - 1 updates: times γ whenever the loss is no better for too long

    t: (T,) integers from 1, η_t: (T,). A loss is better if it is below (1 - threshold) best. After
    p bad ones in a row (optax), or p + 1 with ``patient`` (torch), the rate is multiplied by
    factor γ and kept at or above the share ``floor`` of lr; for the next ``cooldown`` losses
    none is counted as bad. lr η > 0, patience p >= 1, losses one for every update.
    Source: torch's ReduceLROnPlateau; optax.contrib.reduce_on_plateau.
    Raises ValueError where t goes beyond the losses.
    """

    losses: tuple[float, ...]
    lr: float = 0.1
    factor: float = 0.1
    patience: int = 2
    threshold: float = 1e-4
    cooldown: int = 0
    floor: float = 0.0
    patient: bool = True

    def __call__(self, t: Array) -> Array:
        if t.max() > len(self.losses) + 1:
            raise ValueError(f"Plateau: update {t.max()} needs {t.max() - 1} losses")
        scale, best, bad, cooling = 1.0, float("inf"), 0, 0
        scales = [scale]
        for loss in self.losses:
            better = loss < best * (1 - self.threshold)
            best, bad = (loss, 0) if better else (best, bad + 1)
            if cooling:
                cooling, bad = cooling - 1, 0
            if bad == self.patience + self.patient:
                scale = scale * self.factor
                scale, bad, cooling = np.maximum(scale, self.floor), 0, self.cooldown
            scales.append(scale)
        return np.stack([self.lr * scales[i - 1] for i in t])

    @staticmethod
    def samples() -> Iterator[Sample]:
        losses = (3.0, 2.0, 2.5, 2.0, 2.1, 1.9, 1.95, 1.9, 1.91, 1.92, 1.93, 1.5, 1.6, 1.7, 1.8)
        for patient in (True, False):
            yield Sample(Plateau(losses, 0.1, 0.3, 2, patient=patient), steps(16))
            hasty = Plateau(losses, 1.0, 0.7, 1, 0.1, cooldown=2, floor=0.4, patient=patient)
            yield Sample(hasty, steps(16))
