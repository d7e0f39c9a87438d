"""Outputs: a recurrent layer of which only the outputs are passed on."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ..draws import many, normal
from ..protocols import Array, Residuals, Sample, Tree, expect
from .gru import GRU
from .lstm import LSTM


@final
@dataclass(frozen=True)
class Outputs:
    """y = y_1..T of the inner layer        x: (N, T, I) or (x, states)   y: (N, T, H or 2H)

    ``inner``: an LSTM, GRU or RNN, which has one state or, the LSTM, two. Where none is given,
    the initial states are zero.

    Derivation. The final states are in nobody's loss, so their cotangents are 0; initial ones
    that are no input have no cotangent.

    Source: none; how torch.nn.LSTM is called with and without states. Raises ValueError where x
    is not of three axes and no tuple, and what inner raises.
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

    def forward(self, params: Tree, x: Any) -> tuple[Array, Residuals]:
        given = isinstance(x, tuple)
        expect(given or x.ndim == 3, self, "x of shape (N, T, I)", x)
        whole = x if given else (x, *self.states(x))
        (y, *final), kept = self.inner.forward(params, whole)
        return y, (kept, final, given)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Any, Tree]:
        kept, final, given = residuals
        dx, dparams = self.inner.backward(kept, (dy, *(np.zeros_like(s) for s in final)))
        return dx if given else dx[0], dparams

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Outputs(LSTM(3, 2, bidirectional=True)), normal(2, 4, 3))
        yield Sample(Outputs(GRU(2, 3)), normal(3, 3, 2))
        yield Sample(Outputs(LSTM(2, 3)), many((2, 3, 2), (1, 2, 3), (1, 2, 3)))
