"""Wrong losses of classes."""

from __future__ import annotations

import numpy as np

from ....reference.losses.binary_cross_entropy import BinaryCrossEntropy
from ....reference.losses.binary_cross_entropy_on_probabilities import (
    BinaryCrossEntropyOnProbabilities,
)
from ....reference.losses.cross_entropy import CrossEntropy
from ....reference.losses.ctc import CTC
from ....reference.losses.dice import Dice
from ....reference.losses.focal import Focal
from ....reference.losses.multi_label_soft_margin import MultiLabelSoftMargin
from ....reference.losses.negative_log_likelihood import NegativeLogLikelihood
from ....reference.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from ....reference.reductions import reduced, upstream
from ....reference.targets import class_weights
from ..registry import right, wrong

# SoftmaxCrossEntropy, CrossEntropy


@wrong("E10", "the backward pass ignores the upstream cotangent", "pytorch#11750 (ctc_loss)",
       revealed_by="a scaled loss",
       misses="the loss is the last node of every test, where the cotangent is 1")  # fmt: skip
class _(SoftmaxCrossEntropy):
    def backward(self, residuals, dloss=1.0):
        return super().backward(residuals, np.ones_like(dloss))


@wrong("E11", "the gradient not divided by the number of positions: a sum, where a mean is meant",
       revealed_by="a batch of two or more",
       misses="Adam divides the batch size away; a batch of one hides it")  # fmt: skip
class _(SoftmaxCrossEntropy):
    def backward(self, residuals, dloss=1.0):
        return super().backward(residuals, dloss) * residuals[0][..., 0].size


@wrong("E12", "summed over a sequence and averaged over the batch, value and gradient alike",
       revealed_by="logits of three axes",
       misses="logits of two axes, as in every tutorial")  # fmt: skip
