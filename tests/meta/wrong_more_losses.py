"""Wrong losses of numbers, classes and margins: each class varies one method of the right one."""

from __future__ import annotations

import dataclasses

import numpy as np

from backproof.reference.losses.binary_cross_entropy import BinaryCrossEntropy
from backproof.reference.losses.binary_cross_entropy_on_probabilities import (
    BinaryCrossEntropyOnProbabilities,
)
from backproof.reference.losses.cosine_embedding import CosineEmbedding
from backproof.reference.losses.cross_entropy import CrossEntropy
from backproof.reference.losses.ctc import CTC
from backproof.reference.losses.dice import Dice
from backproof.reference.losses.focal import Focal
from backproof.reference.losses.gaussian_nll import GaussianNLL
from backproof.reference.losses.hinge import Hinge
from backproof.reference.losses.hinge_embedding import HingeEmbedding
from backproof.reference.losses.huber_loss import HuberLoss
from backproof.reference.losses.kl_divergence import KLDivergence
from backproof.reference.losses.l1_loss import L1Loss
from backproof.reference.losses.log_cosh import LogCosh
from backproof.reference.losses.margin_ranking import MarginRanking
from backproof.reference.losses.multi_label_margin import MultiLabelMargin
from backproof.reference.losses.multi_label_soft_margin import MultiLabelSoftMargin
from backproof.reference.losses.multi_margin import MultiMargin
from backproof.reference.losses.negative_log_likelihood import NegativeLogLikelihood
from backproof.reference.losses.poisson_nll import PoissonNLL
from backproof.reference.losses.smooth_l1_loss import SmoothL1Loss
from backproof.reference.losses.soft_margin import SoftMargin
from backproof.reference.losses.squared_hinge import SquaredHinge
from backproof.reference.losses.triplet_margin import TripletMargin
from backproof.reference.reductions import reduced, upstream
from backproof.reference.targets import class_weights

from .mutants import wrong


def right(spec, **changes):
    """The right loss with other hyperparameters: what a mutant calls."""
    fields = {f.name: getattr(spec, f.name) for f in dataclasses.fields(spec)}
    base = next(c for c in type(spec).__mro__ if c.__module__.startswith("backproof."))
    return base(**(fields | changes))


# Losses of numbers


@wrong("X29", "the slope 1 where both are equal, not 0", "caffe#1326", "jax#37820",
       revealed_by="a perfect fit")  # fmt: skip
class _(L1Loss):
    def backward(self, residuals, dloss=1.0):
        (sign,) = residuals
        return super().backward((np.where(sign == 0, 1, sign).astype(sign.dtype),), dloss)


@wrong("LS01", "Huber's slope, which is beta far out, under the name of smooth L1",
       "optax.huber_loss against torch.nn.SmoothL1Loss", revealed_by="beta not 1")  # fmt: skip
class _(SmoothL1Loss):
    def backward(self, residuals, dloss=1.0):
        return super().backward(residuals, dloss) * self.beta


@wrong("LS02", "the linear part not lowered by delta²/2: a step at the knot",
       revealed_by="the loss's value compared")  # fmt: skip
class _(HuberLoss):
    def forward(self, prediction, target):
        residuals = super().forward(prediction, target)[1]
        distance = np.abs(prediction - target)
        far = self.delta * distance
        entries = np.where(distance < self.delta, 0.5 * distance * distance, far)
        return reduced(entries, self.reduction), residuals


@wrong("LS03", "d in place of tanh d", revealed_by="differences that are not small")
class _(LogCosh):
    def backward(self, residuals, dloss=1.0):
        (d,) = residuals
        return d * upstream(dloss, self.reduction, d.size)


@wrong("X44", "the mean over the entries, not over the batch", "torch's reduction='mean'",
       revealed_by="two columns or more")  # fmt: skip
class _(KLDivergence):
    def forward(self, prediction, target):
        other = {"batchmean": "mean"}.get(self.reduction, self.reduction)
        return right(self, reduction=other).forward(prediction, target)

    def backward(self, residuals, dloss=1.0):
        other = {"batchmean": "mean"}.get(self.reduction, self.reduction)
        return right(self, reduction=other).backward(residuals, dloss)


@wrong("LS04", "the target taken as probabilities where it is their logarithm",
       revealed_by="log_target")  # fmt: skip
