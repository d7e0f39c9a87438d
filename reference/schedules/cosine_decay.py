"""CosineDecay: half a cosine from the rate down to its end."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import steps
from ..protocols import Array, Sample


@final
@dataclass(frozen=True)
class CosineDecay:
    """η_t = η_e + (η - η_e) (1 + cos(π s/n))/2,  s = t - 1  t: (T,) integers from 1   η_t: (T,)

    After the n-th update s stays at n, as in optax; or, with ``returns``, goes on, so that the
    rate comes back up, as in torch. lr η > 0, end η_e >= 0, total n >= 1.
    Source: Loshchilov and Hutter, "SGDR" (2017), equation 5; torch's CosineAnnealingLR;
    optax.cosine_decay_schedule. Raises ValueError for an n below 1.
    """

    lr: float = 0.1
    total: int = 10
    end: float = 0.0
    returns: bool = False

    def __post_init__(self) -> None:
        if self.total < 1:
            raise ValueError(f"CosineDecay: total is {self.total}, 1 or more is needed")

    def __call__(self, t: Array) -> Array:
        s = t - 1 if self.returns else np.minimum(t - 1, self.total)
        return self.end + (self.lr - self.end) * (1 + np.cos(np.pi * s / self.total)) / 2

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(CosineDecay(0.1, 9, 0.01), steps(10))  # the conventions agree up to n + 1
        yield Sample(CosineDecay(0.1, 5, 0.01), steps(12))
        yield Sample(CosineDecay(0.1, 5, 0.01, returns=True), steps(12))
        yield Sample(CosineDecay(3.0, 7), steps(7))