class _(SoftmaxCrossEntropy):
    def forward(self, prediction, target):
        value, residuals = super().forward(prediction, target)
        return value * (target.size // len(target)), residuals

    def backward(self, residuals, dloss=1.0):
        positions = residuals[0][..., 0]
        return super().backward(residuals, dloss) * (positions.size // len(positions))


@wrong("E13", "labels counted from 1: the class beside the right one",
       misses="the gradient is right for the labels that it takes, so a gradient check passes; "
              "the loss falls")  # fmt: skip
class _(SoftmaxCrossEntropy):
    def forward(self, prediction, target):
        return super().forward(prediction, np.maximum(target - 1, 0))


@wrong("E14", "p - t passed through softmax's Jacobian once more",
       revealed_by="every entry compared",
       misses="it still goes downhill, and slower training is blamed on the "
              "learning rate")  # fmt: skip
class _(SoftmaxCrossEntropy):
    def backward(self, residuals, dloss=1.0):
        p, dp = np.exp(residuals[0]), super().backward(residuals, dloss)
        return p * (dp - (dp * p).sum(axis=-1, keepdims=True))


@wrong("E15", "log(p + 1e-7) in place of log p, while the gradient is right",
       revealed_by="a confident wrong answer, p below 1e-7",
       misses="right to seven digits unless a class is confidently wrong, and the gradient is "
              "right everywhere")  # fmt: skip
class _(SoftmaxCrossEntropy):
    def forward(self, prediction, target):
        residuals = super().forward(prediction, target)[1]
        log_p, right = residuals
        shifted = np.log(np.exp(log_p) + log_p.dtype.type(1e-7))
        return reduced(-np.where(right, shifted, 0).sum(axis=-1), self.reduction), residuals


@wrong("E16", "the wrong classes get no gradient",
       revealed_by="every entry compared",
       misses="the right class is still pushed up, so the loss falls and accuracy "
              "rises")  # fmt: skip
class _(SoftmaxCrossEntropy):
    def backward(self, residuals, dloss=1.0):
        return np.where(residuals[1], super().backward(residuals, dloss), 0)


@wrong("X36", "rows whose label is ignored still get the softmax's gradient", "Paddle#28622",
       "optax's integer cross-entropy with label -100",
       revealed_by="the gradient of an ignored row",
       misses="no label is ignored in an ordinary test, and the loss's value is "
              "right all the same")  # fmt: skip
class _(CrossEntropy):
    def backward(self, residuals, dloss=1.0):
        log_p, a, divisor = residuals
        used = a.sum(axis=self.axis, keepdims=True) != 0
        each = upstream(dloss, self.reduction, divisor, used.shape)
        return super().backward(residuals, dloss) + np.where(used, 0, np.exp(log_p) * each)


@wrong("X37", "ε/(K-1) on the wrong classes instead of ε/K on all", "sockeye#203",
       revealed_by="few classes",
       misses="label smoothing is 0 by default; with a thousand classes both agree "
              "within 1e-3")  # fmt: skip
class _(CrossEntropy):
    def forward(self, prediction, target):
        K = prediction.shape[self.axis]
        more = self.label_smoothing * K / (K - 1)
        return right(self, label_smoothing=more).forward(prediction, target)


@wrong("X38", "the uniform part applied to ignored rows too", "pytorch#73205", "tinygrad#3570",
       "Liger-Kernel#198",
       revealed_by="smoothing and ignored labels together",
       misses="smoothing and ignored labels are each tested alone")  # fmt: skip
class _(CrossEntropy):
    def backward(self, residuals, dloss=1.0):
        log_p, a, divisor = residuals
        used = a.sum(axis=self.axis, keepdims=True) != 0
        uniform = self.label_smoothing / log_p.shape[self.axis]
        return super().backward((log_p, np.where(used, a, uniform), divisor), dloss)


@wrong("X39", "the weighted mean divided by N, not by the sum of the used weights",
       "torch's own form for soft targets",
       revealed_by="an unbalanced batch",
       misses="without weights, or with weights whose mean over the batch is 1, "
              "both agree")  # fmt: skip
class _(NegativeLogLikelihood):
    def forward(self, prediction, target):
        value, (a, divisor) = super().forward(prediction, target)
        scale = divisor / target.size if self.reduction == "mean" else 1
        return value * scale, (a * scale, divisor)


@wrong("LS07", "the class weights of the last axis, whatever the axis of the classes",
       revealed_by="weights and several positions",
       misses="two axes, where the last is the axis of the classes; no weights")  # fmt: skip
class _(NegativeLogLikelihood):
    def forward(self, prediction, target):
        value, (_, divisor) = super().forward(prediction, target)
        return value, (class_weights(right(self, weight=()), prediction, target)[0], divisor)


# Yes or no


@wrong("E20", "yes and no swapped: 1 - t in place of t",
       misses="consistent forward and backward: a gradient check passes, and the "
              "loss falls")  # fmt: skip
class _(BinaryCrossEntropy):
    def forward(self, prediction, target):
        t, *w = target if isinstance(target, tuple) else (target,)
        return super().forward(prediction, (1 - t, *w) if w else 1 - t)


@wrong("E21", "averaged over the batch and summed over the outputs",
       revealed_by="several outputs",
       misses="one output; or Adam, which divides the factor away")  # fmt: skip
class _(BinaryCrossEntropy):
    def backward(self, residuals, dloss=1.0):
        z = residuals[0]
        return super().backward(residuals, dloss) * (z.size // len(z))


@wrong("E22", "the loss from probabilities clipped to [1e-7, 1 - 1e-7]", "the epsilon of Keras",
       revealed_by="logits of 50",
       misses="logits of order 1 never reach ±16, where the clip begins")  # fmt: skip
class _(BinaryCrossEntropy):
    def forward(self, prediction, target):
        limit = -np.log(prediction.dtype.type(1e-7))
        value = super().forward(np.clip(prediction, -limit, limit), target)[0]
        return value, super().forward(prediction, target)[1]


@wrong("E23", "σ'(z) multiplied in, as after a squared error",
       misses="σ' is positive: still downhill, if slower and slower")  # fmt: skip
class _(BinaryCrossEntropy):
    def backward(self, residuals, dloss=1.0):
        p = 1 / (1 + np.exp(-np.clip(residuals[0], -80, 80)))
        return super().backward(residuals, dloss) * p * (1 - p)


@wrong("E24", "log(1 + e^-|z|) left out of the loss's value",
       revealed_by="moderate logits",
       misses="the gradient is right, and training never looks at the value")  # fmt: skip
class _(BinaryCrossEntropy):
    def forward(self, prediction, target):
        z, (positive, negative) = residuals = super().forward(prediction, target)[1]
        ends = negative * np.maximum(z, 0) + positive * np.maximum(-z, 0)
        return reduced(ends, self.reduction), residuals


@wrong("E25", "the backward pass ignores the upstream cotangent", "aprender#2182 (family)",
       revealed_by="a scaled loss",
       misses="the loss is the last node of every test, where the cotangent is 1")  # fmt: skip
class _(BinaryCrossEntropy):
    def backward(self, residuals, dloss=1.0):
        return super().backward(residuals, np.ones_like(dloss))


@wrong("LS08", "pos_weight applied to every entry, not to the positive part alone",
       revealed_by="pos_weight other than 1",
       misses="pos_weight is 1 by default")  # fmt: skip
class _(BinaryCrossEntropy):
    def backward(self, residuals, dloss=1.0):
        z, (positive, negative) = residuals
        by = np.asarray(self.pos_weight or 1.0, z.dtype)
        return super().backward((z, (positive, negative * by)), dloss)


@wrong("LS09", "the no-part left out of the gradient, as after a softmax",
       misses="a batch that holds positives alone")  # fmt: skip
class _(BinaryCrossEntropyOnProbabilities):
    def backward(self, residuals, dloss=1.0):
        p, positive, negative = residuals
        return super().backward((p, positive, 0 * negative), dloss)


@wrong("LS10", "summed over the classes where a mean over them is meant",
       revealed_by="two classes or more",
       misses="Adam divides the number of classes away")  # fmt: skip
class _(MultiLabelSoftMargin):
    def backward(self, residuals, dloss=1.0):
        return super().backward(residuals, dloss) * residuals[0].shape[-1]


@wrong("LS11", "the focal factor taken for a constant in the backward pass",
       revealed_by="gamma above 0",
       misses="what is left points downhill; gamma = 0 hides it altogether")  # fmt: skip
class _(Focal):
    def forward(self, prediction, target):
        value, _ = super().forward(prediction, target)
        u = (1 - 2 * target) * prediction
        wrong_p = 1 / (1 + np.exp(-u))
        factor = wrong_p ** (self.gamma + 1) * (1 - 2 * target)
        if self.alpha is not None:
            factor = factor * np.where(target > 0, self.alpha, 1 - self.alpha)
        return value, (np.asarray(factor, prediction.dtype),)


@wrong("LS12", "alpha given to the negatives and 1 - alpha to the positives",
       revealed_by="alpha other than 1/2",
       misses="alpha is off by default, and one half hides it")  # fmt: skip
class _(Focal):
    def forward(self, prediction, target):
        alpha = None if self.alpha is None else 1 - self.alpha
        return right(self, alpha=alpha).forward(prediction, target)


@wrong("LS13", "smoothing left out of the gradient's denominator",
       revealed_by="regions that are not large",
       misses="a large region makes smoothing negligible; within 2e-3 times the size")  # fmt: skip
class _(Dice):
    def forward(self, prediction, target):
        value = super().forward(prediction, target)[0]
        return value, right(self, smooth=self.smooth / 2).forward(prediction, target)[1]


# CTC


@wrong("LS14", "the gradient before the softmax: the occupation alone", "pytorch#52241 (family)",
       misses="the loss still falls for a while: the most likely path is pushed up")  # fmt: skip
class _(CTC):
    def backward(self, residuals, dloss=1.0):
        log_p, *rest = residuals
        return super().backward((log_p - 80, *rest), dloss)


@wrong("LS15", "padded frames counted",
       revealed_by="sequences of different lengths",
       misses="all sequences of the batch are of full length; value and gradient "
              "are consistent")  # fmt: skip
class _(CTC):
    def forward(self, prediction, target):
        labels, frames, counts = target
        return super().forward(prediction, (labels, np.full_like(frames, len(prediction)), counts))


@wrong("LS16", "the mean not divided by the number of labels", "optax has none of it",
       revealed_by="two labels or more",
       misses="targets of one label; or Adam, which divides the number away")  # fmt: skip
class _(CTC):
    def backward(self, residuals, dloss=1.0):
        *rest, share = residuals
        return super().backward((*rest, np.ones_like(share)), dloss)


@wrong("LS27", "the slope in log p as p - o: right only behind a softmax", "pytorch#52241",
       revealed_by="log-probabilities that are the input",
       misses="logits that are the input, behind whose softmax it is right")  # fmt: skip
class _(CTC):
    def backward(self, residuals, dloss=1.0):
        return right(self, log_input=False).backward(residuals, dloss)


@wrong("LS28", "divided by max(p (1 - p), 1e-12)", "torch.nn.functional.binary_cross_entropy",
       revealed_by="p at 0 or at 1",
       misses="probabilities away from 0 and 1")  # fmt: skip
class _(BinaryCrossEntropyOnProbabilities):
    def backward(self, residuals, dloss=1.0):
        p, positive, negative = residuals
        d = (negative * p - positive * (1 - p)) / np.maximum(p * (1 - p), 1e-12)
        return d * upstream(dloss, self.reduction, p.size)