class _(KLDivergence):
    def backward(self, residuals, dloss=1.0):
        (t,) = residuals
        return super().backward((np.log(t) if self.log_target else t,), dloss)


@wrong("LS05", "the rate e^x left out of the slope")
class _(PoissonNLL):
    def forward(self, prediction, target):
        value, (slope,) = super().forward(prediction, target)
        return value, (slope - np.exp(prediction) if self.log_input else slope,)


@wrong("LS06", "the cotangent of the variance without 1/v: the quadratic part alone")
class _(GaussianNLL):
    def backward(self, residuals, dloss=1.0):
        d, v, free = residuals
        dm, _ = super().backward(residuals, dloss)
        return dm, -0.5 * dm * d / v * free


# Losses of classes


@wrong("X36", "rows whose label is ignored still get the softmax's gradient", "Paddle#28622",
       "optax's integer cross-entropy with label -100",
       revealed_by="the gradient of an ignored row")  # fmt: skip
class _(CrossEntropy):
    def backward(self, residuals, dloss=1.0):
        log_p, a, divisor = residuals
        used = a.sum(axis=self.axis, keepdims=True) != 0
        each = upstream(dloss, self.reduction, divisor, used.shape)
        return super().backward(residuals, dloss) + np.where(used, 0, np.exp(log_p) * each)


@wrong("X37", "ε/(K-1) on the wrong classes instead of ε/K on all", "sockeye#203",
       revealed_by="few classes")  # fmt: skip
class _(CrossEntropy):
    def forward(self, prediction, target):
        K = prediction.shape[self.axis]
        more = self.label_smoothing * K / (K - 1)
        return right(self, label_smoothing=more).forward(prediction, target)


@wrong("X38", "the uniform part applied to ignored rows too", "pytorch#73205", "tinygrad#3570",
       "Liger-Kernel#198", revealed_by="smoothing and ignored labels together")  # fmt: skip
class _(CrossEntropy):
    def backward(self, residuals, dloss=1.0):
        log_p, a, divisor = residuals
        used = a.sum(axis=self.axis, keepdims=True) != 0
        uniform = self.label_smoothing / log_p.shape[self.axis]
        return super().backward((log_p, np.where(used, a, uniform), divisor), dloss)


@wrong("X39", "the weighted mean divided by N, not by the sum of the used weights",
       "torch's own form for soft targets", revealed_by="an unbalanced batch")  # fmt: skip
class _(NegativeLogLikelihood):
    def forward(self, prediction, target):
        value, (a, divisor) = super().forward(prediction, target)
        scale = divisor / target.size if self.reduction == "mean" else 1
        return value * scale, (a * scale, divisor)


@wrong("LS07", "the class weights of the last axis, whatever the axis of the classes",
       revealed_by="weights and several positions")  # fmt: skip
class _(NegativeLogLikelihood):
    def forward(self, prediction, target):
        value, (_, divisor) = super().forward(prediction, target)
        return value, (class_weights(right(self, weight=()), prediction, target)[0], divisor)


@wrong("LS08", "pos_weight applied to every entry, not to the positive part alone",
       revealed_by="pos_weight other than 1")  # fmt: skip
class _(BinaryCrossEntropy):
    def backward(self, residuals, dloss=1.0):
        z, (positive, negative) = residuals
        by = np.asarray(self.pos_weight or 1.0, z.dtype)
        return super().backward((z, (positive, negative * by)), dloss)


@wrong("LS09", "the no-part left out of the gradient, as after a softmax")
class _(BinaryCrossEntropyOnProbabilities):
    def backward(self, residuals, dloss=1.0):
        p, positive, negative = residuals
        return super().backward((p, positive, 0 * negative), dloss)


@wrong("LS10", "summed over the classes where a mean over them is meant",
       revealed_by="two classes or more")  # fmt: skip
class _(MultiLabelSoftMargin):
    def backward(self, residuals, dloss=1.0):
        return super().backward(residuals, dloss) * residuals[0].shape[-1]


@wrong("LS11", "the focal factor taken for a constant in the backward pass",
       revealed_by="gamma above 0")  # fmt: skip
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
       revealed_by="alpha other than 1/2")  # fmt: skip
