"""Wrong normalisations, Dropout, shapes and combinators: each varies one method."""

from __future__ import annotations

import numpy as np

from backproof.reference import statistics as stats
from backproof.reference.axes import gather_backward
from backproof.reference.layers.add import Add
from backproof.reference.layers.batch_norm_inference import BatchNormInference
from backproof.reference.layers.batchnorm1d import BatchNorm1d
from backproof.reference.layers.batchnorm2d import BatchNorm2d
from backproof.reference.layers.concat import Concat
from backproof.reference.layers.dense import Dense
from backproof.reference.layers.dropout import Dropout
from backproof.reference.layers.groupnorm import GroupNorm
from backproof.reference.layers.instancenorm import InstanceNorm
from backproof.reference.layers.l2_normalize import L2Normalize
from backproof.reference.layers.local_response_norm import LocalResponseNorm
from backproof.reference.layers.pad import Pad
from backproof.reference.layers.repeat import Repeat
from backproof.reference.layers.reshape import Reshape
from backproof.reference.layers.rmsnorm import RMSNorm
from backproof.reference.layers.running_statistics import RunningStatistics
from backproof.reference.layers.tied_autoencoder import TiedAutoencoder
from backproof.reference.layers.transpose import Transpose
from backproof.reference.layers.weightnorm import WeightNorm

from .mutants import wrong


def _without_gamma(residuals):
    """As if γ, the last of the residuals, were 1."""
    *kept, gamma = residuals
    return *kept, np.ones_like(gamma)


# BatchNorm


@wrong("X53", "dx not multiplied by γ", "Knet.jl#288", revealed_by="γ away from 1")
class _(BatchNorm1d):
    def backward(self, residuals, dy):
        grads = super().backward(residuals, dy)[1]
        return super().backward(_without_gamma(residuals), dy)[0], grads


@wrong("X54", "the saved 1/√(σ² + ε) taken for the variance by the backward pass", "FlagGems#5223",
       revealed_by="a variance far from 1")  # fmt: skip
class _(BatchNorm2d):
    def backward(self, residuals, dy):
        x_hat, r, gamma = residuals
        dx = super().backward((x_hat, 1 / np.sqrt(r + self.eps), gamma), dy)[0]
        return dx, super().backward(residuals, dy)[1]


@wrong("X57", "statistics over the batch only, for each position of an (N, C, L)", "mlpack#2474",
       revealed_by="more than one position")  # fmt: skip
class _(BatchNorm1d):
    def forward(self, params, x):
        x_hat, r = stats.standardize(x, (0,), self.eps)
        return stats.scale(params, x_hat), (x_hat, r, params["gamma"])


@wrong("NM01", "μ and σ² taken for constants, as in inference")
class _(BatchNorm2d):
    def backward(self, residuals, dy):
        _, r, gamma = residuals
        dx = stats.by_channel(gamma, dy.ndim) * r * dy
        return dx, super().backward(residuals, dy)[1]


@wrong("NM03", "ε outside the square root: 1/(√v + ε)", revealed_by="a variance of the order of ε")
class _(BatchNormInference):
    def forward(self, params, x):
        outside = tuple((v**0.5 + self.eps) ** 2 - self.eps for v in self.var)
        return BatchNormInference(self.mean, outside, self.eps).forward(params, x)


@wrong("NM04", "the gradient of γ with the input in place of x̂")
class _(BatchNormInference):
    def forward(self, params, x):
        y, residuals = super().forward(params, x)
        return y, (*residuals, x)

    def backward(self, residuals, dy):
        *kept, x = residuals
        dx, grads = super().backward(kept, dy)
        return dx, grads | {"gamma": stats.scale_gradient(x, dy)["gamma"]}


@wrong("X55", "running variance divided by n where it should be n - 1", "pytorch#1410",
       "pytorch#60528", "returnn#1539", "tinygrad#807", revealed_by="few samples")  # fmt: skip
