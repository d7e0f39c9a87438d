"""NAdam: Adam that looks ahead, as Nesterov's momentum does."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ..draws import normal
from ..protocols import Array, Sample
from ..updates import State, corrected_root, decayed, descend, moments, scalar


@final
@dataclass(frozen=True)
class NAdam:
    """w ← w - η ((1 - μ_t) g / (1 - Π_t) + μ_t+1 m / (1 - Π_t μ_t+1)) / (√v̂ + ε)

        μ_t = β1 (1 - 0.96^(tψ) / 2), or β1 unless ``scheduled``;      Π_t = μ_1 μ_2 ... μ_t

    with the moments m and v̂ of Adam. lr η > 0, beta1 and beta2 in [0, 1), eps ε > 0, weight_decay
    λ >= 0 (coupled: L2), momentum_decay ψ >= 0. The schedule is torch's, the constant is optax's.
    Source: Dozat, "Incorporating Nesterov momentum into Adam" (2016), algorithm 2, and its report's
    section 3.6 for μ_t. Raises nothing of its own.
    """

    lr: float = 2e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0
    momentum_decay: float = 4e-3
    scheduled: bool = True

    def init(self, w: Array) -> State:
        state = {"m": np.zeros_like(w), "v": np.zeros_like(w)}
        return {**state, "mu_product": scalar(w, 1.0)} if self.scheduled else state

    def mu(self, t: int) -> Any:
        return self.beta1 * (1 - 0.5 * 0.96 ** (t * self.momentum_decay))

    def update(self, g: Array, state: State, w: Array, t: int) -> tuple[Array, State]:
        g = decayed(g, self.weight_decay, w)
        new = moments(g, state, self.beta1, self.beta2)
        if self.scheduled:
            new["mu_product"] = (state["mu_product"] * self.mu(t))[...]
        mu, ahead = (self.mu(t), self.mu(t + 1)) if self.scheduled else (self.beta1, self.beta1)
        product = new["mu_product"] if self.scheduled else self.beta1**t
        d = (1 - mu) / (1 - product) * g + ahead / (1 - product * ahead) * new["m"]
        return descend(w, self.lr, d / corrected_root(new["v"], self.beta2, self.eps, t)), new

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(NAdam(), normal(4, 3))
        yield Sample(NAdam(0.05, 0.8, 0.95, 1e-3, 0.1, momentum_decay=0.3), normal(3))
        yield Sample(NAdam(0.05, 0.8, 0.95, 1e-3, 0.1, scheduled=False), normal(2, 3))
        yield Sample(NAdam(0.01, scheduled=False), normal(5), gradient_scale=1e-8)
        yield Sample(NAdam(0.1, 0.5, 0.9, scheduled=False), normal(4), gradient_scale=1e4)
        yield Sample(NAdam(0.1, 0.95, momentum_decay=0.03), normal(4), gradient_scale=1e-8)
        yield Sample(NAdam(0.01), normal(5), gradient_scale=1e4)
