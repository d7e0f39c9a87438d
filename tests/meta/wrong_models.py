"""Wrong parts of whole models."""

from __future__ import annotations

import numpy as np

from backproof.reference.layers.outputs import Outputs
from backproof.reference.layers.tied_head import TiedHead
from backproof.reference.layers.token_mean import TokenMean

from .mutants import wrong


@wrong("X05b", "the tied matrix gets the gradient of the output side alone", "pytext#704")
class _(TiedHead):
    def backward(self, residuals, dy):
        _, dparams = super().backward(residuals, dy)
        _, _, h, _ = residuals
        W = dy.reshape(-1, self.n_rows).T @ h.reshape(-1, self.n)
        return None, {**dparams, "W": W}


@wrong("MD01", "the gradient of the last output alone goes back", "rnn_lstm_from_scratch#1",
       revealed_by="a loss on every step")  # fmt: skip
class _(Outputs):
    def backward(self, residuals, dy):
        last = np.arange(dy.shape[1])[:, None] == dy.shape[1] - 1
        return super().backward(residuals, dy * last)


@wrong("MD02", "1/T missing on the way back", revealed_by="magnitudes, not directions")
class _(TokenMean):
    def backward(self, residuals, dy):
        return super().backward((1,), dy)[0].repeat(residuals[0], axis=1), {}
