"""ExponentialAverage: the running mean of the weights, which is what is evaluated in the end."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Sample


@final
@dataclass(frozen=True)
class ExponentialAverage:
    """a_t = β a_t-1 + (1 - β) w_t          w: (T, ...) the weights after each step   y: (T, ...)

    decay β in [0, 1). The first average is the first weights themselves (torch's AveragedModel);
    with ``debias`` it starts at zero and is divided by 1 - β^t (optax.ema).
    Source: Polyak and Juditsky (1992); Kingma and Ba (2015), section 3, for the correction.
    Raises nothing of its own.
    """

    decay: float = 0.99
    debias: bool = False

    def __call__(self, w: Array) -> Array:
        average = 0 * w[0] if self.debias else w[0]
        averages = []
        for t, now in enumerate(w, start=1):
            if self.debias or t > 1:
                average = self.decay * average + (1 - self.decay) * now
            averages.append(average / (1 - self.decay**t) if self.debias else average)
        return np.stack(averages)

    @staticmethod
    def samples() -> Iterator[Sample]:
        for debias in (False, True):
            yield Sample(ExponentialAverage(0.9, debias), normal(7, 3, 2))
            yield Sample(ExponentialAverage(0.99, debias), normal(4, 5, scale=1e4))
            yield Sample(ExponentialAverage(0.3, debias), normal(3, 1, scale=1e-8))
