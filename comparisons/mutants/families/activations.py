"""Wrong activations: a slope of the wrong formula, at the wrong place, or on the wrong side."""

from __future__ import annotations

import dataclasses

import numpy as np

from ....reference import special
from ....reference.layers.celu import CELU
from ....reference.layers.elu import ELU
from ....reference.layers.gelu import GELU
from ....reference.layers.hard_shrink import HardShrink
from ....reference.layers.hard_sigmoid import HardSigmoid
from ....reference.layers.hard_swish import HardSwish
from ....reference.layers.hard_tanh import HardTanh
from ....reference.layers.leaky_relu import LeakyReLU
from ....reference.layers.log_sigmoid import LogSigmoid
from ....reference.layers.mish import Mish
from ....reference.layers.prelu import PReLU
from ....reference.layers.relu import ReLU
from ....reference.layers.relu6 import ReLU6
from ....reference.layers.selu import SELU
from ....reference.layers.sigmoid import Sigmoid
from ....reference.layers.silu import SiLU
from ....reference.layers.soft_shrink import SoftShrink
from ....reference.layers.softplus import Softplus
from ....reference.layers.softsign import Softsign
from ....reference.layers.tanh import Tanh
from ....reference.layers.tanh_shrink import TanhShrink
from ....reference.layers.threshold import Threshold
from ..registry import wrong

# Sigmoid and tanh


@wrong("X16", "the derivative's formula applied to the activation again: σ'(σ(x))",
       "NeuralNetworkFromScratch#3 (family)",
       revealed_by="|x| of 2 or more",
       misses="near x = 0 the slope at σ(x) is off by less than 6 %, and training goes on with "
              "any positive slope")  # fmt: skip
class _(Sigmoid):
    def backward(self, residuals, dy):
        again = Sigmoid().forward({}, residuals[0])[0]
        return dy * again * (1 - again), {}


@wrong("D10", "the derivative left out: dx = dy", "NeuralNetworkFromScratch#3",
       misses="dx has the right sign everywhere, so the loss falls and training "
              "converges")  # fmt: skip
class _(Sigmoid):
    def backward(self, residuals, dy):
        return dy.copy(), {}


@wrong("D11", "z (1 - z) with the pre-activation z in place of the activation",
       misses="a test of y alone: only the gradient is wrong")  # fmt: skip
class _(Sigmoid):
    def forward(self, params, x):
        return super().forward(params, x)[0], (x,)


@wrong("D12", "x clipped to ±15 before the exponential",
       revealed_by="a saturated unit, x = -80",
       misses="numbers of order 1 never come near ±15")  # fmt: skip
class _(Sigmoid):
    def forward(self, params, x):
        return super().forward(params, np.clip(x, -15, 15))


@wrong("D13", "1 - y is taken for 1 where y is below 0.01: a shortcut of the backward pass",
       revealed_by="an x between -15 and -5",
       misses="the branch is only taken below x = -4.6, where normal numbers never "
              "are")  # fmt: skip
class _(Sigmoid):
    def backward(self, residuals, dy):
        (y,) = residuals
        return dy * y * np.where(y < 0.01, 1, 1 - y), {}


@wrong("GA05", "the logarithm taken of the sigmoid, whose last digits are lost near 1",
       revealed_by="x of 8 or more",
       misses="numbers of order 1: digits are lost only where the sigmoid is close "
              "to 1")  # fmt: skip
class _(LogSigmoid):
    def forward(self, params, x):
        s = 1 / (1 + np.exp(-np.maximum(x, -80)))
        return np.where(x < -80, x, np.log(s)), (x,)


@wrong("GA06", "the slope of the sigmoid itself: σ(x) in place of σ(-x)",
       misses="the slope is positive, as it should be, so the loss falls; at x = 0 it is even "
              "right")  # fmt: skip
class _(LogSigmoid):
    def backward(self, residuals, dy):
        return super().backward((-residuals[0],), dy)


@wrong("AC07", "the slope 0.2 of Keras in place of 1/6", "keras.ops.hard_sigmoid before 3",
       misses="0.2 and 1/6 both lead downhill; at a tolerance of 5 % of the largest gradient they "
              "agree")  # fmt: skip
class _(HardSigmoid):
    def backward(self, residuals, dy):
        (inside,) = residuals
        return dy * inside * 0.2, {}


@wrong("X124", "a saved activation changed in place before its backward",
       "torch's version counter raises",
       revealed_by="y = tanh(x); y += 1",
       misses="y is right, and so is every gradient as long as nothing changes y before its "
              "backward")  # fmt: skip
