"""Wrong gates, and Maxout."""

from __future__ import annotations

import numpy as np

from ....reference.layers.glu import GLU
from ....reference.layers.maxout import Maxout
from ....reference.layers.swiglu import SwiGLU
from ..registry import wrong

# GLU


@wrong("GA14", "the halves exchanged: the first gates the second",
       misses="a test of shapes, or of the two halves of a symmetric x")  # fmt: skip
class _(GLU):
    def forward(self, params, x):
        half = x.shape[self.axis] // 2
        return super().forward(params, np.roll(x, half, axis=self.axis))


@wrong("GA15", "values and gates interleaved, not one half after the other",
       revealed_by="two values or more",
       misses="a learnt map before it may have its columns in any order; a gradient "
              "check passes")  # fmt: skip
class _(GLU):
    def _order(self, n):
        return np.argsort(np.arange(n) % 2, kind="stable")

    def forward(self, params, x):
        return super().forward(params, np.take(x, self._order(x.shape[self.axis]), self.axis))

    def backward(self, residuals, dy):
        dx, _ = super().backward(residuals, dy)
        return np.take(dx, np.argsort(self._order(dx.shape[self.axis])), self.axis), {}


@wrong("GA16", "the gate's cotangent without the slope of its sigmoid",
       misses="the slope is positive and at most 1/4: the loss falls without it")  # fmt: skip
class _(GLU):
    def backward(self, residuals, dy):
        a, gate, axis = residuals
        return np.concatenate([dy * gate, dy * a], axis=axis), {}


# SwiGLU


@wrong("GA17", "the second term of the product rule is missing from the gate's slope",
       revealed_by="a gate other than 0",
       misses="right where the gate is 0; the other two maps learn")  # fmt: skip
class _(SwiGLU):
    def backward(self, residuals, dy):
        z, s, *rest = residuals
        dx, grads = super().backward(residuals, dy)
        short = super().backward((np.zeros_like(z), s, *rest), dy)[1]
        return dx, grads | {name: short[name] for name in ("W", "b") if name in grads}


@wrong("GA18", "dx by one of the two maps only",
       misses="dx of the first layer is not used; parameters learn")  # fmt: skip
class _(SwiGLU):
    def backward(self, residuals, dy):
        z, s, v, *maps = residuals
        one, _ = super().backward((z, s, np.zeros_like(v), *maps), dy)
        return one, super().backward(residuals, dy)[1]


@wrong("GA19", "W and V exchanged: the second map is the gate",
       misses="the maps are learnt, whichever is called the gate; a gradient check "
              "passes")  # fmt: skip
class _(SwiGLU):
    def forward(self, params, x):
        z, s, v, of_z, of_v = super().forward(self._exchanged(params), x)[1]
        return z * s * v, (z, s, v, of_z, of_v)

    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        return dx, self._exchanged(grads)

    def _exchanged(self, p):
        return {name: p[other] for name, other in zip("WVbc", "VWcb", strict=True) if name in p}


# Maxout


@wrong("X30", "every tied maximum gets the whole cotangent", "Theano#4568", "tensorflow#51681",
       revealed_by="ties",
       misses="random numbers are never equal")  # fmt: skip
class _(Maxout):
    def forward(self, params, x):
        y, (affine, kept, _) = super().forward(params, x)
        z = (kept[0] @ kept[1] + params.get("b", 0)).reshape(*y.shape, self.pieces)
        return y, (affine, kept, z == y[..., None])

    def backward(self, residuals, dy):
        affine, kept, largest = residuals
        return affine.backward(kept, (dy[..., None] * largest).reshape(*dy.shape[:-1], -1))


@wrong("GA25", "a tie goes to the last piece",
       revealed_by="ties",
       misses="random numbers are never equal")  # fmt: skip
class _(Maxout):
    def forward(self, params, x):
        y, (affine, kept, _) = super().forward(params, x)
        z = (kept[0] @ kept[1] + params.get("b", 0)).reshape(*y.shape, self.pieces)
        so_far = np.maximum.accumulate(z, axis=-1)
        return y, (affine, kept, [z[..., k] >= so_far[..., k] for k in range(1, self.pieces)])


@wrong("GA26", "the pieces side by side: column k O + o in place of o K + k",
       revealed_by="two pieces and two outputs or more",
       misses="columns of a learnt matrix may stand in any order; a gradient check "
              "passes")  # fmt: skip
class _(Maxout):
    def _order(self):
        return np.arange(self.n_out * self.pieces).reshape(self.pieces, self.n_out).T.ravel()

    def forward(self, params, x):
        return super().forward({name: p[..., self._order()] for name, p in params.items()}, x)

    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        back = np.argsort(self._order())
        return dx, {name: g[..., back] for name, g in grads.items()}