class _(RunningStatistics):
    def forward(self, params, x):
        return RunningStatistics(self.momentum, unbiased=False).forward(params, x)


@wrong("X56", "the momentum taken for the weight of the old statistics",
       "torch 0.1 is flax 0.9", revealed_by="a momentum other than 1/2")  # fmt: skip
class _(RunningStatistics):
    def forward(self, params, x):
        return RunningStatistics(1 - self.momentum, self.unbiased).forward(params, x)


@wrong("X58", "the statistics updated twice, by the recomputation of a checkpoint as well",
       "YOLO-Master#262", "pytorch#96136", "pytorch-pfn-extras#117",
       revealed_by="running statistics compared")  # fmt: skip
class _(RunningStatistics):
    def forward(self, params, x):
        (mean, var), residuals = super().forward(params, x)
        return super().forward(params, (x[0], mean, var))[0], residuals


# GroupNorm, InstanceNorm, RMSNorm


@wrong("X62", "statistics for each channel instead of each group",
       revealed_by="1 < G < C, or one position")  # fmt: skip
class _(GroupNorm):
    def forward(self, params, x):
        return GroupNorm(self.n, self.n, self.eps).forward(params, x)

    def backward(self, residuals, dy):
        return GroupNorm(self.n, self.n, self.eps).backward(residuals, dy)


