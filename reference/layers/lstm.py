"""LSTM: long short-term memory."""

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
class LSTM:
    """h_t = o tanh(c_t),  c_t = f c_t-1 + i g    x = ((N,T,I), h_0, c_0)  y = ((N,T,H), h_T, c_T)

    with i, f, o = σ(.) and g = tanh(.) of the blocks of a = x_t Wx + b + h_t-1 Wh, Wx (I, 4H). h_0
    to c_T: (cells, N, H), cells = ``layers`` >= 1, times 2 if ``bidirectional``: y (N,T,2H) then.
    Derivation. h_t is an output and in a_t+1, c_t is in h_t and c_t+1; from the last step back,
        dh_t = dy_t + da_t+1 Whᵀ                dc_t = dh_t o (1 - tanh² c_t) + dc_t+1 f_t+1
        da_t = (dc_t g, dc_t c_t-1, dh_t tanh c_t) σ (1 - σ), dc_t i (1 - g²); dWh = Σ_t h_t-1ᵀ da_t
    Source: Gers et al. (2000), equations 3 to 9, no peepholes. Raises what ``run`` raises.
    """

    n_in: int
    n: int
    layers: int = 1
    bidirectional: bool = False

    def init(self, rng: np.random.Generator) -> Tree:
        return draw_cells(self, rng, gates=4, Wh=4)

    def forward(self, params: Tree, x: Any) -> tuple[Any, Residuals]:
        return run(self, params, x, states=2)

    def backward(self, residuals: Residuals, dy: Any) -> tuple[Any, Tree]:
        return run_backward(self, residuals, dy)

    def step(self, p: Tree, z: Array, states: States) -> tuple[States, Residuals]:
        (h, before), H, a = states, self.n, z + states[0] @ p["Wh"]
        ifo, g = sigmoid(a[:, : 3 * H]), np.tanh(a[:, 3 * H :])
        c = ifo[:, H : 2 * H] * before + ifo[:, :H] * g
        tanh_c = np.tanh(c)
        return (ifo[:, 2 * H :] * tanh_c, c), (h, before, ifo, g, tanh_c)

    def step_backward(self, p: Tree, kept: Residuals, d: States) -> tuple[States, Array, Uses]:
        (h, before, ifo, g, tanh_c), (dh, dc), H = kept, d, self.n
        dc = dc + dh * ifo[:, 2 * H :] * (1 - tanh_c * tanh_c)
        difo = np.concatenate([dc * g, dc * before, dh * tanh_c], axis=-1) * ifo * (1 - ifo)
        da = np.concatenate([difo, dc * ifo[:, :H] * (1 - g * g)], axis=-1)
        return (da @ p["Wh"].T, dc * ifo[:, H : 2 * H]), da, {"Wh": (h, da)}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(LSTM(3, 2), many((2, 5, 3), (1, 2, 2), (1, 2, 2)))
        yield Sample(LSTM(2, 3, 2, bidirectional=True), many((2, 3, 2), (4, 2, 3), (4, 2, 3)))
        yield Sample(LSTM(1, 1), many((3, 7, 1), (1, 3, 1), (1, 3, 1), scale=3))
