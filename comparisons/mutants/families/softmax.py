"""Wrong softmaxes."""

from __future__ import annotations

import numpy as np

from ....reference.layers.log_softmax import LogSoftmax
from ....reference.layers.softmax import Softmax
from ....reference.layers.softmin import Softmin
from ..registry import wrong

# Softmax


@wrong("X24", "only the diagonal of the Jacobian: y (1 - y) dy", "Odyssey#2134",
       "DeepLearningFrameworkFromScratchCpp#1", "cTensor#31", "ML-DL-implementation#153",
       revealed_by="a dense cotangent",
       misses="only the entry of the target looked at; the signs are right, and the "
              "loss falls")  # fmt: skip
class _(Softmax):
    def backward(self, residuals, dy):
        (y,) = residuals
        return y * (1 - y) * dy, {}


@wrong("X25", "the backward pass sums over the first axis, the forward pass over the right one",
       "SKaiNET#863", "chainer#5496", "nntrainer#430",
       revealed_by="two axes or more",
       misses="x of one axis, or a symmetric square; what is left goes downhill")  # fmt: skip
class _(Softmax):
    def backward(self, residuals, dy):
        return Softmax(axis=0).backward(residuals, dy)


@wrong("D18", "the sum of dy y added instead of subtracted",
       misses="a cotangent with Σ dy y = 0; the diagonal is right, and the loss "
              "falls")  # fmt: skip
class _(Softmax):
    def backward(self, residuals, dy):
        (y,) = residuals
        return y * (dy + (dy * y).sum(axis=self.axis, keepdims=True)), {}


@wrong("D19", "always over the last axis",
       revealed_by="another axis",
       misses="the last axis, which is the default")  # fmt: skip
class _(Softmax):
    def forward(self, params, x):
        return Softmax().forward(params, x)


@wrong("D20", "1e-4 added to the sum of the exponentials: y does not sum to one",
       misses="1e-4 of the sum: within 5e-4; forward and backward nearly agree, so a gradient "
              "check passes")  # fmt: skip
class _(Softmax):
    def forward(self, params, x):
        e = np.exp(x - x.max(axis=self.axis, keepdims=True))
        y = e / (e.sum(axis=self.axis, keepdims=True) + x.dtype.type(1e-4))
        return y, (y,)


# LogSoftmax


@wrong("GA20", "y in place of e^y, as if it were the softmax",
       misses="the gradient of the right class is right in sign, and the loss falls "
              "at first")  # fmt: skip
class _(LogSoftmax):
    def backward(self, residuals, dy):
        (y,) = residuals
        return dy - y * dy.sum(axis=self.axis, keepdims=True), {}


@wrong("GA21", "only the diagonal of the Jacobian: (1 - e^y) dy",
       revealed_by="a dense cotangent",
       misses="only the entry of the target looked at; the signs are right, and the "
              "loss falls")  # fmt: skip
class _(LogSoftmax):
    def backward(self, residuals, dy):
        return dy * (1 - np.exp(residuals[0])), {}


@wrong("GA22", "the logarithm of a softmax to which 1e-6 is added, so that it is never of 0",
       revealed_by="an unlikely class",
       misses="likely classes: 1e-6 is then nothing; a gradient check passes within "
              "1e-3")  # fmt: skip
class _(LogSoftmax):
    def forward(self, params, x):
        y = np.log(np.exp(super().forward(params, x)[0]) + x.dtype.type(1e-6))
        return y, (y,)


# Softmin


@wrong("GA23", "the minus sign left out of the backward pass",
       misses="the cotangent of sum() is projected away by any softmax: dx is 0 "
              "either way")  # fmt: skip
class _(Softmin):
    def backward(self, residuals, dy):
        return -super().backward(residuals, dy)[0], {}


@wrong("GA24", "one minus the softmax: it agrees for two classes",
       revealed_by="three or more",
       misses="two classes, where one minus the softmax is the softmin")  # fmt: skip
class _(Softmin):
    def forward(self, params, x):
        y, _ = super().forward(params, -x)
        return 1 - y, (1 - y,)