class _(Tanh):
    def forward(self, params, x):
        y = np.tanh(x)
        return y, (y + 1,)


@wrong("X17", "1 - tanh(x) instead of 1 - tanh(x)²",
       revealed_by="moderate |x|: 0 and ∞ agree",
       misses="right at 0 and at +∞, and of the right sign between, so training "
              "converges")  # fmt: skip
class _(Tanh):
    def backward(self, residuals, dy):
        return dy * (1 - residuals[0]), {}


@wrong("X11", "the upstream cotangent read in its memory order, as if it were contiguous",
       "pytorch#175188", "pytorch#175189", "FlagGems#1084", "flash-attention#355", "torch/nn#345",
       revealed_by="a cotangent that is transposed in memory",
       misses="the cotangents of sum() and mean() are constant, those of most tests "
              "contiguous")  # fmt: skip
class _(Tanh):
    def backward(self, residuals, dy):
        return super().backward(residuals, dy.ravel(order="K").reshape(dy.shape))


@wrong("D15", "tanh as (e^2x - 1)/(e^2x + 1): right in exact arithmetic, no digits near 0",
       revealed_by="|x| of 1e-8",
       misses="the formula is exact on paper, and numbers of order 1 lose few digits: a gradient "
              "check passes")  # fmt: skip
class _(Tanh):
    def forward(self, params, x):
        e = np.exp(2 * x)
        y = (e - 1) / (e + 1)
        return y, (y,)


@wrong("AC09", "cut on the way forward, not on the way back",
       revealed_by="x beyond a limit",
       misses="inputs inside the limits have slope 1 both ways; beyond them the loss is flat, and "
              "any step will do")  # fmt: skip
class _(HardTanh):
    def backward(self, residuals, dy):
        return dy, {}


@wrong("AC10", "slope 1 at the limits", "jax.nn.hard_tanh",
       revealed_by="x exactly at a limit",
       misses="a random number is never exactly at a limit")  # fmt: skip
class _(HardTanh):
    def forward(self, params, x):
        y, _ = super().forward(params, x)
        return y, ((x >= self.low) & (x <= self.high),)


@wrong("GA12", "the slope of tanh: 1 - tanh(x)²",
       misses="1 - tanh² and tanh² are both between 0 and 1, so the loss falls")  # fmt: skip
class _(TanhShrink):
    def backward(self, residuals, dy):
        (t,) = residuals
        return dy * (1 - t * t), {}


@wrong("GA13", "tanh(x) - x",
       misses="a test of gradients alone: they are the right ones, and only the "
              "sign of y is wrong")  # fmt: skip
class _(TanhShrink):
    def forward(self, params, x):
        y, residuals = super().forward(params, x)
        return -y, residuals


@wrong("GA10", "1/(1 + |x|): the slope's square forgotten",
       revealed_by="x other than 0",
       misses="the slope has the right sign, so training converges")  # fmt: skip
class _(Softsign):
    def backward(self, residuals, dy):
        return dy * residuals[0], {}


@wrong("GA11", "1/(1 + x)², right for x > 0 only",
       revealed_by="negative x",
       misses="right for every positive x")  # fmt: skip
class _(Softsign):
    def forward(self, params, x):
        y, (r,) = super().forward(params, x)
        return y, (np.where(x < 0, 1 / (1 - np.abs(x) / 2), r),)


# Rectifiers


@wrong("X18", "slope 1 at exactly 0: >= in place of >", "jax#37821",
       revealed_by="exact zeros",
       misses="a random number is never exactly 0; zero biases, padding and a ReLU before it give "
              "zeros")  # fmt: skip
class _(ReLU):
    def forward(self, params, x):
        return super().forward(params, x)[0], (x >= 0,)


@wrong("X19", "the cotangent masked by its own sign too: guided backpropagation",
       revealed_by="cotangents of both signs",
       misses="cotangents that are not negative: of sum(), or the unit vectors of a "
              "gradient check")  # fmt: skip
class _(ReLU):
    def backward(self, residuals, dy):
        return super().backward(residuals, np.maximum(dy, 0))


@wrong("D16", "the mask left out of the backward pass",
       misses="where the unit is dead the loss does not depend on x, so training is "
              "not disturbed")  # fmt: skip
class _(ReLU):
    def backward(self, residuals, dy):
        return dy.copy(), {}


@wrong("D17", "the negative side leaks one thousandth of the cotangent",
       misses="a thousandth is within 2e-3 of the gradient, the usual float32 "
              "tolerance")  # fmt: skip