@wrong("NM05", "groups of every G-th channel instead of neighbours", revealed_by="1 < G < C")
class _(GroupNorm):
    def _turned(self, a, groups):
        parts = a.reshape(len(a), groups, -1, *a.shape[2:]).swapaxes(1, 2)
        return parts.reshape(a.shape)

    def forward(self, params, x):
        y, kept = super().forward({"gamma": np.ones(self.n, x.dtype), "beta": params["beta"] * 0},
                                  self._turned(x, self.n // self.groups))  # fmt: skip
        y = self._turned(y, self.groups)
        return stats.scale(params, y), (*kept[:-1], params["gamma"])


@wrong("NM06", "the gradients of γ and β averaged over the samples",
       revealed_by="a batch of two or more")  # fmt: skip
class _(InstanceNorm):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        return dx, {k: g / len(dy) for k, g in grads.items()}


@wrong("NM07", "statistics over the batch as well: BatchNorm", revealed_by="two samples or more")
class _(InstanceNorm):
    def forward(self, params, x):
        x_hat, r = stats.standardize(x, stats.but_channels(x.ndim), self.eps)
        return (stats.scale(params, x_hat) if self.affine else x_hat), (x_hat, r, params)


@wrong("X61", "the gradient of γ never written: it stays zero", "trueno#178",
       revealed_by="every parameter's gradient compared")  # fmt: skip
class _(RMSNorm):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        return dx, {"gamma": np.zeros_like(grads["gamma"])}


@wrong("NM08", "dx not multiplied by γ", "llm.c#763 (comment)", revealed_by="γ away from 1")
class _(RMSNorm):
    def backward(self, residuals, dy):
        grads = super().backward(residuals, dy)[1]
        return super().backward(_without_gamma(residuals), dy)[0], grads


@wrong("NM09", "ε outside the root: x/(rms + ε)", "seen in other codebases",
       revealed_by="a mean square of the order of ε")  # fmt: skip
class _(RMSNorm):
    def forward(self, params, x):
        r = 1 / (np.sqrt((x * x).mean(axis=-1, keepdims=True)) + self.eps)
        return params["gamma"] * x * r, (x * r, r, params["gamma"])


@wrong("NM10", "the mean subtracted first: LayerNorm without β")
class _(RMSNorm):
    def forward(self, params, x):
        return super().forward(params, x - x.mean(axis=-1, keepdims=True))


# LocalResponseNorm, WeightNorm, L2Normalize


@wrong("NM11", "α not divided by the size, as the paper has it", "torch and the paper differ",
       revealed_by="a size above 1")  # fmt: skip
class _(LocalResponseNorm):
    def _right(self):
        return LocalResponseNorm(self.size, self.alpha * self.size, self.beta, self.k)

    def forward(self, params, x):
        return self._right().forward(params, x)

    def backward(self, residuals, dy):
        return self._right().backward(residuals, dy)


@wrong("NM12", "the backward pass looks at the neighbours that x sees, not at those that see it",
       revealed_by="an even size")  # fmt: skip
class _(LocalResponseNorm):
    def backward(self, residuals, dy):
        x, s, near = residuals
        return super().backward((x, s, near.T), dy)


@wrong("NM13", "the norm of v taken for a constant: dv = g/‖v‖ dW")
class _(WeightNorm):
    def backward(self, residuals, dy):
        kept, _, g, norm = residuals
        dx, grads = super().backward(residuals, dy)
        dW = Dense(self.n_in, self.n_out).gradient(kept, dy)["W"]
        return dx, grads | {"v": g / norm * dW}


@wrong("NM14", "the norm over the outputs of each input of a square v: the other axis",
       revealed_by="n_in = n_out > 1")  # fmt: skip
class _(WeightNorm):
    def forward(self, params, x):
        if self.n_in != self.n_out:
            return super().forward(params, x)
        v, g = params["v"], params["g"]
        norm = np.sqrt((v * v).sum(axis=1))
        kept = Dense(self.n_in, self.n_out).forward({"W": g * v / norm, "b": params["b"]}, x)
        return kept[0], (kept[1], v / norm, g, norm)


@wrong("NM15", "ε added to the norm instead of clamping it", "torch clamps, others add",
       revealed_by="an ε of the order of the norm")  # fmt: skip
class _(L2Normalize):
    def forward(self, params, x):
        norm = np.sqrt((x * x).sum(axis=self.axis, keepdims=True))
        y = x / (norm + x.dtype.type(self.eps))
        return y, (y, norm + x.dtype.type(self.eps), norm > self.eps)


@wrong("NM16", "the projection left out of dx: the norm taken for a constant")
class _(L2Normalize):
    def backward(self, residuals, dy):
        return dy / residuals[1], {}


@wrong("NM17", "the projection kept where the norm is clamped", revealed_by="a norm below ε")
class _(L2Normalize):
    def backward(self, residuals, dy):
        y, d, long = residuals
        return super().backward((y, d, np.ones_like(long)), dy)


# Dropout


@wrong("X66", "1/(1 - p) missing from the backward pass", "ai-engineering-from-scratch#17",
       revealed_by="p > 0")  # fmt: skip
class _(Dropout):
    def backward(self, residuals, dy):
        return (dy * residuals[0], None), {}


@wrong("X67", "another mask in the backward pass", "guided-diffusion#167", "OLMo-core#828",
       "PIDM#66", revealed_by="p > 0")  # fmt: skip
class _(Dropout):
    def backward(self, residuals, dy):
        (mask,) = residuals
        return super().backward((np.random.default_rng(1).random(mask.shape) >= self.p,), dy)


@wrong("X68", "the mask inferred from the output: an input of 0 that was dropped gets a gradient",
       "kaldi#3890", revealed_by="exact zeros that were dropped")  # fmt: skip
class _(Dropout):
    def forward(self, params, x):
        y, _ = super().forward(params, x)
        return y, (y == x[0] / (1 - self.p),)


@wrong("X69", "the mask left out of the backward pass, which only scales", "numpy-ml#94",
       revealed_by="p > 0")  # fmt: skip
class _(Dropout):
    def backward(self, residuals, dy):
        return super().backward((np.ones_like(residuals[0]),), dy)


@wrong("NM18", "kept units not scaled in training, as in the first paper on it")
class _(Dropout):
    def forward(self, params, x):
        return x[0] * x[1], (x[1],)


# Reshape, Transpose, Pad


@wrong("NM19", "column-major order on the way back")
class _(Reshape):
    def backward(self, residuals, dy):
        return dy.reshape(residuals[0], order="F"), {}


@wrong("NM20", "the permutation applied once more on the way back, not undone",
       revealed_by="a permutation that is not its own inverse")  # fmt: skip
class _(Transpose):
    def backward(self, residuals, dy):
        again = dy.transpose(*self.axes)
        right = super().backward(residuals, dy)[0]
        return (again if again.shape == right.shape else right), {}


@wrong("NM21", "the padding cropped off the cotangent: copies outside x bring nothing back",
       revealed_by="another mode than constant")  # fmt: skip
class _(Pad):
    def backward(self, residuals, dy):
        inside = tuple(
            slice(before, before + n)
            for (before, _), n in zip(self.width, residuals[1], strict=True)
        )
        return dy[(..., *inside)].copy(), {}


@wrong("NM22", "the outermost entry mirrored twice: symmetric for reflect",
       revealed_by="the mode reflect")  # fmt: skip
class _(Pad):
    def forward(self, params, x):
        y, residuals = super().forward(params, x)
        if self.mode != "reflect":
            return y, residuals
        plain = ((0, 0),) * (x.ndim - len(self.width))
        return np.pad(x, (*plain, *self.width), mode="symmetric"), residuals


@wrong("NM23", "the last of several copies overwrites the cotangents of the others",
       revealed_by="an entry that is copied more than once")  # fmt: skip
class _(Pad):
    def backward(self, residuals, dy):
        s, sizes = residuals
        for axis in range(-len(s), 0):
            last = np.array([np.flatnonzero(s[axis] == j)[-1] for j in range(sizes[axis])])
            first = np.where(np.isin(np.arange(len(s[axis])), last), s[axis], -1)
            dy = gather_backward(dy, first, axis, sizes[axis])
        return dy, {}


# Concat, Add, Repeat, TiedAutoencoder


@wrong("NM24", "the parts of dy given to the branches one place off",
       revealed_by="branches of different cotangents")  # fmt: skip
class _(Concat):
    def backward(self, residuals, dy):
        return super().backward(residuals, np.roll(dy, 1, axis=self.axis))


@wrong("NM25", "the cotangent of x from the last branch only: = instead of +=",
       revealed_by="two branches")  # fmt: skip
class _(Concat):
    def backward(self, residuals, dy):
        kept, sizes = residuals
        dx, dparams = super().backward(residuals, dy)
        first = np.moveaxis(np.moveaxis(dy, self.axis, 0)[: sizes[0]], 0, self.axis)
        return dx - self.branches[0].backward(kept[0], first)[0], dparams


@wrong("NM26", "dy shared out among the branches: each gets its mean part",
       revealed_by="two branches")  # fmt: skip
class _(Add):
    def backward(self, residuals, dy):
        return super().backward(residuals, dy / len(self.branches))


@wrong("NM27", "the gradient of the last use only, though every use has the same parameters",
       revealed_by="two uses")  # fmt: skip
class _(Repeat):
    def backward(self, residuals, dy):
        return super().backward(residuals, dy)[0], self.inner.backward(residuals[-1], dy)[1]


@wrong("NM28", "the backward pass takes the residuals of the last use for every use",
       revealed_by="two uses")  # fmt: skip
class _(Repeat):
    def backward(self, residuals, dy):
        return super().backward((residuals[-1],) * self.times, dy)


@wrong("X05", "the tied matrix gets the decoder's contribution only", "pytext#704",
       revealed_by="an input that is not zero, and every gradient compared")  # fmt: skip
class _(TiedAutoencoder):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        _, last = Dense(self.n, self.n_in).backward(residuals[2], dy)
        return dx, grads | {"W": last["W"].T.copy()}


@wrong("NM29", "the tied matrix gets the encoder's contribution only")
class _(TiedAutoencoder):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        _, last = Dense(self.n, self.n_in).backward(residuals[2], dy)
        return dx, grads | {"W": grads["W"] - last["W"].T}
