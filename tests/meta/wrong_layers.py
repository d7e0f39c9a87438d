"""Wrong layers: each class varies one method of the layer it inherits from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from backproof.reference.layers.conv2d import Conv2d
from backproof.reference.layers.dense import Dense
from backproof.reference.layers.flatten import Flatten
from backproof.reference.layers.layernorm import LayerNorm
from backproof.reference.layers.relu import ReLU
from backproof.reference.layers.residual import Residual
from backproof.reference.layers.sequential import Sequential
from backproof.reference.layers.sigmoid import Sigmoid
from backproof.reference.layers.softmax import Softmax
from backproof.reference.layers.tanh import Tanh
from backproof.reference.taps import convolution, spread

from .mutants import wrong

# Dense


@wrong("X01", "bias gradient averaged over the batch instead of summed", "nd4j#2424", "burn#181",
       revealed_by="a batch of two or more")  # fmt: skip
class _(Dense):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        return dx, {k: g / (dy.size // self.n_out) if k == "b" else g for k, g in grads.items()}


@wrong("X02", "bias gradient summed over the first axis only, of which one position is kept",
       revealed_by="x of three axes")  # fmt: skip
class _(Dense):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        db = dy.sum(axis=0).reshape(-1, self.n_out)[0]
        return dx, grads | ({"b": db} if "b" in grads else {})


@wrong("D01", "dx misses the transpose of a square weight matrix", revealed_by="n_in = n_out > 1")
class _(Dense):
    def backward(self, residuals, dy):
        x, W = residuals
        return super().backward((x, W.T if self.n_in == self.n_out else W), dy)


@wrong("D02", "dW of a square weight matrix transposed", revealed_by="n_in = n_out > 1")
class _(Dense):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        W = grads["W"]
        return dx, grads | {"W": W.T.copy() if self.n_in == self.n_out else W}


@wrong("D03", "dW averaged over the batch instead of summed", revealed_by="a batch of two or more")
class _(Dense):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        return dx, grads | {"W": grads["W"] / dy.shape[0]}


@wrong("D04", "dW loses the last sample: a loop that ends one early")
class _(Dense):
    def backward(self, residuals, dy):
        x, W = residuals
        dx, grads = super().backward(residuals, dy)
        return dx, grads | {"W": super().backward((x[:-1], W), dy[:-1])[1]["W"]}


@wrong("D05", "dW overwritten at every position of a sequence instead of accumulated",
       revealed_by="x of three axes")  # fmt: skip
class _(Dense):
    def backward(self, residuals, dy):
        x, W = residuals
        dx, grads = super().backward(residuals, dy)
        last = (slice(None), -1) if dy.ndim > 2 else ...
        return dx, grads | {"W": super().backward((x[last], W), dy[last])[1]["W"]}


@wrong("D06", "forward adds the bias twice, while every gradient is right")
class _(Dense):
    def forward(self, params, x):
        y, residuals = super().forward(params, x)
        return y + params.get("b", 0), residuals


@wrong("D07", "a fixed bias is left out of the forward pass, while every gradient is right",
       revealed_by="a bias that is no parameter")  # fmt: skip
class _(Dense):
    def forward(self, params, x):
        y, residuals = super().forward(params, x)
        return (x @ params["W"] if isinstance(self.bias, tuple) else y), residuals


# Elementwise layers


@wrong("X16", "the derivative's formula applied to the activation again: σ'(σ(x))",
       "NeuralNetworkFromScratch#3 (family)", revealed_by="|x| of 2 or more")  # fmt: skip
class _(Sigmoid):
    def backward(self, residuals, dy):
        again = Sigmoid().forward({}, residuals[0])[0]
        return dy * again * (1 - again), {}


@wrong("D10", "the derivative left out: dx = dy", "NeuralNetworkFromScratch#3")
class _(Sigmoid):
    def backward(self, residuals, dy):
        return dy.copy(), {}


@wrong("D11", "z (1 - z) with the pre-activation z in place of the activation")
class _(Sigmoid):
    def forward(self, params, x):
        return super().forward(params, x)[0], (x,)


@wrong("D12", "x clipped to ±15 before the exponential", revealed_by="a saturated unit, x = -80")
class _(Sigmoid):
    def forward(self, params, x):
        return super().forward(params, np.clip(x, -15, 15))


@wrong("D13", "1 - y is taken for 1 where y is below 0.01: a shortcut of the backward pass",
       revealed_by="an x between -15 and -5")  # fmt: skip
class _(Sigmoid):
    def backward(self, residuals, dy):
        (y,) = residuals
        return dy * y * np.where(y < 0.01, 1, 1 - y), {}


@wrong("X17", "1 - tanh(x) instead of 1 - tanh(x)²", revealed_by="moderate |x|: 0 and ∞ agree")
class _(Tanh):
    def backward(self, residuals, dy):
        return dy * (1 - residuals[0]), {}


@wrong("X11", "the upstream cotangent read in its memory order, as if it were contiguous",
       "pytorch#175188", "pytorch#175189", "FlagGems#1084", "flash-attention#355", "torch/nn#345",
       revealed_by="a cotangent that is transposed in memory")  # fmt: skip
class _(Tanh):
    def backward(self, residuals, dy):
        return super().backward(residuals, dy.ravel(order="K").reshape(dy.shape))


@wrong("D15", "tanh as (e^2x - 1)/(e^2x + 1): right in exact arithmetic, no digits near 0",
       revealed_by="|x| of 1e-8")  # fmt: skip
class _(Tanh):
    def forward(self, params, x):
        e = np.exp(2 * x)
        y = (e - 1) / (e + 1)
        return y, (y,)


@wrong("X18", "slope 1 at exactly 0: >= in place of >", "jax#37821", revealed_by="exact zeros")
class _(ReLU):
    def forward(self, params, x):
        return super().forward(params, x)[0], (x >= 0,)


@wrong("X19", "the cotangent masked by its own sign too: guided backpropagation",
       revealed_by="cotangents of both signs")  # fmt: skip
class _(ReLU):
    def backward(self, residuals, dy):
        return super().backward(residuals, np.maximum(dy, 0))


@wrong("D16", "the mask left out of the backward pass")
class _(ReLU):
    def backward(self, residuals, dy):
        return dy.copy(), {}


@wrong("D17", "the negative side leaks one thousandth of the cotangent")
class _(ReLU):
    def backward(self, residuals, dy):
        return np.where(residuals[0], dy, dy * dy.dtype.type(1e-3)), {}


# Softmax


@wrong("X24", "only the diagonal of the Jacobian: y (1 - y) dy", "Odyssey#2134",
       "DeepLearningFrameworkFromScratchCpp#1", "cTensor#31", "ML-DL-implementation#153",
       revealed_by="a dense cotangent")  # fmt: skip
class _(Softmax):
    def backward(self, residuals, dy):
        (y,) = residuals
        return y * (1 - y) * dy, {}


@wrong("X25", "the backward pass sums over the first axis, the forward pass over the right one",
       "SKaiNET#863", "chainer#5496", "nntrainer#430", revealed_by="two axes or more")  # fmt: skip
class _(Softmax):
    def backward(self, residuals, dy):
        return Softmax(axis=0).backward(residuals, dy)


@wrong("D18", "the sum of dy y added instead of subtracted")
class _(Softmax):
    def backward(self, residuals, dy):
        (y,) = residuals
        return y * (dy + (dy * y).sum(axis=self.axis, keepdims=True)), {}


@wrong("D19", "always over the last axis", revealed_by="another axis")
class _(Softmax):
    def forward(self, params, x):
        return Softmax().forward(params, x)


@wrong("D20", "1e-4 added to the sum of the exponentials: y does not sum to one")
class _(Softmax):
    def forward(self, params, x):
        e = np.exp(x - x.max(axis=self.axis, keepdims=True))
        y = e / (e.sum(axis=self.axis, keepdims=True) + x.dtype.type(1e-4))
        return y, (y,)


# LayerNorm


@wrong("X48", "mean(dx̂) subtracted twice", "tt-metal#53204")
class _(LayerNorm):
    def backward(self, residuals, dy):
        _, r, gamma = residuals
        dx, grads = super().backward(residuals, dy)
        return dx - r * (gamma * dy).mean(axis=-1, keepdims=True), grads


@wrong("X50", "dx not multiplied by γ", "Knet.jl#288", "llm.c#763 (comment)",
       revealed_by="γ away from its initial value 1")  # fmt: skip
class _(LayerNorm):
    def backward(self, residuals, dy):
        x_hat, r, gamma = residuals
        grads = super().backward(residuals, dy)[1]
        return super().backward((x_hat, r, np.ones_like(gamma)), dy)[0], grads


def _normalised(x, params, r):
    x_hat = (x - x.mean(axis=-1, keepdims=True)) * r
    return params["gamma"] * x_hat + params["beta"], (x_hat, r, params["gamma"])


@wrong("X64", "ε outside the square root: 1/(σ + ε)", revealed_by="a variance of the order of ε")
class _(LayerNorm):
    def forward(self, params, x):
        return _normalised(x, params, 1 / (x.std(axis=-1, keepdims=True) + self.eps))


@wrong("X65", "x of three axes normalised over the last two", "FlagGems#5474", "FlagGems#59",
       revealed_by="x of three axes")  # fmt: skip
class _(LayerNorm):
    def forward(self, params, x):
        axes = tuple(range(1, x.ndim))
        centred = x - x.mean(axis=axes, keepdims=True)
        r = 1 / np.sqrt((centred * centred).mean(axis=axes, keepdims=True) + self.eps)
        x_hat = centred * r
        return params["gamma"] * x_hat + params["beta"], (x_hat, r, params["gamma"])


@wrong("D21", "ε ten times too small, 1e-6 for 1e-5", "a default that libraries do not share",
       revealed_by="a variance of the order of ε")  # fmt: skip
class _(LayerNorm):
    def forward(self, params, x):
        return LayerNorm(self.n, self.eps / 10).forward(params, x)


@wrong("D22", "the unbiased variance, divided by D - 1", revealed_by="few features")
class _(LayerNorm):
    def forward(self, params, x):
        variance = x.var(axis=-1, ddof=1, keepdims=True)
        return _normalised(x, params, 1 / np.sqrt(variance + self.eps))


@wrong("D23", "the mean's term left out of dx: μ taken as a constant")
class _(LayerNorm):
    def backward(self, residuals, dy):
        _, r, gamma = residuals
        dx, grads = super().backward(residuals, dy)
        return dx + r * (gamma * dy).mean(axis=-1, keepdims=True), grads


@wrong("D24", "the variance's term left out of dx: σ taken as a constant")
class _(LayerNorm):
    def backward(self, residuals, dy):
        _, r, gamma = residuals
        dx_hat = gamma * dy
        dx = r * (dx_hat - dx_hat.mean(axis=-1, keepdims=True))
        return dx, super().backward(residuals, dy)[1]


@wrong("D25", "the gradient of γ never written: it stays zero", "trueno#178 (RMSNorm)",
       revealed_by="every parameter's gradient compared")  # fmt: skip
class _(LayerNorm):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        return dx, grads | {"gamma": np.zeros_like(grads["gamma"])}


@wrong("D26", "the backward pass recomputes 1/σ with an ε of its own, a hundred times smaller",
       revealed_by="a variance of the order of ε")  # fmt: skip
class _(LayerNorm):
    def forward(self, params, x):
        other = LayerNorm(self.n, self.eps / 100).forward(params, x)[1]
        y, residuals = super().forward(params, x)
        return y, (residuals, other)

    def backward(self, residuals, dy):
        right, other = residuals
        return super().backward(other, dy)[0], super().backward(right, dy)[1]


# Conv2d


class _Conv2d(Conv2d):
    """Right, but for its residuals: params and x, from which a mutant takes what it wants."""

    def forward(self, params, x):
        return super().forward(params, x)[0], (params, x)

    def backward(self, residuals, dy):
        return super().backward(super().forward(*residuals)[1], dy)

    @property
    def over(self):
        return convolution(self, 2)

    def plain(self, params, x, dy, stride):
        """The right gradients of another stride, without padding."""
        other = Conv2d(
            self.n_in, self.n_out, self.kernel, stride, 0, self.dilation, groups=self.groups
        )
        return other.backward(other.forward(params, x)[1], dy)


@wrong("X70", "dx shifted by the rows and columns that no tap reached: no output padding",
       "backpack#30", "FlagGems#1576", "mlpack#2986", "torch7-distro#20", "CMU10-714#6",
       "opacus#245", revealed_by="H + 2p - K not divisible by the stride")  # fmt: skip
class _(_Conv2d):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        each = zip(self.over.padded(dx.shape[2:]), self.over.spans, self.over.stride, strict=True)
        unseen = [(n - span) % s for n, span, s in each]
        return np.roll(dx, unseen, axis=(2, 3)), grads


@wrong("X72", "the backward pass walks with stride 1", "Deep-Learning-Coursera#7",
       "DepthwiseConvolution#20", "Odyssey#3869", revealed_by="stride 2")  # fmt: skip
class _(_Conv2d):
    def backward(self, residuals, dy):
        params, x = residuals
        x = self.over.pad(x)
        rows, columns = (n + k - 1 for n, k in zip(dy.shape[2:], self.over.spans, strict=True))
        corner, dx = (..., slice(rows), slice(columns)), np.zeros_like(x)
        dx[corner], grads = self.plain(params, x[corner], dy, stride=1)
        return self.over.crop(dx), grads


@wrong("X73", "dx cropped one row too early for an even kernel with padding",
       revealed_by="an even kernel with padding")  # fmt: skip
class _(_Conv2d):
    def backward(self, residuals, dy):
        params, x = residuals
        over = self.over
        whole, grads = self.plain(params, over.pad(x), dy, self.stride)
        each = zip(over.padding, over.kernel, strict=True)
        early = [int(any(padding) and k % 2 == 0) for padding, k in each]
        return over.crop(np.roll(whole, early, axis=(2, 3))), grads


@wrong("X74", "dW divided by the number of output positions", "cTensor#3")
class _(_Conv2d):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        return dx, grads | {"W": grads["W"] / (dy.size // self.n_out)}


@wrong("X75", "bias gradient averaged over the positions", revealed_by="more than one output")
class _(_Conv2d):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        return dx, grads | {"b": dy.mean(axis=(0, 2, 3))}


def _flipped(params):
    return params | {"W": params["W"][..., ::-1, ::-1]}


@wrong("D30", "a true convolution: the kernel is flipped in the forward pass",
       "the two conventions of jax.lax.conv_transpose and torch", revealed_by="K > 1")  # fmt: skip
class _(_Conv2d):
    def forward(self, params, x):
        return super().forward(_flipped(params), x)


@wrong("D31", "the kernel flipped once too often for dx", revealed_by="K > 1")
class _(_Conv2d):
    def backward(self, residuals, dy):
        params, x = residuals
        grads = super().backward(residuals, dy)[1]
        return super().backward((_flipped(params), x), dy)[0], grads


@wrong("D32", "overlapping windows overwrite dx instead of adding to it",
       "ocannl#512 (pooling tested with stride = window only)",
       revealed_by="a stride below the kernel's size")  # fmt: skip
class _(_Conv2d):
    def backward(self, residuals, dy):
        (params, x), over = residuals, self.over
        W, dx = params["W"], np.zeros_like(over.pad(x))
        bare = replace(over, padding=((0, 0), (0, 0)))
        for ij, tap in zip(np.ndindex(over.kernel), over.taps(dy.shape[2:]), strict=True):
            alone = np.zeros_like(W)
            alone[:, :, *ij] = W[:, :, *ij]
            dx[tap] = spread(dy, alone, bare, dx.shape[2:])[tap]
        return over.crop(dx), super().backward(residuals, dy)[1]


@wrong("D33", "dW of the last sample only", revealed_by="a batch of two or more")
class _(_Conv2d):
    def backward(self, residuals, dy):
        params, x = residuals
        dx, grads = super().backward(residuals, dy)
        return dx, grads | {"W": super().backward((params, x[-1:]), dy[-1:])[1]["W"]}


@wrong("D34", "rows and columns of the kernel swapped in dW", revealed_by="K > 1")
class _(_Conv2d):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        rows, columns = grads["W"].shape[2:]
        return dx, grads | ({"W": grads["W"].swapaxes(2, 3)} if rows == columns else {})


# Flatten, Sequential, Residual


@wrong("D35", "column-major order, forward and backward consistently", revealed_by="y compared")
class _(Flatten):
    def forward(self, params, x):
        return x.reshape(x.shape[0], -1, order="F"), (x.shape,)

    def backward(self, residuals, dy):
        return dy.reshape(residuals[0], order="F"), {}


@wrong("D36", "the last two axes swapped on the way back", revealed_by="three axes of x or more")
class _(Flatten):
    def backward(self, residuals, dy):
        (shape,) = residuals
        if len(shape) < 3:
            return super().backward(residuals, dy)
        turned = *shape[:-2], shape[-1], shape[-2]
        return dy.reshape(turned).swapaxes(-1, -2), {}


@wrong("D37", "the cotangent stops before the first layer, whose gradients stay zero",
       "a graph cut by detach", revealed_by="parameters in the first layer")  # fmt: skip
class _(Sequential):
    def backward(self, residuals, dy):
        dx, (first, *rest) = super().backward(residuals, dy)
        return dx, ({k: np.zeros_like(g) for k, g in first.items()}, *rest)


@wrong("D38", "layers without parameters are left out on the way back")
class _(Sequential):
    def backward(self, residuals, dy):
        dparams = []
        for layer, kept in zip(reversed(self.layers), reversed(residuals), strict=True):
            dx, dp = layer.backward(kept, dy)
            dy = dx if dp else dy
            dparams.append(dp)
        return dy, tuple(reversed(dparams))


@wrong("D39", "dx is the cotangent of the second layer: the loop ends one early",
       revealed_by="dx compared")  # fmt: skip
class _(Sequential):
    def backward(self, residuals, dy):
        dx, dparams = super().backward(residuals, dy)
        tail = Sequential(*self.layers[1:])
        short = tail.backward(residuals[1:], dy)[0]
        return (short if short.shape == dx.shape else np.resize(short, dx.shape)), dparams


@wrong("X06", "the second use of x overwrites the cotangent of the first: = instead of +=",
       "micrograd#2", "ARENA_2.0#18", "nn-zero-to-hero#52",
       revealed_by="a node used twice: a skip connection")  # fmt: skip
class _(Residual):
    def backward(self, residuals, dy):
        return self.inner.backward(residuals, dy)


@wrong("X07", "the shared node passes its accumulated cotangent on a second time",
       "DLFS_code#13", "cTensor#5", "micrograd#2",
       revealed_by="a diamond in the graph")  # fmt: skip
class _(Residual):
    def backward(self, residuals, dy):
        dx, dparams = super().backward(residuals, dy)
        return dx + dy, dparams


@wrong("D40", "only the connection's cotangent reaches x: the branch is lost")
class _(Residual):
    def backward(self, residuals, dy):
        return dy.copy(), super().backward(residuals, dy)[1]
