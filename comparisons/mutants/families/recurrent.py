"""Wrong recurrent layers."""

from __future__ import annotations

import numpy as np

from ....reference.layers.gru import GRU
from ....reference.layers.lstm import LSTM
from ....reference.layers.rnn import RNN
from ..registry import wrong


class _LastStepOnly:
    def backward(self, residuals, dy):
        last = np.arange(dy[0].shape[1]) == dy[0].shape[1] - 1
        return super().backward(residuals, (dy[0] * last[:, None], *dy[1:]))


# RNN


@wrong("SQ03", "only the gradient of the last step's output is used",
       "nicklashansen/rnn_lstm_from_scratch#1",
       revealed_by="a loss on every step",
       misses="a loss on the last step alone, many to one")  # fmt: skip
class _(_LastStepOnly, RNN):
    pass


@wrong("SQ09", "tanh' of the state before the step instead of after it",
       misses="small states, where tanh' is 1 before and after; training goes on")  # fmt: skip
class _(RNN):
    def step_backward(self, p, kept, d):
        (before, _), (dh,) = kept, d
        slope = 1 - before * before if self.nonlinearity == "tanh" else before > 0
        da = dh * slope
        return (da @ p["Wh"].T,), da, {"Wh": (before, da)}


@wrong("SQ10", "truncated: the gradient does not go on to the step before",
       revealed_by="two steps or more",
       misses="one step; or training, which gets along with truncated gradients")  # fmt: skip
class _(RNN):
    def step_backward(self, p, kept, d):
        dstates, dz, uses = super().step_backward(p, kept, d)
        return (0 * dstates[0],), dz, uses


@wrong("SQ11", "the recurrent weight's gradient takes the state after the step",
       misses="small changes from step to step; training goes on")  # fmt: skip
class _(RNN):
    def step_backward(self, p, kept, d):
        dstates, dz, _ = super().step_backward(p, kept, d)
        return dstates, dz, {"Wh": (kept[1], dz)}


@wrong("SQ12", "only the first layer and direction has its initial state",
       revealed_by="two layers, or two directions",
       misses="initial states are zeros in most tests, and so is what is missing")  # fmt: skip
class _(RNN):
    def forward(self, params, x):
        return super().forward(params, (x[0], 0 * x[1] + x[1][:1]))


# LSTM


@wrong("X84", "the cell's gradient from the step after is dropped: = instead of +=", "mxnet#4057",
       "RNN-LSTM-in-numpy#1",
       revealed_by="two steps or more",
       misses="one step; the gradient through h is left, and the loss falls")  # fmt: skip
class _(LSTM):
    def step_backward(self, p, kept, d):
        return super().step_backward(p, kept, (d[0], 0 * d[1]))


@wrong("X86", "every gate has the bias of the first gate", "numpy-ml#42", "learn_dl#53",
       revealed_by="biases that differ",
       misses="biases start from 0")  # fmt: skip
class _(LSTM):
    def step(self, p, z, states):
        first = np.concatenate([p["b"][: self.n]] * 4)
        return super().step(p, z - p["b"] + first, states)


@wrong("X87", "the gradient that arrives at the final cell state is ignored", "deeplearning4j#8838",
       revealed_by="a loss that uses c_T",
       misses="losses of h alone, as in most models")  # fmt: skip
class _(LSTM):
    def backward(self, residuals, dy):
        return super().backward(residuals, (dy[0], dy[1], 0 * dy[2]))


@wrong("X88", "only the gradient of the last step's output is used",
       "nicklashansen/rnn_lstm_from_scratch#1",
       revealed_by="a loss on every step",
       misses="a loss on the last step alone, many to one")  # fmt: skip
class _(_LastStepOnly, LSTM):
    pass


@wrong("SQ06", "gates in the order i, o, f, g",
       revealed_by="any ordinary input",
       misses="an order like any other: shapes fit, and the loss falls")  # fmt: skip
class _(LSTM):
    def step(self, p, z, states):
        order = np.arange(4 * self.n).reshape(4, -1)[[0, 2, 1, 3]].reshape(-1)
        return super().step({**p, "Wh": p["Wh"][:, order]}, z[:, order], states)


@wrong("SQ07", "no gradient reaches the initial states",
       misses="initial states are constants in most models")  # fmt: skip
class _(LSTM):
    def backward(self, residuals, dy):
        (dx, *dstates), dparams = super().backward(residuals, dy)
        return (dx, *(0 * d for d in dstates)), dparams


@wrong("SQ08", "the backward direction's outputs are not turned back in time",
       revealed_by="two directions and two steps",
       misses="one direction")  # fmt: skip
class _(LSTM):
    def forward(self, params, x):
        (y, *states), residuals = super().forward(params, x)
        if self.bidirectional:
            y = np.concatenate([y[..., : self.n], y[:, ::-1, self.n :]], axis=-1)
        return (y, *states), residuals


# GRU


@wrong("X89", "the reset gate is applied before the product with the state, not after it",
       "keras: reset_after",
       revealed_by="two steps, or a first state that is not 0",
       misses="one step from a state of 0, where there is nothing to reset")  # fmt: skip
class _(GRU):
    def step(self, p, z, states):
        if not self.reset_after:
            return super().step(p, z, states)
        _, (h, ru, r, u, q, n) = super().step(p, z, states)
        m = (r * h) @ p["Wn"] + p["bn"]
        n = np.tanh(z[:, 2 * self.n :] + m)
        return (n + u * (h - n),), (h, ru, r, u, q, n)


@wrong("SQ04", "the update gate keeps the new state where it should keep the old",
       "Chung et al. (2014) write 1 - u for Cho's u",
       misses="an update gate is near 1/2 at the start; the loss falls")  # fmt: skip
class _(GRU):
    def step(self, p, z, states):
        _, kept = super().step(p, z, states)
        h, _, _, u, _, n = kept
        return (h + u * (n - h),), kept


@wrong("SQ05", "the hidden bias of the candidate is outside the reset gate",
       revealed_by="that bias not 0",
       misses="biases start from 0")  # fmt: skip
class _(GRU):
    def step(self, p, z, states):
        if not self.reset_after:
            return super().step(p, z, states)
        bias = np.concatenate([np.zeros(2 * self.n, z.dtype), p["bn"]])
        return super().step({**p, "bn": 0 * p["bn"]}, z + bias, states)
