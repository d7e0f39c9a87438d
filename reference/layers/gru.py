"""GRU: the gated recurrent unit."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ..draws import many
from ..protocols import Array, Residuals, Sample, Tree
from ..recurrence import States, Uses, draw_cells, run, run_backward
from .sigmoid import sigmoid


@final
@dataclass(frozen=True)
class GRU:
    """h_t = n + u (h_t-1 - n),  n = tanh(a + m)       x = ((N,T,I), h_0)   y = ((N,T,H), h_T)
    with (r̄, ū, a) = x_t Wx + b + (h_t-1 Wh, 0), r = σ(r̄), u = σ(ū) and m = r q, q = h_t-1 Wn + bn;
    or without ``reset_after``, as in the paper, m = q Wn, q = r h_t-1. The rest: see LSTM.
    Derivation. da = dh_t (1 - u) (1 - n²), dū = dh_t (h_t-1 - n) u (1 - u), and
        after: dq = da r, dr = da q, dq Wnᵀ to h_t-1;   before: dq = da Wnᵀ, dr = dq h_t-1, dq r
    Source: Cho et al. (2014), equations 5 to 8. Raises what ``run`` raises: for other shapes.
    """

    n_in: int
    n: int
    layers: int = 1
    bidirectional: bool = False
    reset_after: bool = True

    def init(self, rng: np.random.Generator) -> Tree:
        return draw_cells(self, rng, 3, Wh=2, Wn=1, **({"bn": 0} if self.reset_after else {}))

    def forward(self, params: Tree, x: Any) -> tuple[Any, Residuals]:
        return run(self, params, x, states=1)

    def backward(self, residuals: Residuals, dy: Any) -> tuple[Any, Tree]:
        return run_backward(self, residuals, dy)

    def step(self, p: Tree, z: Array, states: States) -> tuple[States, Residuals]:
        (h,), H = states, self.n
        ru = sigmoid(z[:, : 2 * H] + h @ p["Wh"])
        q = h @ p["Wn"] + p["bn"] if self.reset_after else ru[:, :H] * h
        n = np.tanh(z[:, 2 * H :] + (ru[:, :H] * q if self.reset_after else q @ p["Wn"]))
        return (n + ru[:, H:] * (h - n),), (h, ru, ru[:, :H], ru[:, H:], q, n)

    def step_backward(self, p: Tree, kept: Residuals, d: States) -> tuple[States, Array, Uses]:
        (h, ru, r, u, q, n), (dh,), after = kept, d, self.reset_after
        da = dh * (1 - u) * (1 - n * n)
        dq = da * r if after else da @ p["Wn"].T
        dru = np.concatenate([da * q if after else dq * h, dh * (h - n)], axis=-1) * ru * (1 - ru)
        dh = dh * u + dru @ p["Wh"].T + (dq @ p["Wn"].T if after else dq * r)
        uses = {"Wn": (h, dq), "bn": (None, dq)} if after else {"Wn": (q, da)}
        return (dh,), np.concatenate([dru, da], axis=-1), {"Wh": (h, dru), **uses}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(GRU(2, 3, 2, bidirectional=True), many((2, 4, 2), (4, 2, 3)))
        yield Sample(GRU(3, 2, reset_after=False), many((2, 5, 3), (1, 2, 2)))
