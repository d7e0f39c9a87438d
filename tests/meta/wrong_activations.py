"""Wrong activations: a slope of the wrong formula, at the wrong place, or on the wrong side."""

from __future__ import annotations

import dataclasses

import numpy as np

from backproof.reference.layers.celu import CELU
from backproof.reference.layers.elu import ELU
from backproof.reference.layers.gelu import GELU
from backproof.reference.layers.hard_shrink import HardShrink
from backproof.reference.layers.hard_sigmoid import HardSigmoid
from backproof.reference.layers.hard_swish import HardSwish
from backproof.reference.layers.hard_tanh import HardTanh
from backproof.reference.layers.leaky_relu import LeakyReLU
from backproof.reference.layers.mish import Mish
from backproof.reference.layers.relu6 import ReLU6
from backproof.reference.layers.selu import SELU
from backproof.reference.layers.silu import SiLU
from backproof.reference.layers.soft_shrink import SoftShrink
from backproof.reference.layers.threshold import Threshold

from .mutants import wrong


@wrong("X21", "the inner derivative misses 3 · 0.044715 x²", revealed_by="|x| of 1 to 2")
class _(GELU):
    def forward(self, params, x):
        y, (slope,) = super().forward(params, x)
        if self.approximate != "tanh":
            return y, (slope,)
        tanh = np.tanh(0.7978845608028654 * (x + 0.044715 * (x * x * x)))
        lost = x * (1 - tanh * tanh) * (0.7978845608028654 / 2) * (0.134145 * (x * x))
        return y, (slope - lost,)


@wrong("X22", "exact forward, slope of the tanh approximation", "torch and jax differ by default")
class _(GELU):
    def forward(self, params, x):
        y, _ = super().forward(params, x)
        other = {"none": "tanh", "tanh": "none"}[self.approximate]
        _, residuals = GELU.forward(dataclasses.replace(self, approximate=other), params, x)
        return y, residuals


@wrong("AC00", "the other framework's default: tanh for exact, exact for tanh")
class _(GELU):
    def forward(self, params, x):
        other = {"none": "tanh", "tanh": "none"}[self.approximate]
        return GELU.forward(GELU(other), params, x)


@wrong("X23", "the second term of the product rule is missing", revealed_by="x other than 0")
class _(SiLU):
    def backward(self, residuals, dy):
        _, s = residuals
        return dy * s, {}


@wrong("AC01", "the slope below zero forgotten on the way back", revealed_by="negative x")
class _(LeakyReLU):
    def backward(self, residuals, dy):
        (positive,) = residuals
        return dy * positive, {}


@wrong("AC02", "slope 1 at exactly 0", "jax.nn.leaky_relu", revealed_by="exact zeros")
class _(LeakyReLU):
    def forward(self, params, x):
        y, _ = super().forward(params, x)
        return y, (x >= 0,)


@wrong("AC03", "α missing in the slope below zero", revealed_by="α other than 1")
class _(ELU):
    def backward(self, residuals, dy):
        positive, below = residuals
        return dy * np.where(positive, 1, np.exp(below)), {}


@wrong("AC04", "λ forgotten on the way back")
class _(SELU):
    def backward(self, residuals, dy):
        dx, dparams = super().backward(residuals, dy)
        return dx / 1.0507009873554805, dparams


@wrong("AC05", "the slope of an ELU: α e^(x/α)", revealed_by="α other than 1")
class _(CELU):
    def backward(self, residuals, dy):
        (below,) = residuals
        return dy * np.where(below < 0, self.alpha, 1) * np.exp(below), {}


@wrong("AC06", "σ missing in the second term")
class _(Mish):
    def backward(self, residuals, dy):
        x, t, _ = residuals
        return dy * (t + x * (1 - t * t)), {}


@wrong("AC07", "the slope 0.2 of Keras in place of 1/6", "keras.ops.hard_sigmoid before 3")
class _(HardSigmoid):
    def backward(self, residuals, dy):
        (inside,) = residuals
        return dy * inside * 0.2, {}


@wrong("AC08", "x/6 missing in the slope", revealed_by="x other than 0")
class _(HardSwish):
    def backward(self, residuals, dy):
        _, h, _ = residuals
        return dy * h, {}


@wrong("AC09", "cut on the way forward, not on the way back", revealed_by="x beyond a limit")
class _(HardTanh):
    def backward(self, residuals, dy):
        return dy, {}


@wrong("AC10", "slope 1 at the limits", "jax.nn.hard_tanh", revealed_by="x exactly at a limit")
class _(HardTanh):
    def forward(self, params, x):
        y, _ = super().forward(params, x)
        return y, ((x >= self.low) & (x <= self.high),)


@wrong("AC11", "the slope of a plain ReLU", revealed_by="x above 6")
class _(ReLU6):
    def forward(self, params, x):
        y, _ = super().forward(params, x)
        return y, (x > 0,)


@wrong("AC12", "shrunk on the positive side alone", revealed_by="x below -λ")
class _(SoftShrink):
    def forward(self, params, x):
        y, (outside,) = super().forward(params, x)
        return np.maximum(y, 0), (outside,)


@wrong("AC13", "soft in place of hard", revealed_by="any x beyond the threshold")
class _(HardShrink):
    def forward(self, params, x):
        y, residuals = super().forward(params, x)
        return y - np.sign(y) * self.threshold, residuals


@wrong("AC14", "the slope is 1 below the threshold too", revealed_by="x below the threshold")
class _(Threshold):
    def backward(self, residuals, dy):
        return dy, {}
