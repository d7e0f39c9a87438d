"""AMSGrad: Adam with the largest second moment so far, so that no rate ever grows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Sample
from ..updates import State, corrected_root, decayed, descend, moments


@final
@dataclass(frozen=True)
class AMSGrad:
    """w ← w - η m̂ / (√v̂ + ε)   with the moments m and v of Adam, and the largest v so far

        v_max ← max(v_max, v),                   v̂ = v_max / (1 - β2^t)
        v_max ← max(v_max, v / (1 - β2^t)),      v̂ = v_max        with ``corrected_first``

    The first is torch's, the second optax's. lr η > 0, beta1 and beta2 in [0, 1), eps ε > 0,
    weight_decay λ >= 0 (coupled: L2). Source: Reddi, Kale, Kumar, "On the convergence of Adam and
    beyond" (2018), algorithm 2, which corrects no bias. Raises nothing of its own.
    """

    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0
    corrected_first: bool = False

    def init(self, w: Array) -> State:
        return {"m": np.zeros_like(w), "v": np.zeros_like(w), "v_max": np.zeros_like(w)}

    def update(self, g: Array, state: State, w: Array, t: int) -> tuple[Array, State]:
        new = moments(decayed(g, self.weight_decay, w), state, self.beta1, self.beta2)
        if self.corrected_first:
            v_max = np.maximum(state["v_max"], new["v"] / (1 - self.beta2**t))
            root = np.sqrt(v_max) + self.eps
        else:
            v_max = np.maximum(state["v_max"], new["v"])
            root = corrected_root(v_max, self.beta2, self.eps, t)
        d = new["m"] / root
        return descend(w, self.lr / (1 - self.beta1**t), d), {**new, "v_max": v_max}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(AMSGrad(0.01), normal(4, 3))
        yield Sample(AMSGrad(0.1, 0.5, 0.7, 1e-3, 0.1), normal(3), gradient_scale=1e4)
        yield Sample(AMSGrad(0.01, 0.8, 0.9, corrected_first=True), normal(2, 3))
        yield Sample(AMSGrad(0.01, beta2=0.9), normal(5), gradient_scale=1e-8)
        yield Sample(AMSGrad(0.1, 0.5, 0.7, 1e-9, 0.1, True), normal(4), gradient_scale=1e-8)
        yield Sample(AMSGrad(0.01, beta2=0.9, corrected_first=True), normal(5), gradient_scale=1e4)
