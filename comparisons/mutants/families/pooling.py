"""Wrong pooling, products and resampling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ....reference.layers.adaptive_avg_pool2d import AdaptiveAvgPool2d
from ....reference.layers.avg_pool2d import AvgPool2d
from ....reference.layers.global_avg_pool2d import GlobalAvgPool2d
from ....reference.layers.global_max_pool2d import GlobalMaxPool2d
from ....reference.layers.lp_pool2d import LPPool2d
from ....reference.layers.max_pool1d import MaxPool1d
from ....reference.layers.max_pool2d import MaxPool2d
from ....reference.layers.pixel_shuffle import PixelShuffle
from ....reference.layers.prod import Prod
from ....reference.layers.upsample_bilinear2d import UpsampleBilinear2d
from ....reference.layers.upsample_nearest2d import UpsampleNearest2d
from ....reference.pooling import maximum, to_all
from ....reference.resampling import along
from ..registry import wrong

# Pooling


@wrong("CV08", "every entry that ties gets the whole cotangent",
       revealed_by="ties",
       misses="random numbers are never equal; zeros after a ReLU are")  # fmt: skip
class _(MaxPool1d):
    def forward(self, params, x):
        y, (_, *rest) = super().forward(params, x)
        return y, ((x, y), *rest)

    def backward(self, residuals, dy):
        (x, y), over, _ = residuals
        padded = over.pad(x, -1e30)
        dx = np.zeros_like(padded)
        for tap in over.taps(dy.shape[2:]):
            dx[tap] += dy * (padded[tap] == y)
        return over.crop(dx), {}


@wrong("CV09", "ties go to the last",
       revealed_by="ties",
       misses="random numbers are never equal; zeros after a ReLU are")  # fmt: skip
class _(MaxPool2d):
    def forward(self, params, x):
        y, (_, over, sizes) = super().forward(params, x)
        padded = over.pad(x, -1e30)
        best, *others = (padded[tap] for tap in over.taps(y.shape[2:]))
        beats = []
        for tap in others:
            beats.append(tap >= best)
            best = np.maximum(best, tap)
        return y, (tuple(beats), over, sizes)


@wrong("CV10", "overlapping windows overwrite dx instead of adding to it",
       "ocannl#512 (pooling tested with stride = window only)",
       revealed_by="a stride below the window's size",
       misses="stride = window, where nothing overlaps")  # fmt: skip
class _(MaxPool2d):
    def backward(self, residuals, dy):
        beats, over, sizes = residuals
        dx = np.zeros_like(dy, shape=(*dy.shape[:2], *over.padded(sizes)))
        free = np.ones(dy.shape, bool)
        last_to_first = list(over.taps(dy.shape[2:]))[::-1]
        for tap, won in zip(last_to_first, [*reversed(beats), True], strict=True):
            dx[tap] = np.where(free & won, dy, dx[tap])
            free = free & ~np.asarray(won)
        return over.crop(dx), {}


@wrong("CV11", "padded with zeros, which win over what is negative",
       revealed_by="padding and negative entries",
       misses="no padding; or inputs after a ReLU, none of them negative")  # fmt: skip
class _(MaxPool2d):
    def forward(self, params, x):
        _, (_, over, sizes) = super().forward(params, x)
        y, beats = maximum(over.pad(x), replace(over, padding=((0, 0), (0, 0))))
        return y, (beats, over, sizes)


@wrong("X79", "count_include_pad the wrong way round",
       "TensorFlow's SAME leaves the padding out; torch and flax count it by default",
       revealed_by="padding",
       misses="no padding")  # fmt: skip
class _(AvgPool2d):
    def forward(self, params, x):
        other = replace(_plain_avg(self), count_include_pad=not self.count_include_pad)
        return other.forward(params, x)


def _plain_avg(layer):
    return AvgPool2d(layer.kernel, layer.stride, layer.padding, layer.ceil, layer.count_include_pad)


@wrong("CV12", "what ceil mode adds behind counts, too",
       revealed_by="ceil mode and a partial window",
       misses="sizes that divide, where no window is partial")  # fmt: skip
class _(AvgPool2d):
    def forward(self, params, x):
        y, (M, over, sizes) = super().forward(params, x)
        full = np.full_like(M, np.prod(over.kernel)) if self.count_include_pad else M
        return y * (M / full), (full, over, sizes)


@wrong("CV13", "the way back takes every part to be of the same size",
       revealed_by="a number of parts that does not divide the size",
       misses="sizes that divide, where all parts are equal")  # fmt: skip
class _(AdaptiveAvgPool2d):
    def backward(self, residuals, dy):
        A, B, M = residuals
        return along(A.T, dy / M.mean(dtype=dy.dtype), B.T), {}


@wrong("CV15", "the sign of x is lost on the way back",
       revealed_by="negative entries",
       misses="inputs after a ReLU, none of them negative")  # fmt: skip
class _(LPPool2d):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        return dx * np.sign(residuals[0]), grads


@wrong("CV16", "the share of each entry is not divided by the norm to the p - 1",
       misses="Adam divides the factor away; the signs are right")  # fmt: skip
class _(LPPool2d):
    def backward(self, residuals, dy):
        x, y, over = residuals
        return super().backward((x, np.ones_like(y), over), dy)


@wrong("X80", "1/(H W) is missing on the way back",
       revealed_by="magnitudes compared",
       misses="Adam divides H W away; directions agree")  # fmt: skip
class _(GlobalAvgPool2d):
    def backward(self, residuals, dy):
        dx, _ = super().backward(residuals, dy)
        return dx * (dx.shape[2] * dx.shape[3]), {}


@wrong("CV14", "ties share the cotangent", "torch.amax, jax.numpy.max",
       revealed_by="ties",
       misses="random numbers are never equal; zeros after a ReLU are")  # fmt: skip
class _(GlobalMaxPool2d):
    def forward(self, params, x):
        y, _ = super().forward(params, x)
        hit = x == y[:, :, None, None]
        return y, (hit / hit.sum(axis=(2, 3), keepdims=True),)

    def backward(self, residuals, dy):
        (share,) = residuals
        return dy[:, :, None, None] * share.astype(dy.dtype), {}


# Prod


@wrong("X27", "the product divided by x, which is 0/0 at a zero", "tensorflow#119430",
       "tensorflow#3862", "burn#3864", "pytensor#1911", "Theano#5197",
       revealed_by="an exact zero",
       misses="random numbers are never 0, and divide out to the last digits")  # fmt: skip
class _(Prod):
    def backward(self, residuals, dy):
        factors, order = residuals
        y = np.prod(factors, axis=0)
        return np.stack([dy * y / factor for factor in factors]).transpose(*np.argsort(order)), {}


@wrong("PR01", "the gradient takes the factors before its own only",
       revealed_by="two factors or more",
       misses="a test of y alone: only the gradient is wrong")  # fmt: skip
class _(Prod):
    def backward(self, residuals, dy):
        factors, order = residuals
        before = np.cumprod([np.ones_like(factors[0]), *factors[:-1]], axis=0)
        return (dy * before).transpose(*np.argsort(order)), {}


# Resampling


@wrong("CV20", "rows and columns of a cell exchanged",
       revealed_by="a factor above 1",
       misses="a permutation: forward and backward agree, a gradient check passes, and a model "
              "learns it")  # fmt: skip
class _(PixelShuffle):
    def forward(self, params, x):
        N, _, H, W = x.shape
        r = self.factor
        cells = x.reshape(N, -1, r, r, H, W).swapaxes(2, 3)
        return super().forward(params, cells.reshape(x.shape))

    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        N, _, H, W = dx.shape
        r = self.factor
        return dx.reshape(N, -1, r, r, H, W).swapaxes(2, 3).reshape(dx.shape), grads


@wrong("CV21", "channels split as (r, r, C): depth to space", "tf.nn.depth_to_space",
       "ONNX DepthToSpace, modes DCR and CRD",
       revealed_by="two channels left or more",
       misses="one channel left; a permutation, which a gradient check passes and a "
              "model learns")  # fmt: skip
class _(PixelShuffle):
    def forward(self, params, x):
        N, _, H, W = x.shape
        r = self.factor
        cells = x.reshape(N, r * r, -1, H, W).swapaxes(1, 2)
        return super().forward(params, cells.reshape(x.shape))

    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        N, _, H, W = dx.shape
        cells = dx.reshape(N, -1, self.factor**2, H, W).swapaxes(1, 2)
        return cells.reshape(dx.shape), grads


@wrong("CV17", "nearest to the corner of a pixel instead of its centre, and the other way round",
       "F.interpolate's nearest and nearest-exact",
       revealed_by="no whole multiple",
       misses="whole multiples, where centre and corner fall on the same entry")  # fmt: skip
class _(UpsampleNearest2d):
    def forward(self, params, x):
        return UpsampleNearest2d(self.size, not self.centred).forward(params, x)


@wrong("CV18", "the cotangent of one copy only reaches x",
       revealed_by="an entry copied twice",
       misses="one copy's cotangent is a part of the right one: the loss falls")  # fmt: skip
class _(UpsampleNearest2d):
    def backward(self, residuals, dy):
        rows, columns, H, W = residuals
        dx = np.zeros_like(dy, shape=(*dy.shape[:2], H, W))
        dx[:, :, rows[:, None], columns] = dy
        return dx, {}


@wrong("CV19", "align_corners the wrong way round", "F.interpolate, jax.image.resize",
       misses="forward and backward agree, so a gradient check passes")  # fmt: skip
class _(UpsampleBilinear2d):
    def forward(self, params, x):
        return UpsampleBilinear2d(self.size, not self.align_corners).forward(params, x)


@wrong("CV23", "NaN where a window is 0: the slope of a root at 0",
       revealed_by="a window of zeros",
       misses="windows of random numbers are never 0 throughout")  # fmt: skip
class _(LPPool2d):
    def backward(self, residuals, dy):
        x, y, over = residuals
        dx, dparams = super().backward(residuals, dy)
        return np.where(to_all(1.0 * (y == 0), over, x.shape[2:]) > 0, np.nan, dx), dparams


@wrong("CV24", "slope 1 at exactly 0", "jax.numpy.abs",
       revealed_by="exact zeros and p = 1",
       misses="a random number is never exactly 0")  # fmt: skip
class _(LPPool2d):
    def backward(self, residuals, dy):
        x, y, over = residuals
        return super().backward((np.where(x == 0, 1e-30, x), y, over), dy)
