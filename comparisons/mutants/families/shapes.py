"""Wrong changes of shape."""

from __future__ import annotations

import numpy as np

from ....reference.axes import gather_backward
from ....reference.layers.flatten import Flatten
from ....reference.layers.pad import Pad
from ....reference.layers.reshape import Reshape
from ....reference.layers.transpose import Transpose
from ..registry import wrong


@wrong("D35", "column-major order, forward and backward consistently",
       revealed_by="y compared",
       misses="consistent both ways: a gradient check passes, and a model learns "
              "any order")  # fmt: skip
class _(Flatten):
    def forward(self, params, x):
        return x.reshape(x.shape[0], -1, order="F"), (x.shape,)

    def backward(self, residuals, dy):
        return dy.reshape(residuals[0], order="F"), {}


@wrong("D36", "the last two axes swapped on the way back",
       revealed_by="three axes of x or more",
       misses="the cotangent of sum() is the same in any order; so is x of two axes")  # fmt: skip
class _(Flatten):
    def backward(self, residuals, dy):
        (shape,) = residuals
        if len(shape) < 3:
            return super().backward(residuals, dy)
        turned = *shape[:-2], shape[-1], shape[-2]
        return dy.reshape(turned).swapaxes(-1, -2), {}


@wrong("NM19", "column-major order on the way back",
       misses="the cotangent of sum() is the same in any order")  # fmt: skip
class _(Reshape):
    def backward(self, residuals, dy):
        return dy.reshape(residuals[0], order="F"), {}


@wrong("NM20", "the permutation applied once more on the way back, not undone",
       revealed_by="a permutation that is not its own inverse",
       misses="two axes exchanged: done twice, that is undone")  # fmt: skip
class _(Transpose):
    def backward(self, residuals, dy):
        again = dy.transpose(*self.axes)
        right = super().backward(residuals, dy)[0]
        return (again if again.shape == right.shape else right), {}


@wrong("NM21", "the padding cropped off the cotangent: copies outside x bring nothing back",
       revealed_by="another mode than constant",
       misses="the mode constant, the default, where nothing comes back")  # fmt: skip
class _(Pad):
    def backward(self, residuals, dy):
        inside = tuple(
            slice(before, before + n)
            for (before, _), n in zip(self.width, residuals[1], strict=True)
        )
        return dy[(..., *inside)].copy(), {}


@wrong("NM22", "the outermost entry mirrored twice: symmetric for reflect",
       revealed_by="the mode reflect",
       misses="the mode constant, the default")  # fmt: skip
class _(Pad):
    def forward(self, params, x):
        y, residuals = super().forward(params, x)
        if self.mode != "reflect":
            return y, residuals
        plain = ((0, 0),) * (x.ndim - len(self.width))
        return np.pad(x, (*plain, *self.width), mode="symmetric"), residuals


@wrong("NM23", "the last of several copies overwrites the cotangents of the others",
       revealed_by="an entry that is copied more than once",
       misses="the mode constant, or a padding of one in an x so wide that no entry is copied "
              "twice")  # fmt: skip
class _(Pad):
    def backward(self, residuals, dy):
        s, sizes = residuals
        for axis in range(-len(s), 0):
            last = np.array([np.flatnonzero(s[axis] == j)[-1] for j in range(sizes[axis])])
            first = np.where(np.isin(np.arange(len(s[axis])), last), s[axis], -1)
            dy = gather_backward(dy, first, axis, sizes[axis])
        return dy, {}