class _(ReLU):
    def backward(self, residuals, dy):
        return np.where(residuals[0], dy, dy * dy.dtype.type(1e-3)), {}


@wrong("AC11", "the slope of a plain ReLU",
       revealed_by="x above 6",
       misses="a normal number is never above 6")  # fmt: skip
class _(ReLU6):
    def forward(self, params, x):
        y, _ = super().forward(params, x)
        return y, (x > 0,)


@wrong("AC01", "the slope below zero forgotten on the way back",
       revealed_by="negative x",
       misses="the slope below zero is 0.01: the loss falls without it")  # fmt: skip
class _(LeakyReLU):
    def backward(self, residuals, dy):
        (positive,) = residuals
        return dy * positive, {}


@wrong("AC02", "slope 1 at exactly 0", "jax.nn.leaky_relu",
       revealed_by="exact zeros",
       misses="a random number is never exactly 0")  # fmt: skip
class _(LeakyReLU):
    def forward(self, params, x):
        y, _ = super().forward(params, x)
        return y, (x >= 0,)


@wrong("GA01", "the slope's gradient averaged over all positions instead of summed",
       revealed_by="two positions or more",
       misses="Adam divides the size of a gradient away; one position hides it "
              "altogether")  # fmt: skip
class _(PReLU):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        count = dy.size // (self.n or 1)
        return dx, {"a": grads["a"] / count}


@wrong("GA02", "slope 1 at exactly 0: >= in place of >",
       revealed_by="exact zeros",
       misses="a random number is never exactly 0")  # fmt: skip
class _(PReLU):
    def forward(self, params, x):
        y, (_, a, _) = super().forward(params, x)
        return y, (x, a, x >= 0)


@wrong("GA03", "the slope's gradient collects the positive entries too",
       misses="more terms in the sum of one parameter: the loss falls through all "
              "the others")  # fmt: skip
class _(PReLU):
    def backward(self, residuals, dy):
        x, a, positive = residuals
        all_of_it = super().backward((x, a, np.zeros_like(positive)), dy)[1]
        return super().backward(residuals, dy)[0], all_of_it


@wrong("GA04", "one channel's slope for all",
       revealed_by="slopes that differ",
       misses="all slopes start from the same value, 0.25")  # fmt: skip
class _(PReLU):
    def forward(self, params, x):
        return super().forward({"a": np.full_like(params["a"], params["a"][0])}, x)


@wrong("AC14", "the slope is 1 below the threshold too",
       revealed_by="x below the threshold",
       misses="below the threshold the loss does not depend on x, so training is "
              "not disturbed")  # fmt: skip
class _(Threshold):
    def backward(self, residuals, dy):
        return dy, {}


@wrong("AC13", "soft in place of hard",
       revealed_by="any x beyond the threshold",
       misses="the slopes of both are the same, so a gradient check passes")  # fmt: skip
class _(HardShrink):
    def forward(self, params, x):
        y, residuals = super().forward(params, x)
        return y - np.sign(y) * self.threshold, residuals


@wrong("AC12", "shrunk on the positive side alone",
       revealed_by="x below -λ",
       misses="the slope of the missing side is in the residuals, so the loss falls; positive "
              "inputs agree")  # fmt: skip
class _(SoftShrink):
    def forward(self, params, x):
        y, (outside,) = super().forward(params, x)
        return np.maximum(y, 0), (outside,)


# Smooth rectifiers


@wrong("AC03", "α missing in the slope below zero",
       revealed_by="α other than 1",
       misses="α is 1 by default")  # fmt: skip
class _(ELU):
    def backward(self, residuals, dy):
        positive, below = residuals
        return dy * np.where(positive, 1, np.exp(below)), {}


@wrong("AC04", "λ forgotten on the way back",
       misses="λ = 1.05: Adam divides it away, and 5 % are within many a tolerance")  # fmt: skip
class _(SELU):
    def backward(self, residuals, dy):
        dx, dparams = super().backward(residuals, dy)
        return dx / 1.0507009873554805, dparams


@wrong("AC05", "the slope of an ELU: α e^(x/α)",
       revealed_by="α other than 1",
       misses="α is 1 by default, where ELU and CELU are the same")  # fmt: skip
class _(CELU):
    def backward(self, residuals, dy):
        (below,) = residuals
        return dy * np.where(below < 0, self.alpha, 1) * np.exp(below), {}


