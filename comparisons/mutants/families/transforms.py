"""Wrong transforms of gradients and weights."""

from __future__ import annotations

import dataclasses

import numpy as np

from ....reference.transforms.accumulate import Accumulate
from ....reference.transforms.chain import Chain
from ....reference.transforms.clip_by_global_norm import ClipByGlobalNorm
from ....reference.transforms.clip_by_norm import ClipByNorm
from ....reference.transforms.clip_by_value import ClipByValue
from ....reference.transforms.exponential_average import ExponentialAverage
from ....reference.transforms.loss_scale import LossScale
from ....reference.tree import tree_map
from ..registry import wrong


@wrong("TF02", "cut on one side only",
       revealed_by="a negative entry beyond the limit",
       misses="positive entries; it converges")  # fmt: skip
class _(ClipByValue):
    def __call__(self, grads):
        return tree_map(lambda g: np.minimum(g, self.limit), grads)


@wrong("TF01", "scaled to the limit even where the norm is below it",
       revealed_by="a norm below the limit",
       misses="norms above the limit, where scaling is right")  # fmt: skip
class _(ClipByNorm):
    def __call__(self, grads):
        return tree_map(lambda g: g * (self.max_norm / np.sqrt((g * g).sum())), grads)


@wrong("X112", "the norm of each tensor, not of all together", "transformers#614",
       revealed_by="several tensors, an active limit",
       misses="one tensor; norms below the limit")  # fmt: skip
class _(ClipByGlobalNorm):
    def __call__(self, grads):
        whole = super().__call__
        return tree_map(whole, grads)


@wrong("X113", "clipped too late, which has no effect", "graphstorm#1366", "tabm#20",
       revealed_by="an active limit",
       misses="norms below the limit; training that goes well without clipping")  # fmt: skip
class _(ClipByGlobalNorm):
    def __call__(self, grads):
        return grads


@wrong("X116", "a partial last window divided by the full window's size", "ms-swift#10084",
       revealed_by="a partial last window",
       misses="a number of batches that the window divides")  # fmt: skip
class _(Accumulate):
    def __call__(self, x):
        g, n = x
        return (g * (n / (len(n) * n.max()))[:, None, None].astype(g.dtype)).sum(axis=0)


@wrong("X120", "the mean of the means of unequal shards", "transformers#34191",
       revealed_by="unequal counts",
       misses="shards of equal size")  # fmt: skip
class _(Accumulate):
    def __call__(self, x):
        return Accumulate.__call__(dataclasses.replace(self, equal=not self.equal), x)


@wrong("TF05", "an overflow does not begin the interval anew",
       revealed_by="an overflow within an interval",
       misses="no overflow in the test, or none within an interval")  # fmt: skip
class _(LossScale):
    def __call__(self, t):
        scale, clean, scales = self.initial, 0, [self.initial]
        for overflow in self.overflows:
            clean += not overflow
            if overflow:
                scale = scale * self.backoff
            elif clean == self.interval:
                scale, clean = scale * self.growth, 0
            scales.append(scale)
        return np.asarray(scales)[t - 1]


@wrong("TF03", "the decay is the weight of the new value", "torch 0.9 is another library's 0.1",
       revealed_by="a decay other than 1/2",
       misses="a decay of one half; the averaged weights of a converged run are the same either "
              "way")  # fmt: skip
class _(ExponentialAverage):
    def __call__(self, w):
        return ExponentialAverage.__call__(dataclasses.replace(self, decay=1 - self.decay), w)


@wrong("TF04", "not corrected for the start at zero, or corrected where nothing is to correct",
       revealed_by="the first steps",
       misses="late steps, where nothing is left to correct")  # fmt: skip
class _(ExponentialAverage):
    def __call__(self, w):
        return ExponentialAverage.__call__(dataclasses.replace(self, debias=not self.debias), w)


@wrong("X117", "every micro-batch's gradient is clipped, not the gradient of the whole batch",
       "transformers#1563", "super-gradients#653",
       revealed_by="a large first micro-batch",
       misses="norms below the limit; one micro-batch")  # fmt: skip
class _(Chain):
    def __call__(self, x):
        summed, *rest = self.parts
        g, n = x
        return summed((np.stack([Chain(tuple(rest))(one) for one in g]), n))
