"""Mistakes of autograd engines and training loops, told as wrong backward passes of layers."""

from __future__ import annotations

import numpy as np

from backproof.reference.layers.dense import Dense
from backproof.reference.layers.l2_normalize import L2Normalize
from backproof.reference.layers.running_statistics import RunningStatistics
from backproof.reference.layers.tanh import Tanh
from backproof.reference.losses.margin_ranking import MarginRanking
from backproof.reference.transforms.accumulate import Accumulate

from .mutants import wrong


@wrong("X04", "the inner axis of size 1 of a broadcast operand is not summed over",
       "tt-metal#40008", "pytorch#1787", "nd4j#2424",
       revealed_by="(B, 1) * (B, D) with D >= 2")  # fmt: skip
class _(L2Normalize):
    def backward(self, residuals, dy):
        y, d, long = residuals
        return (dy - long * y * (dy * y)) / d, {}


@wrong("X09", "the second operand of a difference misses its minus sign", "micrograd_c#1",
       revealed_by="both operands' gradients")  # fmt: skip
class _(MarginRanking):
    def backward(self, residuals, dloss=1.0):
        dx, dy = super().backward(residuals, dloss)
        return dx, -dy


@wrong("X15", "a weight broadcast over a batched product: the gradient of the first alone",
       revealed_by="3-D input, batch >= 2")  # fmt: skip
class _(Dense):
    def gradient(self, residuals, dy):
        x, _ = residuals
        dparams = super().gradient(residuals, dy)
        return dparams if dy.ndim < 3 else {**dparams, "W": x[0].T @ dy[0]}


@wrong("X33", "the gradient with 1/n for the unbiased variance", revealed_by="n = 2 or 3")
class _(RunningStatistics):
    def backward(self, residuals, dy):
        _, n = residuals
        (dx, *rest), _ = super().backward(residuals, dy)
        plain, _ = super().backward(residuals, (dy[0], 0 * dy[1]))
        return (plain[0] + (dx - plain[0]) * (n / (n + self.unbiased)), *rest), {}


@wrong("X116", "a partial last window divided by the full window's size", "ms-swift#10084",
       revealed_by="a partial last window")  # fmt: skip
class _(Accumulate):
    def __call__(self, x):
        g, n = x
        return (g * (n / (len(n) * n.max()))[:, None, None].astype(g.dtype)).sum(axis=0)


@wrong("X124", "a saved activation changed in place before its backward",
       "torch's version counter raises", revealed_by="y = tanh(x); y += 1")  # fmt: skip
class _(Tanh):
    def forward(self, params, x):
        y = np.tanh(x)
        return y, (y + 1,)