class _(Focal):
    def forward(self, prediction, target):
        alpha = None if self.alpha is None else 1 - self.alpha
        return right(self, alpha=alpha).forward(prediction, target)


@wrong("LS13", "smoothing left out of the gradient's denominator",
       revealed_by="regions that are not large")  # fmt: skip
class _(Dice):
    def forward(self, prediction, target):
        value = super().forward(prediction, target)[0]
        return value, right(self, smooth=self.smooth / 2).forward(prediction, target)[1]


@wrong("LS14", "the gradient before the softmax: the occupation alone", "pytorch#52241 (family)")
class _(CTC):
    def backward(self, residuals, dloss=1.0):
        log_p, *rest = residuals
        return super().backward((log_p - 80, *rest), dloss)


@wrong("LS15", "padded frames counted", revealed_by="sequences of different lengths")
class _(CTC):
    def forward(self, prediction, target):
        labels, frames, counts = target
        return super().forward(prediction, (labels, np.full_like(frames, len(prediction)), counts))


@wrong("LS16", "the mean not divided by the number of labels", "optax has none of it",
       revealed_by="two labels or more")  # fmt: skip
class _(CTC):
    def backward(self, residuals, dloss=1.0):
        *rest, share = residuals
        return super().backward((*rest, np.ones_like(share)), dloss)


# Losses of margins


@wrong("LS17", "the gradient also where the margin is kept", revealed_by="scores beyond the margin")
class _(Hinge):
    def forward(self, prediction, target):
        return super().forward(prediction, target)[0], (target,)


@wrong("LS18", "the factor 2 left out of the gradient")
class _(SquaredHinge):
    def backward(self, residuals, dloss=1.0):
        return super().backward(residuals, dloss) / 2


@wrong("LS19", "unlike pairs pushed apart beyond the margin too",
       revealed_by="distances above the margin")  # fmt: skip
class _(HingeEmbedding):
    def forward(self, prediction, target):
        return super().forward(prediction, target)[0], (target,)


@wrong("LS20", "σ(t x) in place of σ(-t x)")
class _(SoftMargin):
    def backward(self, residuals, dloss=1.0):
        u, t = residuals
        return super().backward((-u, t), dloss)


@wrong("LS21", "the norms taken for constants in the backward pass")
class _(CosineEmbedding):
    def backward(self, residuals, dloss=1.0):
        u, v, uu, vv, root, c, slope = residuals
        return super().backward((u, v, uu, vv, root, 0 * c, slope), dloss)


@wrong("LS22", "the second score's gradient with the sign of the first", "micrograd_c#1 (family)",
       revealed_by="both scores compared")  # fmt: skip
class _(MarginRanking):
    def backward(self, residuals, dloss=1.0):
        dx, _ = super().backward(residuals, dloss)
        return dx, dx


@wrong("X45", "an odd p without the absolute value", "optax.losses.triplet_margin_loss 0.2.8",
       revealed_by="p = 1 or 3 with negative differences")  # fmt: skip
class _(TripletMargin):
    def forward(self, prediction, target):
        value, (short, slopes) = super().forward(prediction, target)
        if self.p == 2:
            return value, (short, slopes)
        return value, (short, tuple(np.abs(slope) for slope in slopes))


@wrong("LS23", "the slope of D(a - n), though the swap took D(q - n)", revealed_by="swap")
class _(TripletMargin):
    def forward(self, prediction, target):
        value, (short, (near, _, other)) = super().forward(prediction, target)
        unswapped = right(self, swap=False).forward(prediction, target)[1][1]
        return value, (short, (near, unswapped[1], 0 * other))


@wrong("LS24", "the right class gets no gradient", revealed_by="every entry compared")
class _(MultiMargin):
    def backward(self, residuals, dloss=1.0):
        _, label = residuals
        return super().backward(residuals, dloss) * ~label


@wrong("LS25", "the slope of p = 1 whatever p is", revealed_by="p = 2")
class _(MultiMargin):
    def forward(self, prediction, target):
        value = super().forward(prediction, target)[0]
        return value, right(self, p=1).forward(prediction, target)[1]


@wrong("LS26", "labels after the first -1 read too", revealed_by="a label behind the end")
class _(MultiLabelMargin):
    def forward(self, prediction, target):
        ended = np.where(target < 0, target[:, :1], target)
        return super().forward(prediction, ended)
