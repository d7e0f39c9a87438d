"""SparseAdam: Adam for gradients that are mostly zero, which leaves the rest alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Sample
from ..updates import State, corrected_root, descend, moments


@final
@dataclass(frozen=True)
class SparseAdam:
    """w ← w - η m̂ / ((√v + ε) / √(1 - β2^t))   with the moments of Adam, where g is not 0

    Where g = 0 neither w nor the moments change, though t does. The ε is added before the bias is
    corrected. lr η > 0, beta1 and beta2 in [0, 1), eps ε > 0. Source: Kingma and Ba, "Adam: a
    method for stochastic optimization" (2015), the efficient form at the end of section 2, in the
    lazy version of torch.optim.SparseAdam. Raises nothing of its own.
    """

    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def init(self, w: Array) -> State:
        return {"m": np.zeros_like(w), "v": np.zeros_like(w)}

    def update(self, g: Array, state: State, w: Array, t: int) -> tuple[Array, State]:
        seen = g != 0
        new = moments(g, state, self.beta1, self.beta2)
        new = {name: np.where(seen, new[name], state[name]) for name in new}
        root = corrected_root(new["v"], self.beta2, self.eps / (1 - self.beta2**t) ** 0.5, t)
        d = np.where(seen, new["m"] / root, 0.0)
        return descend(w, self.lr / (1 - self.beta1**t), d), new

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(SparseAdam(), normal(4, 3))
        yield Sample(SparseAdam(0.1, 0.5, 0.9, 1e-2), normal(3))
        yield Sample(SparseAdam(0.01), normal(5), gradient_scale=1e-8)
        yield Sample(SparseAdam(0.01, 0.8, 0.95), normal(5), gradient_scale=1e4)
