"""Wrong losses: each class varies one method of the loss it inherits from."""

from __future__ import annotations

import numpy as np

from backproof.reference.losses.binary_cross_entropy import BinaryCrossEntropy
from backproof.reference.losses.mean_squared_error import MeanSquaredError
from backproof.reference.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from backproof.reference.reductions import reduced

from .mutants import wrong

# MeanSquaredError


@wrong("X10", "the backward pass ignores the upstream cotangent: it assumes 1", "pytorch#11750",
       "aprender#2182", revealed_by="a scaled loss")  # fmt: skip
class _(MeanSquaredError):
    def backward(self, residuals, dloss=1.0):
        return super().backward(residuals, np.ones_like(dloss))


@wrong("X13", "the gradient divided by the batch size, not by the number of elements",
       revealed_by="several outputs")  # fmt: skip
class _(MeanSquaredError):
    def backward(self, residuals, dloss=1.0):
        (difference,) = residuals
        return super().backward(residuals, dloss) * (difference.size // difference.shape[0])


@wrong("X14", "the factor 2 left out of the gradient", "fromscratchtoml#65",
       revealed_by="magnitudes compared, not directions")  # fmt: skip
class _(MeanSquaredError):
    def backward(self, residuals, dloss=1.0):
        return super().backward(residuals, dloss) / 2


@wrong("E01", "target - prediction: the gradient has the wrong sign")
class _(MeanSquaredError):
    def backward(self, residuals, dloss=1.0):
        return -super().backward(residuals, dloss)


@wrong("E02", "the loss is half the mean of squares, while its gradient is right",
       revealed_by="the loss's value compared")  # fmt: skip
class _(MeanSquaredError):
    def forward(self, prediction, target):
        value, residuals = super().forward(prediction, target)
        return value / 2, residuals


# SoftmaxCrossEntropy


@wrong("E10", "the backward pass ignores the upstream cotangent", "pytorch#11750 (ctc_loss)",
       revealed_by="a scaled loss")  # fmt: skip
class _(SoftmaxCrossEntropy):
    def backward(self, residuals, dloss=1.0):
        return super().backward(residuals, np.ones_like(dloss))


@wrong("E11", "the gradient not divided by the number of positions: a sum, where a mean is meant",
       revealed_by="a batch of two or more")  # fmt: skip
class _(SoftmaxCrossEntropy):
    def backward(self, residuals, dloss=1.0):
        return super().backward(residuals, dloss) * residuals[0][..., 0].size


@wrong("E12", "summed over a sequence and averaged over the batch, value and gradient alike",
       revealed_by="logits of three axes")  # fmt: skip
class _(SoftmaxCrossEntropy):
    def forward(self, prediction, target):
        value, residuals = super().forward(prediction, target)
        return value * (target.size // len(target)), residuals

    def backward(self, residuals, dloss=1.0):
        positions = residuals[0][..., 0]
        return super().backward(residuals, dloss) * (positions.size // len(positions))


@wrong("E13", "labels counted from 1: the class beside the right one")
class _(SoftmaxCrossEntropy):
    def forward(self, prediction, target):
        return super().forward(prediction, np.maximum(target - 1, 0))


@wrong("E14", "p - t passed through softmax's Jacobian once more",
       revealed_by="every entry compared")  # fmt: skip
class _(SoftmaxCrossEntropy):
    def backward(self, residuals, dloss=1.0):
        p, dp = np.exp(residuals[0]), super().backward(residuals, dloss)
        return p * (dp - (dp * p).sum(axis=-1, keepdims=True))


@wrong("E15", "log(p + 1e-7) in place of log p, while the gradient is right",
       revealed_by="a confident wrong answer, p below 1e-7")  # fmt: skip
class _(SoftmaxCrossEntropy):
    def forward(self, prediction, target):
        residuals = super().forward(prediction, target)[1]
        log_p, right = residuals
        shifted = np.log(np.exp(log_p) + log_p.dtype.type(1e-7))
        return reduced(-np.where(right, shifted, 0).sum(axis=-1), self.reduction), residuals


@wrong("E16", "the wrong classes get no gradient", revealed_by="every entry compared")
class _(SoftmaxCrossEntropy):
    def backward(self, residuals, dloss=1.0):
        return np.where(residuals[1], super().backward(residuals, dloss), 0)


# BinaryCrossEntropy


@wrong("E20", "yes and no swapped: 1 - t in place of t")
class _(BinaryCrossEntropy):
    def forward(self, prediction, target):
        t, *w = target if isinstance(target, tuple) else (target,)
        return super().forward(prediction, (1 - t, *w) if w else 1 - t)


@wrong("E21", "averaged over the batch and summed over the outputs",
       revealed_by="several outputs")  # fmt: skip
class _(BinaryCrossEntropy):
    def backward(self, residuals, dloss=1.0):
        z = residuals[0]
        return super().backward(residuals, dloss) * (z.size // len(z))


@wrong("E22", "the loss from probabilities clipped to [1e-7, 1 - 1e-7]", "the epsilon of Keras",
       revealed_by="logits of 50")  # fmt: skip
class _(BinaryCrossEntropy):
    def forward(self, prediction, target):
        limit = -np.log(prediction.dtype.type(1e-7))
        value = super().forward(np.clip(prediction, -limit, limit), target)[0]
        return value, super().forward(prediction, target)[1]


@wrong("E23", "σ'(z) multiplied in, as after a squared error")
class _(BinaryCrossEntropy):
    def backward(self, residuals, dloss=1.0):
        p = 1 / (1 + np.exp(-np.clip(residuals[0], -80, 80)))
        return super().backward(residuals, dloss) * p * (1 - p)


@wrong("E24", "log(1 + e^-|z|) left out of the loss's value", revealed_by="moderate logits")
class _(BinaryCrossEntropy):
    def forward(self, prediction, target):
        z, (positive, negative) = residuals = super().forward(prediction, target)[1]
        ends = negative * np.maximum(z, 0) + positive * np.maximum(-z, 0)
        return reduced(ends, self.reduction), residuals


@wrong("E25", "the backward pass ignores the upstream cotangent", "aprender#2182 (family)",
       revealed_by="a scaled loss")  # fmt: skip
class _(BinaryCrossEntropy):
    def backward(self, residuals, dloss=1.0):
        return super().backward(residuals, np.ones_like(dloss))
