"""Wrong Dropouts."""

from __future__ import annotations

import numpy as np

from ....reference.layers.dropout import Dropout
from ..registry import wrong


@wrong("X66", "1/(1 - p) missing from the backward pass", "ai-engineering-from-scratch#17",
       revealed_by="p > 0",
       misses="evaluation mode, or p = 0; Adam divides the factor away")  # fmt: skip
class _(Dropout):
    def backward(self, residuals, dy):
        return (dy * residuals[0], None), {}


@wrong("X67", "another mask in the backward pass", "guided-diffusion#167", "OLMo-core#828",
       "PIDM#66",
       revealed_by="p > 0",
       misses="evaluation mode, or p = 0; y is right, and half of the units get the "
              "right gradient")  # fmt: skip
class _(Dropout):
    def backward(self, residuals, dy):
        (mask,) = residuals
        return super().backward((np.random.default_rng(1).random(mask.shape) >= self.p,), dy)


@wrong("X68", "the mask inferred from the output: an input of 0 that was dropped gets a gradient",
       "kaldi#3890",
       revealed_by="exact zeros that were dropped",
       misses="no exact zeros among normal numbers; a ReLU before the dropout gives "
              "many")  # fmt: skip
class _(Dropout):
    def forward(self, params, x):
        y, _ = super().forward(params, x)
        return y, (y == x[0] / (1 - self.p),)


@wrong("X69", "the mask left out of the backward pass, which only scales", "numpy-ml#94",
       revealed_by="p > 0",
       misses="evaluation mode, or p = 0; dropped units do not matter for the loss")  # fmt: skip
class _(Dropout):
    def backward(self, residuals, dy):
        return super().backward((np.ones_like(residuals[0]),), dy)


@wrong("NM18", "kept units not scaled in training, as in the first paper on it",
       misses="evaluation mode, or p = 0; forward and backward agree up to a factor")  # fmt: skip
class _(Dropout):
    def forward(self, params, x):
        return x[0] * x[1], (x[1],)
