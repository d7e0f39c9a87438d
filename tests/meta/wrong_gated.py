"""Wrong gated, smooth and learned activations."""

from __future__ import annotations

import numpy as np

from backproof.reference.layers.glu import GLU
from backproof.reference.layers.log_sigmoid import LogSigmoid
from backproof.reference.layers.log_softmax import LogSoftmax
from backproof.reference.layers.maxout import Maxout
from backproof.reference.layers.prelu import PReLU
from backproof.reference.layers.softmin import Softmin
from backproof.reference.layers.softplus import Softplus
from backproof.reference.layers.softsign import Softsign
from backproof.reference.layers.swiglu import SwiGLU
from backproof.reference.layers.tanh_shrink import TanhShrink

from .mutants import wrong

# PReLU


@wrong("GA01", "the slope's gradient averaged over all positions instead of summed",
       revealed_by="two positions or more")  # fmt: skip
class _(PReLU):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        count = dy.size // (self.n or 1)
        return dx, {"a": grads["a"] / count}


@wrong("GA02", "slope 1 at exactly 0: >= in place of >", revealed_by="exact zeros")
class _(PReLU):
    def forward(self, params, x):
        y, (_, a, _) = super().forward(params, x)
        return y, (x, a, x >= 0)


@wrong("GA03", "the slope's gradient collects the positive entries too")
class _(PReLU):
    def backward(self, residuals, dy):
        x, a, positive = residuals
        all_of_it = super().backward((x, a, np.zeros_like(positive)), dy)[1]
        return super().backward(residuals, dy)[0], all_of_it


@wrong("GA04", "one channel's slope for all", revealed_by="slopes that differ")
class _(PReLU):
    def forward(self, params, x):
        return super().forward({"a": np.full_like(params["a"], params["a"][0])}, x)


# Smooth activations


@wrong("GA05", "the logarithm taken of the sigmoid, whose last digits are lost near 1",
       revealed_by="x of 8 or more")  # fmt: skip
class _(LogSigmoid):
    def forward(self, params, x):
        s = 1 / (1 + np.exp(-np.maximum(x, -80)))
        return np.where(x < -80, x, np.log(s)), (x,)


@wrong("GA06", "the slope of the sigmoid itself: σ(x) in place of σ(-x)")
class _(LogSigmoid):
    def backward(self, residuals, dy):
        return super().backward((-residuals[0],), dy)


@wrong("GA07", "beta multiplies the slope, which its division has undone", revealed_by="beta != 1")
class _(Softplus):
    def backward(self, residuals, dy):
        dx, _ = super().backward(residuals, dy)
        return dx * dy.dtype.type(self.beta), {}


@wrong("GA08", "the threshold compared with x, not with beta x", revealed_by="beta != 1")
class _(Softplus):
    def forward(self, params, x):
        z = super().forward(params, x)[1][0]
        bend = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))
        above = x > self.threshold
        return np.where(above, x, bend / x.dtype.type(self.beta)), (z, above)


@wrong("GA09", "above the threshold the slope is still σ(beta x)", revealed_by="a low threshold")
class _(Softplus):
    def backward(self, residuals, dy):
        z, above = residuals
        return super().backward((z, np.zeros_like(above)), dy)


@wrong("GA10", "1/(1 + |x|): the slope's square forgotten", revealed_by="x other than 0")
class _(Softsign):
    def backward(self, residuals, dy):
        return dy * residuals[0], {}


@wrong("GA11", "1/(1 + x)², right for x > 0 only", revealed_by="negative x")
class _(Softsign):
    def forward(self, params, x):
        y, (r,) = super().forward(params, x)
        return y, (np.where(x < 0, 1 / (1 - np.abs(x) / 2), r),)


@wrong("GA12", "the slope of tanh: 1 - tanh(x)²")
class _(TanhShrink):
    def backward(self, residuals, dy):
        (t,) = residuals
        return dy * (1 - t * t), {}


@wrong("GA13", "tanh(x) - x")
class _(TanhShrink):
    def forward(self, params, x):
        y, residuals = super().forward(params, x)
        return -y, residuals


# Gates


@wrong("GA14", "the halves exchanged: the first gates the second")
class _(GLU):
    def forward(self, params, x):
        half = x.shape[self.axis] // 2
        return super().forward(params, np.roll(x, half, axis=self.axis))


@wrong("GA15", "values and gates interleaved, not one half after the other",
       revealed_by="two values or more")  # fmt: skip
