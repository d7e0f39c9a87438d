"""Wrong affine layers: Dense and Bilinear."""

from __future__ import annotations

from ....reference.layers.bilinear import Bilinear
from ....reference.layers.dense import Dense
from ..registry import wrong

# Dense


@wrong("X15", "a weight broadcast over a batched product: the gradient of the first alone",
       revealed_by="3-D input, batch >= 2",
       misses="x of two axes, or a batch of one")  # fmt: skip
class _(Dense):
    def gradient(self, residuals, dy):
        x, _ = residuals
        dparams = super().gradient(residuals, dy)
        return dparams if dy.ndim < 3 else {**dparams, "W": x[0].T @ dy[0]}


@wrong("X01", "bias gradient averaged over the batch instead of summed", "nd4j#2424", "burn#181",
       revealed_by="a batch of two or more",
       misses="a batch of one; Adam divides the batch size away")  # fmt: skip
class _(Dense):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        return dx, {k: g / (dy.size // self.n_out) if k == "b" else g for k, g in grads.items()}


@wrong("X02", "bias gradient summed over the first axis only, of which one position is kept",
       revealed_by="x of three axes",
       misses="x of two axes, or sequences of length one")  # fmt: skip
class _(Dense):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        db = dy.sum(axis=0).reshape(-1, self.n_out)[0]
        return dx, grads | ({"b": db} if "b" in grads else {})


@wrong("D01", "dx misses the transpose of a square weight matrix",
       revealed_by="n_in = n_out > 1",
       misses="n_in and n_out differ, where the mistake cannot be made: shapes "
              "would not fit")  # fmt: skip
class _(Dense):
    def backward(self, residuals, dy):
        x, W = residuals
        return super().backward((x, W.T if self.n_in == self.n_out else W), dy)


@wrong("D02", "dW of a square weight matrix transposed",
       revealed_by="n_in = n_out > 1",
       misses="n_in and n_out differ, where the mistake cannot be made: shapes "
              "would not fit")  # fmt: skip
class _(Dense):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        W = grads["W"]
        return dx, grads | {"W": W.T.copy() if self.n_in == self.n_out else W}


@wrong("D03", "dW averaged over the batch instead of summed",
       revealed_by="a batch of two or more",
       misses="a batch of one; Adam divides the batch size away")  # fmt: skip
class _(Dense):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        return dx, grads | {"W": grads["W"] / dy.shape[0]}


@wrong("D04", "dW loses the last sample: a loop that ends one early",
       misses="one sample of many is a small part of the gradient, and the loss "
              "falls")  # fmt: skip
class _(Dense):
    def backward(self, residuals, dy):
        x, W = residuals
        dx, grads = super().backward(residuals, dy)
        return dx, grads | {"W": super().backward((x[:-1], W), dy[:-1])[1]["W"]}


@wrong("D05", "dW overwritten at every position of a sequence instead of accumulated",
       revealed_by="x of three axes",
       misses="x of two axes, or sequences of length one")  # fmt: skip
class _(Dense):
    def backward(self, residuals, dy):
        x, W = residuals
        dx, grads = super().backward(residuals, dy)
        last = (slice(None), -1) if dy.ndim > 2 else ...
        return dx, grads | {"W": super().backward((x[last], W), dy[last])[1]["W"]}


@wrong("D06", "forward adds the bias twice, while every gradient is right",
       misses="biases start from 0; and every gradient is right")  # fmt: skip
class _(Dense):
    def forward(self, params, x):
        y, residuals = super().forward(params, x)
        return y + params.get("b", 0), residuals


@wrong("D07", "a fixed bias is left out of the forward pass, while every gradient is right",
       revealed_by="a bias that is no parameter",
       misses="biases are parameters in every test")  # fmt: skip
class _(Dense):
    def forward(self, params, x):
        y, residuals = super().forward(params, x)
        return (x @ params["W"] if isinstance(self.bias, tuple) else y), residuals


# Bilinear


@wrong("SQ01", "the gradients of Bilinear's two inputs miss each other's value: dz summed",
       misses="dx of the first layer is not used; parameters learn")  # fmt: skip
class _(Bilinear):
    def backward(self, residuals, dy):
        (du, dv), dparams = super().backward(residuals, dy)
        dz = dy.reshape(-1, self.n_out) @ residuals[-1].reshape(-1, self.n_out).T
        dz = dz.reshape(-1, *self.n_in)
        return (dz.sum(axis=2).reshape(du.shape), dv), dparams


@wrong("SQ02", "Bilinear's weight gradient has its two input axes exchanged",
       revealed_by="inputs of two features or more",
       misses="a gradient of the right shape and size: dx and b bring the loss down")  # fmt: skip
class _(Bilinear):
    def backward(self, residuals, dy):
        dx, dparams = super().backward(residuals, dy)
        dW = dparams["W"]
        return dx, dparams | {"W": dW.swapaxes(0, 1).reshape(dW.shape)}
