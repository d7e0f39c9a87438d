"""RNN: the simple recurrent network."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ..draws import many
from ..protocols import Array, Residuals, Sample, Tree
from ..recurrence import States, Uses, draw_cells, run, run_backward


@final
@dataclass(frozen=True)
class RNN:
    """h_t = f(x_t Wx + b + h_t-1 Wh)             x = ((N,T,I), h_0)   y = ((N,T,H), h_T)

    with f = tanh or max(., 0). h_0, h_T: (cells, N, H), cells = ``layers`` >= 1, times 2 if
    ``bidirectional``: y (N,T,2H) then. Derivation. h_t is an output and in h_t+1. With da for the
    argument of f, from the last step back,
        dh_t = dy_t + da_t+1 Whᵀ        da_t = dh_t (1 - h_t²), or dh_t [h_t > 0]
        dWx = Σ_t x_tᵀ da_t             dWh = Σ_t h_t-1ᵀ da_t
    Source: Elman (1990). Raises ValueError for other shapes and nonlinearities.
    """

    n_in: int
    n: int
    layers: int = 1
    bidirectional: bool = False
    nonlinearity: str = "tanh"  # or "relu"

    def __post_init__(self) -> None:
        if self.nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"{self}: the nonlinearity is 'tanh' or 'relu'")

    def init(self, rng: np.random.Generator) -> Tree:
        return draw_cells(self, rng, gates=1, Wh=1)

    def forward(self, params: Tree, x: Any) -> tuple[Any, Residuals]:
        return run(self, params, x, states=1)

    def backward(self, residuals: Residuals, dy: Any) -> tuple[Any, Tree]:
        return run_backward(self, residuals, dy)

    def step(self, p: Tree, z: Array, states: States) -> tuple[States, Residuals]:
        a = z + states[0] @ p["Wh"]
        h = np.tanh(a) if self.nonlinearity == "tanh" else np.maximum(a, 0)
        return (h,), (states[0], h)

    def step_backward(self, p: Tree, kept: Residuals, d: States) -> tuple[States, Array, Uses]:
        (before, h), (dh,) = kept, d
        da = dh * (1 - h * h) if self.nonlinearity == "tanh" else dh * (h > 0)
        return (da @ p["Wh"].T,), da, {"Wh": (before, da)}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(RNN(3, 2), many((2, 5, 3), (1, 2, 2)))
        yield Sample(RNN(2, 3, nonlinearity="relu"), many((3, 4, 2), (1, 3, 3)))
        yield Sample(RNN(2, 2, layers=2, bidirectional=True), many((2, 3, 2), (4, 2, 2)))
