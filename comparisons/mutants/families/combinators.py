"""Wrong layers made of layers, and wrong parts of whole models."""

from __future__ import annotations

import numpy as np

from ....reference.layers.add import Add
from ....reference.layers.concat import Concat
from ....reference.layers.dense import Dense
from ....reference.layers.outputs import Outputs
from ....reference.layers.repeat import Repeat
from ....reference.layers.residual import Residual
from ....reference.layers.sequential import Sequential
from ....reference.layers.tied_autoencoder import TiedAutoencoder
from ....reference.layers.tied_head import TiedHead
from ....reference.layers.token_mean import TokenMean
from ....reference.tree import tree_map
from ..registry import wrong

# Sequential, Residual


@wrong("D37", "the cotangent stops before the first layer, whose gradients stay zero",
       "a graph cut by detach",
       revealed_by="parameters in the first layer",
       misses="the layers above learn, so the loss falls; y and dx are right")  # fmt: skip
class _(Sequential):
    def backward(self, residuals, dy):
        dx, (first, *rest) = super().backward(residuals, dy)
        return dx, (tree_map(np.zeros_like, first), *rest)


@wrong("D38", "layers without parameters are left out on the way back",
       misses="what is left of the cotangents points downhill, and the loss falls")  # fmt: skip
class _(Sequential):
    def backward(self, residuals, dy):
        dparams = []
        for layer, kept in zip(reversed(self.layers), reversed(residuals), strict=True):
            dx, dp = layer.backward(kept, dy)
            dy = dx if dp else dy
            dparams.append(dp)
        return dy, tuple(reversed(dparams))


@wrong("D39", "dx is the cotangent of the second layer: the loop ends one early",
       revealed_by="dx compared",
       misses="every parameter's gradient is right: only dx, which training never "
              "uses, is wrong")  # fmt: skip
class _(Sequential):
    def backward(self, residuals, dy):
        dx, dparams = super().backward(residuals, dy)
        tail = Sequential(*self.layers[1:])
        short = tail.backward(residuals[1:], dy)[0]
        return (short if short.shape == dx.shape else np.resize(short, dx.shape)), dparams


@wrong("X06", "the second use of x overwrites the cotangent of the first: = instead of +=",
       "micrograd#2", "ARENA_2.0#18", "nn-zero-to-hero#52",
       revealed_by="a node used twice: a skip connection",
       misses="every node is used once in a chain of layers")  # fmt: skip
class _(Residual):
    def backward(self, residuals, dy):
        return self.inner.backward(residuals, dy)


@wrong("X07", "the shared node passes its accumulated cotangent on a second time", "DLFS_code#13",
       "cTensor#5", "micrograd#2",
       revealed_by="a diamond in the graph",
       misses="in a tree every order is a topological one; only a diamond tells")  # fmt: skip
class _(Residual):
    def backward(self, residuals, dy):
        dx, dparams = super().backward(residuals, dy)
        return dx + dy, dparams


@wrong("D40", "only the connection's cotangent reaches x: the branch is lost",
       misses="the branch's own parameters learn, so the loss falls")  # fmt: skip
class _(Residual):
    def backward(self, residuals, dy):
        return dy.copy(), super().backward(residuals, dy)[1]


# Concat, Add, Repeat


@wrong("NM24", "the parts of dy given to the branches one place off",
       revealed_by="branches of different cotangents",
       misses="with the cotangent of sum() every part is the same")  # fmt: skip
class _(Concat):
    def backward(self, residuals, dy):
        return super().backward(residuals, np.roll(dy, 1, axis=self.axis))


@wrong("NM25", "the cotangent of x from the last branch only: = instead of +=",
       revealed_by="two branches",
       misses="the branches' parameters learn, and dx is not used in the first layer")  # fmt: skip
class _(Concat):
    def backward(self, residuals, dy):
        kept, sizes = residuals
        dx, dparams = super().backward(residuals, dy)
        first = np.moveaxis(np.moveaxis(dy, self.axis, 0)[: sizes[0]], 0, self.axis)
        return dx - self.branches[0].backward(kept[0], first)[0], dparams


@wrong("NM26", "dy shared out among the branches: each gets its mean part",
       revealed_by="two branches",
       misses="half a gradient is a gradient: the loss falls")  # fmt: skip
class _(Add):
    def backward(self, residuals, dy):
        return super().backward(residuals, dy / len(self.branches))


@wrong("NM27", "the gradient of the last use only, though every use has the same parameters",
       revealed_by="two uses",
       misses="the gradient of the last use is a part of the right one, and mostly "
              "of its sign")  # fmt: skip
class _(Repeat):
    def backward(self, residuals, dy):
        return super().backward(residuals, dy)[0], self.inner.backward(residuals[-1], dy)[1]


@wrong("NM28", "the backward pass takes the residuals of the last use for every use",
       revealed_by="two uses",
       misses="one use; or inputs so small that every use is alike")  # fmt: skip
class _(Repeat):
    def backward(self, residuals, dy):
        return super().backward((residuals[-1],) * self.times, dy)


# Parts of models


@wrong("X05", "the tied matrix gets the decoder's contribution only", "pytext#704",
       revealed_by="an input that is not zero, and every gradient compared",
       misses="the decoder's part alone goes downhill; an input of zeros hides the "
              "other part")  # fmt: skip
class _(TiedAutoencoder):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        _, last = Dense(self.n, self.n_in).backward(residuals[2], dy)
        return dx, grads | {"W": last["W"].T.copy()}


@wrong("NM29", "the tied matrix gets the encoder's contribution only",
       misses="the encoder's part alone goes downhill")  # fmt: skip
class _(TiedAutoencoder):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        _, last = Dense(self.n, self.n_in).backward(residuals[2], dy)
        return dx, grads | {"W": grads["W"] - last["W"].T}


@wrong("X05b", "the tied matrix gets the gradient of the output side alone", "pytext#704",
       misses="the output's part alone goes downhill: the loss falls")  # fmt: skip
class _(TiedHead):
    def backward(self, residuals, dy):
        _, dparams = super().backward(residuals, dy)
        _, _, h, _ = residuals
        W = dy.reshape(-1, self.n_rows).T @ h.reshape(-1, self.n)
        return None, {**dparams, "W": W}


@wrong("MD01", "the gradient of the last output alone goes back", "rnn_lstm_from_scratch#1",
       revealed_by="a loss on every step",
       misses="a loss on the last step alone, many to one")  # fmt: skip
class _(Outputs):
    def backward(self, residuals, dy):
        last = np.arange(dy.shape[1])[:, None] == dy.shape[1] - 1
        return super().backward(residuals, dy * last)


@wrong("MD02", "1/T missing on the way back",
       revealed_by="magnitudes, not directions",
       misses="Adam divides the factor away; directions agree")  # fmt: skip
class _(TokenMean):
    def backward(self, residuals, dy):
        return super().backward((1,), dy)[0].repeat(residuals[0], axis=1), {}
