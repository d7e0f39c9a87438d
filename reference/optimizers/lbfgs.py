"""LBFGS: Newton's step, with the curvature that the last few steps met."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np

from ..draws import many
from ..protocols import Array, Sample
from ..updates import State, inverse_hessian_times, norm, with_pair


@final
@dataclass(frozen=True)
class LBFGS:
    """w ← w - η H g,    w, g: (n,) all weights as one vector,    H from the last m pairs (s, y)

        s = w_t - w_t-1,  y = g_t - g_t-1,  ρ = 1 / s·y;  H = γ I without pairs,  γ = s·y / y·y

    of the newest pair; min(1, 1/‖g‖) in the first step, ``first_norm`` 1 in torch and 2 in optax.
    torch takes s = -η H g; counts a pair if s·y > curvature; stays where max |g| <= still or g·Hg <
    descent. optax takes s ``by_weights``, without bounds (None). lr η > 0, memory m >= 1. Raises
    nothing. Source: Nocedal and Wright, "Numerical optimization" (2006), algorithms 7.4 and 7.5.
    """

    whole: ClassVar[bool] = True
    lr: float = 1.0
    memory: int = 10
    first_norm: int = 1
    curvature: float | None = 1e-10
    still: float | None = 1e-7
    descent: float | None = 1e-9
    by_weights: bool = False

    def init(self, w: Array) -> State:
        s = np.zeros_like(w, shape=(self.memory, w.size))
        return {"s": s, "y": s, "rho": s[:, 0], "g": 0 * w, "last": 0 * w}

    def update(self, g: Array, state: State, w: Array, t: int) -> tuple[Array, State]:
        if self.still is not None and np.max(np.abs(g)) <= self.still:
            return w, state
        if t == 1 if self.by_weights else np.max(np.abs(state["g"])) == 0:
            d = min(1.0, 1 / (norm(g) if self.first_norm == 2 else np.sum(np.abs(g)))) * g
        else:
            s, y = w - state["last"] if self.by_weights else state["last"], g - state["g"]
            if self.curvature is None or np.sum(s * y) > self.curvature:
                state = with_pair(state, s, y)
            d = inverse_hessian_times(g, state["s"], state["y"], state["rho"])
        step, stays = -self.lr * d, self.descent is not None and np.sum(g * d) < self.descent
        return w if stays else w + step, state | {"g": g, "last": w if self.by_weights else step}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(LBFGS(1.0, 4, still=0.5, descent=0.3), many((3,), (1, 2, 2)))
        yield Sample(LBFGS(0.5, 5, still=0.0, descent=0.0), many((5,), (3,)), gradient_scale=1e-8)
        yield Sample(LBFGS(1.2, 3), many((3, 2), (4,)), gradient_scale=1e4)
        yield Sample(optax := LBFGS(1.0, 4, 2, None, None, None, True), many((2, 3), (3,)))
        yield Sample(replace(optax, lr=1.3), many((5,), (2, 3), scale=1e-8), gradient_scale=1e-8)
        yield Sample(replace(optax, lr=1.1, memory=3), many((7,), (2, 3)), gradient_scale=1e4)