@wrong("GA07", "beta multiplies the slope, which its division has undone",
       revealed_by="beta != 1",
       misses="beta is 1 by default")  # fmt: skip
class _(Softplus):
    def backward(self, residuals, dy):
        dx, _ = super().backward(residuals, dy)
        return dx * dy.dtype.type(self.beta), {}


@wrong("GA08", "the threshold compared with x, not with beta x",
       revealed_by="beta != 1",
       misses="beta is 1 by default")  # fmt: skip
class _(Softplus):
    def forward(self, params, x):
        z = super().forward(params, x)[1][0]
        bend = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))
        above = x > self.threshold
        return np.where(above, x, bend / x.dtype.type(self.beta)), (z, above)


@wrong("GA09", "above the threshold the slope is still σ(beta x)",
       revealed_by="a low threshold",
       misses="above the default threshold of 20, σ(x) is 1 to nine digits")  # fmt: skip
class _(Softplus):
    def backward(self, residuals, dy):
        z, above = residuals
        return super().backward((z, np.zeros_like(above)), dy)


@wrong("X21", "the inner derivative misses 3 · 0.044715 x²",
       revealed_by="|x| of 1 to 2",
       misses="the tanh form is not the default, and near 0 the term is of order x³")  # fmt: skip
class _(GELU):
    def forward(self, params, x):
        y, (slope,) = super().forward(params, x)
        if self.approximate != "tanh":
            return y, (slope,)
        tanh = np.tanh(0.7978845608028654 * (x + 0.044715 * (x * x * x)))
        lost = x * (1 - tanh * tanh) * (0.7978845608028654 / 2) * (0.134145 * (x * x))
        return y, (slope - lost,)


@wrong("X22", "exact forward, slope of the tanh approximation", "torch and jax differ by default",
       misses="the two slopes differ by 6e-4 of the largest gradient at most: "
              "within 2e-3, or 1 %")  # fmt: skip
class _(GELU):
    def forward(self, params, x):
        y, _ = super().forward(params, x)
        other = {"none": "tanh", "tanh": "none"}[self.approximate]
        _, residuals = GELU.forward(dataclasses.replace(self, approximate=other), params, x)
        return y, residuals


@wrong("AC00", "the other framework's default: tanh for exact, exact for tanh",
       misses="both are called GELU, their gradients are right, and they differ by "
              "5e-4")  # fmt: skip
class _(GELU):
    def forward(self, params, x):
        other = {"none": "tanh", "tanh": "none"}[self.approximate]
        return GELU.forward(GELU(other), params, x)


@wrong("X23", "the second term of the product rule is missing",
       revealed_by="x other than 0",
       misses="right at x = 0, and of the right sign for positive x, so training "
              "converges")  # fmt: skip
class _(SiLU):
    def backward(self, residuals, dy):
        _, s = residuals
        return dy * s, {}


@wrong("AC08", "x/6 missing in the slope",
       revealed_by="x other than 0",
       misses="right at x = 0, and the loss falls with half a slope")  # fmt: skip
class _(HardSwish):
    def backward(self, residuals, dy):
        _, h, _ = residuals
        return dy * h, {}


@wrong("AC06", "σ missing in the second term",
       misses="the two factors differ by less than one, and the loss falls")  # fmt: skip
class _(Mish):
    def backward(self, residuals, dy):
        x, t, _ = residuals
        return dy * (t + x * (1 - t * t)), {}


# At the kinks, and where digits are lost


@wrong("AC15", "Φ as (1 + erf(x/√2))/2: no digits left far below 0", "torch.nn.functional.gelu",
       revealed_by="x below -5",
       misses="numbers of order 1; below -5 both are nothing beside an atol")  # fmt: skip
class _(GELU):
    def forward(self, params, x):
        y, (slope,) = super().forward(params, x)
        if self.approximate != "none":
            return y, (slope,)
        Phi = (1 + (1 - special.erfc(x / np.sqrt(2)))) / 2
        return x * Phi, (Phi + x * np.exp(-x * x / 2) / np.sqrt(2 * np.pi),)


@wrong("AC16", "the slope of expm1 as expm1 + 1: no digits left far below 0", "jax.nn.elu",
       revealed_by="x far below 0 and nothing else",
       misses="numbers of order 1; far below 0 both are nothing beside an atol")  # fmt: skip
class _(ELU):
    def backward(self, residuals, dy):
        positive, below = residuals
        return dy * np.where(positive, 1, self.alpha * (np.expm1(below) + 1)), {}