class _(GLU):
    def _order(self, n):
        return np.argsort(np.arange(n) % 2, kind="stable")

    def forward(self, params, x):
        return super().forward(params, np.take(x, self._order(x.shape[self.axis]), self.axis))

    def backward(self, residuals, dy):
        dx, _ = super().backward(residuals, dy)
        return np.take(dx, np.argsort(self._order(dx.shape[self.axis])), self.axis), {}


@wrong("GA16", "the gate's cotangent without the slope of its sigmoid")
class _(GLU):
    def backward(self, residuals, dy):
        a, gate, axis = residuals
        return np.concatenate([dy * gate, dy * a], axis=axis), {}


@wrong("GA17", "the second term of the product rule is missing from the gate's slope",
       revealed_by="a gate other than 0")  # fmt: skip
class _(SwiGLU):
    def backward(self, residuals, dy):
        z, s, *rest = residuals
        dx, grads = super().backward(residuals, dy)
        short = super().backward((np.zeros_like(z), s, *rest), dy)[1]
        return dx, grads | {name: short[name] for name in ("W", "b") if name in grads}


@wrong("GA18", "dx by one of the two maps only")
class _(SwiGLU):
    def backward(self, residuals, dy):
        z, s, v, *maps = residuals
        one, _ = super().backward((z, s, np.zeros_like(v), *maps), dy)
        return one, super().backward(residuals, dy)[1]


@wrong("GA19", "W and V exchanged: the second map is the gate")
class _(SwiGLU):
    def forward(self, params, x):
        z, s, v, of_z, of_v = super().forward(self._exchanged(params), x)[1]
        return z * s * v, (z, s, v, of_z, of_v)

    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        return dx, self._exchanged(grads)

    def _exchanged(self, p):
        return {name: p[other] for name, other in zip("WVbc", "VWcb", strict=True) if name in p}


# Over an axis


@wrong("GA20", "y in place of e^y, as if it were the softmax")
class _(LogSoftmax):
    def backward(self, residuals, dy):
        (y,) = residuals
        return dy - y * dy.sum(axis=self.axis, keepdims=True), {}


@wrong("GA21", "only the diagonal of the Jacobian: (1 - e^y) dy", revealed_by="a dense cotangent")
class _(LogSoftmax):
    def backward(self, residuals, dy):
        return dy * (1 - np.exp(residuals[0])), {}


@wrong("GA22", "the logarithm of a softmax to which 1e-6 is added, so that it is never of 0",
       revealed_by="an unlikely class")  # fmt: skip
class _(LogSoftmax):
    def forward(self, params, x):
        y = np.log(np.exp(super().forward(params, x)[0]) + x.dtype.type(1e-6))
        return y, (y,)


@wrong("GA23", "the minus sign left out of the backward pass")
class _(Softmin):
    def backward(self, residuals, dy):
        return -super().backward(residuals, dy)[0], {}


@wrong("GA24", "one minus the softmax: it agrees for two classes", revealed_by="three or more")
class _(Softmin):
    def forward(self, params, x):
        y, _ = super().forward(params, -x)
        return 1 - y, (1 - y,)


# Maxout


@wrong("X30", "every tied maximum gets the whole cotangent", "Theano#4568", "tensorflow#51681",
       revealed_by="ties")  # fmt: skip
class _(Maxout):
    def forward(self, params, x):
        y, (affine, kept, _) = super().forward(params, x)
        z = (kept[0] @ kept[1] + params.get("b", 0)).reshape(*y.shape, self.pieces)
        return y, (affine, kept, z == y[..., None])

    def backward(self, residuals, dy):
        affine, kept, largest = residuals
        return affine.backward(kept, (dy[..., None] * largest).reshape(*dy.shape[:-1], -1))


@wrong("GA25", "a tie goes to the last piece", revealed_by="ties")
class _(Maxout):
    def forward(self, params, x):
        y, (affine, kept, _) = super().forward(params, x)
        z = (kept[0] @ kept[1] + params.get("b", 0)).reshape(*y.shape, self.pieces)
        so_far = np.maximum.accumulate(z, axis=-1)
        return y, (affine, kept, [z[..., k] >= so_far[..., k] for k in range(1, self.pieces)])


@wrong("GA26", "the pieces side by side: column k O + o in place of o K + k",
       revealed_by="two pieces and two outputs or more")  # fmt: skip
class _(Maxout):
    def _order(self):
        return np.arange(self.n_out * self.pieces).reshape(self.pieces, self.n_out).T.ravel()

    def forward(self, params, x):
        return super().forward({name: p[..., self._order()] for name, p in params.items()}, x)

    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        back = np.argsort(self._order())
        return dx, {name: g[..., back] for name, g in grads.items()}
