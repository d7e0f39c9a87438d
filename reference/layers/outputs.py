"""Outputs: a recurrent layer from zero states, of which only the outputs are passed on."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ..draws import normal
from ..protocols import Array, Residuals, Sample, Tree, expect
from .gru import GRU
from .lstm import LSTM


@final
@dataclass(frozen=True)
class Outputs:
    """y = y_1..T of the inner layer at zero initial states      x: (N, T, I)   y: (N, T, H or 2H)

    Derivation. The final states are in nobody's loss, so their cotangents are 0; the initial
    ones are no input, so theirs are dropped.

    ``inner``: an LSTM, GRU or RNN, which has one state or, the LSTM, two.
    Source: none; how torch.nn.LSTM is called without states. Raises ValueError where x does not
    have three axes, and what inner raises.
    """

    inner: Any

    def init(self, rng: np.random.Generator) -> Tree:
        params: Tree = self.inner.init(rng)
        return params

    def states(self, x: Array) -> tuple[Array, ...]:
        """The zero initial states: two for an LSTM, which has a cell as well."""
        cells = self.inner.layers * (1 + self.inner.bidirectional)
        zero = np.zeros((cells, x.shape[0], self.inner.n), x.dtype)
        return (zero, zero) if isinstance(self.inner, LSTM) else (zero,)

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        expect(x.ndim == 3, self, "x of shape (N, T, I)", x)
        states = self.states(x)
        (y, *_), kept = self.inner.forward(params, (x, *states))
        return y, (kept, states)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        kept, states = residuals
        (dx, *_), dparams = self.inner.backward(kept, (dy, *states))
        return dx, dparams

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Outputs(LSTM(3, 2, bidirectional=True)), normal(2, 4, 3))
        yield Sample(Outputs(GRU(2, 3)), normal(3, 3, 2))