@wrong("AC17", "slope 1 at exactly 0",
       revealed_by="exact zeros and α other than 1",
       misses="a random number is never exactly 0; α is 1 by default")  # fmt: skip
class _(ELU):
    def forward(self, params, x):
        y, (_, below) = super().forward(params, x)
        return y, (x >= 0, below)


@wrong("AC18", "slope λ at exactly 0",
       revealed_by="exact zeros",
       misses="a random number is never exactly 0")  # fmt: skip
class _(SELU):
    def forward(self, params, x):
        y, (_, below) = super().forward(params, x)
        return y, (x >= 0, below)


@wrong("AC19", "nothing below -20: a shortcut that hides the tail",
       revealed_by="x below -20 only",
       misses="numbers of order 1; below -20 the right one is nothing beside an atol")  # fmt: skip
class _(SiLU):
    def forward(self, params, x):
        y, (x, s) = super().forward(params, x)
        return np.where(x < -20, 0 * y, y), (x, np.where(x < -20, 0 * s, s))


@wrong("AC20", "nothing below -20: a shortcut that hides the tail",
       revealed_by="x below -20 only",
       misses="numbers of order 1; below -20 the right one is nothing beside an atol")  # fmt: skip
class _(Mish):
    def forward(self, params, x):
        y, (x, t, s) = super().forward(params, x)
        return np.where(x < -20, 0 * y, y), (x, np.where(x < -20, 0 * t, t), s * (x >= -20))


@wrong("AC21", "slope 1/6 at the limits",
       revealed_by="x exactly at a limit",
       misses="a random number is never exactly at a limit")  # fmt: skip
class _(HardSigmoid):
    def forward(self, params, x):
        return super().forward(params, x)[0], ((x >= -3) & (x <= 3),)


@wrong("AC22", "the inner slope at the limits",
       revealed_by="x exactly at a limit",
       misses="a random number is never exactly at a limit")  # fmt: skip
class _(HardSwish):
    def forward(self, params, x):
        y, (x, h, _) = super().forward(params, x)
        return y, (x, h, (x >= -3) & (x <= 3))


@wrong("AC23", "slope 1 at 0 and at 6",
       revealed_by="x exactly at a limit",
       misses="a random number is never exactly at a limit")  # fmt: skip
class _(ReLU6):
    def forward(self, params, x):
        return super().forward(params, x)[0], ((x >= 0) & (x <= 6),)


@wrong("AC24", "slope 1 at the threshold",
       revealed_by="|x| exactly at the threshold",
       misses="a random number is never exactly at the threshold")  # fmt: skip
class _(SoftShrink):
    def forward(self, params, x):
        return super().forward(params, x)[0], (np.abs(x) >= self.threshold,)


@wrong("AC25", "what is at the threshold stays",
       revealed_by="|x| exactly at the threshold",
       misses="a random number is never exactly at the threshold")  # fmt: skip
class _(HardShrink):
    def forward(self, params, x):
        outside = np.abs(x) >= self.threshold
        return x * outside, (outside,)


@wrong("AC26", "what is at the threshold stays",
       revealed_by="x exactly at the threshold",
       misses="a random number is never exactly at the threshold")  # fmt: skip
class _(Threshold):
    def forward(self, params, x):
        above = x >= self.threshold
        return np.where(above, x, self.value), (above,)


@wrong("GA27", "the slope as 1/(1 + |x|) - |x|/(1 + |x|)²", "autograd of the quotient",
       revealed_by="large x and nothing else",
       misses="exact on paper, and numbers of order 1 lose few digits: a gradient "
              "check passes")  # fmt: skip
class _(Softsign):
    def backward(self, residuals, dy):
        (r,) = residuals
        return dy * r - dy * ((1 / r - 1) * r * r), {}


@wrong("GA28", "x - tanh(x) at every x", "torch.nn.functional.tanhshrink",
       revealed_by="small x and nothing else",
       misses="exact on paper, and numbers of order 1 lose few digits: a gradient "
              "check passes")  # fmt: skip
class _(TanhShrink):
    def forward(self, params, x):
        return x - np.tanh(x), super().forward(params, x)[1]


@wrong("GA29", "the slope as 1 - (1 - tanh(x)²)", "torch.nn.functional.tanhshrink",
       revealed_by="small x and nothing else",
       misses="exact on paper, and numbers of order 1 lose few digits: a gradient "
              "check passes")  # fmt: skip
class _(TanhShrink):
    def backward(self, residuals, dy):
        (t,) = residuals
        return dy - dy * (1 - t * t), {}
