"""Wrong losses of numbers."""

from __future__ import annotations

import numpy as np

from ....reference.losses.gaussian_nll import GaussianNLL
from ....reference.losses.huber_loss import HuberLoss
from ....reference.losses.kl_divergence import KLDivergence
from ....reference.losses.l1_loss import L1Loss
from ....reference.losses.log_cosh import LogCosh
from ....reference.losses.mean_squared_error import MeanSquaredError
from ....reference.losses.poisson_nll import PoissonNLL
from ....reference.losses.smooth_l1_loss import SmoothL1Loss
from ....reference.reductions import reduced, upstream
from ..registry import right, wrong

# MeanSquaredError


@wrong("X10", "the backward pass ignores the upstream cotangent: it assumes 1", "pytorch#11750",
       "aprender#2182",
       revealed_by="a scaled loss",
       misses="the loss is the last node of every test, where the cotangent is 1")  # fmt: skip
class _(MeanSquaredError):
    def backward(self, residuals, dloss=1.0):
        return super().backward(residuals, np.ones_like(dloss))


@wrong("X13", "the gradient divided by the batch size, not by the number of elements",
       revealed_by="several outputs",
       misses="one output; Adam divides the factor away")  # fmt: skip
class _(MeanSquaredError):
    def backward(self, residuals, dloss=1.0):
        (difference,) = residuals
        return super().backward(residuals, dloss) * (difference.size // difference.shape[0])


@wrong("X14", "the factor 2 left out of the gradient", "fromscratchtoml#65",
       revealed_by="magnitudes compared, not directions",
       misses="Adam divides the factor away; directions agree")  # fmt: skip
class _(MeanSquaredError):
    def backward(self, residuals, dloss=1.0):
        return super().backward(residuals, dloss) / 2


@wrong("E01", "target - prediction: the gradient has the wrong sign",
       misses="a test of the loss's value alone")  # fmt: skip
class _(MeanSquaredError):
    def backward(self, residuals, dloss=1.0):
        return -super().backward(residuals, dloss)


@wrong("E02", "the loss is half the mean of squares, while its gradient is right",
       revealed_by="the loss's value compared",
       misses="the gradient is right, and training never looks at the value")  # fmt: skip
class _(MeanSquaredError):
    def forward(self, prediction, target):
        value, residuals = super().forward(prediction, target)
        return value / 2, residuals


# Other distances


@wrong("X29", "the slope 1 where both are equal, not 0", "caffe#1326", "jax#37820",
       revealed_by="a perfect fit",
       misses="a perfect fit to the last bit does not happen by chance; zero weights under an L1 "
              "penalty do")  # fmt: skip
class _(L1Loss):
    def backward(self, residuals, dloss=1.0):
        (sign,) = residuals
        return super().backward((np.where(sign == 0, 1, sign).astype(sign.dtype),), dloss)


@wrong("LS01", "Huber's slope, which is beta far out, under the name of smooth L1",
       "optax.huber_loss against torch.nn.SmoothL1Loss",
       revealed_by="beta not 1",
       misses="beta is 1 by default")  # fmt: skip
class _(SmoothL1Loss):
    def backward(self, residuals, dloss=1.0):
        return super().backward(residuals, dloss) * self.beta


@wrong("LS02", "the linear part not lowered by delta²/2: a step at the knot",
       revealed_by="the loss's value compared",
       misses="the gradient is right, and training never looks at the value; small differences "
              "agree")  # fmt: skip
class _(HuberLoss):
    def forward(self, prediction, target):
        residuals = super().forward(prediction, target)[1]
        distance = np.abs(prediction - target)
        far = self.delta * distance
        entries = np.where(distance < self.delta, 0.5 * distance * distance, far)
        return reduced(entries, self.reduction), residuals


@wrong("LS03", "d in place of tanh d",
       revealed_by="differences that are not small",
       misses="small differences, where tanh d = d; the sign is always right")  # fmt: skip
class _(LogCosh):
    def backward(self, residuals, dloss=1.0):
        (d,) = residuals
        return d * upstream(dloss, self.reduction, d.size)


# Likelihoods and divergences


@wrong("X44", "the mean over the entries, not over the batch", "torch's reduction='mean'",
       revealed_by="two columns or more",
       misses="one column; forward and backward agree, so a gradient check passes")  # fmt: skip
class _(KLDivergence):
    def forward(self, prediction, target):
        other = {"batchmean": "mean"}.get(self.reduction, self.reduction)
        return right(self, reduction=other).forward(prediction, target)

    def backward(self, residuals, dloss=1.0):
        other = {"batchmean": "mean"}.get(self.reduction, self.reduction)
        return right(self, reduction=other).backward(residuals, dloss)


@wrong("LS04", "the target taken as probabilities where it is their logarithm",
       revealed_by="log_target",
       misses="log_target is off by default")  # fmt: skip
class _(KLDivergence):
    def backward(self, residuals, dloss=1.0):
        (t,) = residuals
        return super().backward((np.log(t) if self.log_target else t,), dloss)


@wrong("LS05", "the rate e^x left out of the slope",
       misses="the loss falls as long as rates are too small")  # fmt: skip
class _(PoissonNLL):
    def forward(self, prediction, target):
        value, (slope,) = super().forward(prediction, target)
        return value, (slope - np.exp(prediction) if self.log_input else slope,)


@wrong("LS06", "the cotangent of the variance without 1/v: the quadratic part alone",
       misses="a test of the mean's gradient alone")  # fmt: skip
class _(GaussianNLL):
    def backward(self, residuals, dloss=1.0):
        d, v, free = residuals
        dm, _ = super().backward(residuals, dloss)
        return dm, -0.5 * dm * d / v * free


@wrong("LS29", "the slope at ε passes below it", "torch.nn.functional.gaussian_nll_loss",
       revealed_by="a variance below ε",
       misses="variances of order 1, far above ε")  # fmt: skip
class _(GaussianNLL):
    def forward(self, prediction, target):
        value, (d, v, _) = super().forward(prediction, target)
        return value, (d, v, True)


@wrong("LS34", "|d| + log(1 + e^-2|d|) - log 2 at every d", "optax.losses.log_cosh",
       revealed_by="small differences and nothing else",
       misses="differences of order 1, where few digits are lost: a gradient check "
              "passes")  # fmt: skip
class _(LogCosh):
    def forward(self, prediction, target):
        d = prediction - target
        entries = np.abs(d) + np.log1p(np.exp(-2 * np.abs(d))) - np.log(2).astype(d.dtype)
        return reduced(entries, self.reduction), (d,)
