"""RAdam: Adam whose steps are rectified while few gradients have been seen."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Sample
from ..updates import State, corrected_root, decayed, descend, moments


@final
@dataclass(frozen=True)
class RAdam:
    """w ← w - η r_t m̂ / (√v̂ + ε)  where ρ_t > 5, else  w ← w - η m̂,  with m̂ and v̂ of Adam and

        ρ_∞ = 2 / (1 - β2) - 1,      ρ_t = ρ_∞ - 2 t β2^t / (1 - β2^t)
        r_t = √((ρ_t - 4)(ρ_t - 2) ρ_∞ / ((ρ_∞ - 4)(ρ_∞ - 2) ρ_t))

    ``eps_hat`` adds ε before the bias is corrected, (√v + ε) / √(1 - β2^t), as torch does (optax:
    after). lr η > 0, beta1 in [0, 1), beta2 in (0.6, 1), eps ε > 0, weight_decay >= 0 (coupled).
    Source: Liu et al., "On the variance of the adaptive learning rate and beyond" (2020),
    algorithm 2, with 5 for its 4. Raises nothing of its own.
    """

    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0
    eps_hat: bool = True

    def init(self, w: Array) -> State:
        return {"m": np.zeros_like(w), "v": np.zeros_like(w)}

    def update(self, g: Array, state: State, w: Array, t: int) -> tuple[Array, State]:
        g = decayed(g, self.weight_decay, w)
        state = moments(g, state, self.beta1, self.beta2)
        rate, left = self.lr / (1 - self.beta1**t), 1 - self.beta2**t
        rho_inf = 2 / (1 - self.beta2) - 1
        rho = rho_inf - 2 * t * self.beta2**t / left
        if rho <= 5:
            return descend(w, rate, state["m"]), state
        r = ((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)) ** 0.5
        eps = self.eps / left**0.5 if self.eps_hat else self.eps
        d = state["m"] / corrected_root(state["v"], self.beta2, eps, t)
        return descend(w, rate * r, d), state

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(RAdam(0.01), normal(4, 3))
        yield Sample(RAdam(0.05, 0.8, 0.95, 1e-2, weight_decay=0.1), normal(3))
        yield Sample(RAdam(0.05, 0.8, 0.95, 1e-2, 0.1, eps_hat=False), normal(2, 3))
        yield Sample(RAdam(0.01, beta2=0.9, eps_hat=False), normal(5), gradient_scale=1e-8)
        yield Sample(RAdam(1e-3, 0.5, 0.99, eps_hat=False), normal(4), gradient_scale=1e4)
        yield Sample(RAdam(0.1, 0.5, 0.98), normal(4), gradient_scale=1e-8)
        yield Sample(RAdam(1e-3, beta2=0.9), normal(5), gradient_scale=1e4)
