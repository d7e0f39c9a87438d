"""Wrong convolutions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ....reference.layers.conv1d import Conv1d
from ....reference.layers.conv2d import Conv2d
from ....reference.layers.conv3d import Conv3d
from ....reference.layers.conv_transpose1d import ConvTranspose1d
from ....reference.layers.conv_transpose2d import ConvTranspose2d
from ....reference.taps import convolution, correlate, kernel_gradient, spread
from ..registry import wrong

# Conv2d


@wrong("CV03", "dx with the padding before and behind exchanged",
       revealed_by="unequal padding",
       misses="padding is the same before and behind in all but \"same\" with an "
              "even span")  # fmt: skip
class _(Conv2d):
    def backward(self, residuals, dy):
        (x, W), over = residuals, _swapped(convolution(self, 2), residuals[0])
        return spread(dy, W, over, x.shape[2:]), super().backward(residuals, dy)[1]


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
       "opacus#245",
       revealed_by="H + 2p - K not divisible by the stride",
       misses="sizes that divide exactly, where every row is reached")  # fmt: skip
class _(_Conv2d):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        each = zip(self.over.padded(dx.shape[2:]), self.over.spans, self.over.stride, strict=True)
        unseen = [(n - span) % s for n, span, s in each]
        return np.roll(dx, unseen, axis=(2, 3)), grads


@wrong("X72", "the backward pass walks with stride 1", "Deep-Learning-Coursera#7",
       "DepthwiseConvolution#20", "Odyssey#3869",
       revealed_by="stride 2",
       misses="stride 1")  # fmt: skip
class _(_Conv2d):
    def backward(self, residuals, dy):
        params, x = residuals
        x = self.over.pad(x)
        rows, columns = (n + k - 1 for n, k in zip(dy.shape[2:], self.over.spans, strict=True))
        corner, dx = (..., slice(rows), slice(columns)), np.zeros_like(x)
        dx[corner], grads = self.plain(params, x[corner], dy, stride=1)
        return self.over.crop(dx), grads


@wrong("X73", "dx cropped one row too early for an even kernel with padding",
       revealed_by="an even kernel with padding",
       misses="odd kernels, whose padding is symmetric")  # fmt: skip
class _(_Conv2d):
    def backward(self, residuals, dy):
        params, x = residuals
        over = self.over
        whole, grads = self.plain(params, over.pad(x), dy, self.stride)
        each = zip(over.padding, over.kernel, strict=True)
        early = [int(any(padding) and k % 2 == 0) for padding, k in each]
        return over.crop(np.roll(whole, early, axis=(2, 3))), grads


@wrong("X74", "dW divided by the number of output positions", "cTensor#3",
       misses="Adam divides the number of positions away; one output position hides "
              "it")  # fmt: skip
class _(_Conv2d):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        return dx, grads | {"W": grads["W"] / (dy.size // self.n_out)}


@wrong("X75", "bias gradient averaged over the positions",
       revealed_by="more than one output",
       misses="Adam divides the number of positions away; one output position hides "
              "it")  # fmt: skip
class _(_Conv2d):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        return dx, grads | {"b": dy.mean(axis=(0, 2, 3))}


def _flipped(params):
    return params | {"W": params["W"][..., ::-1, ::-1]}


@wrong("D30", "a true convolution: the kernel is flipped in the forward pass",
       "the two conventions of jax.lax.conv_transpose and torch",
       revealed_by="K > 1",
       misses="a symmetric kernel, such as one of ones; the loss falls")  # fmt: skip
class _(_Conv2d):
    def forward(self, params, x):
        return super().forward(_flipped(params), x)


@wrong("D31", "the kernel flipped once too often for dx",
       revealed_by="K > 1",
       misses="a symmetric kernel; and training, where dx of the first layer is not "
              "used")  # fmt: skip
class _(_Conv2d):
    def backward(self, residuals, dy):
        params, x = residuals
        grads = super().backward(residuals, dy)[1]
        return super().backward((_flipped(params), x), dy)[0], grads


@wrong("D32", "overlapping windows overwrite dx instead of adding to it",
       "ocannl#512 (pooling tested with stride = window only)",
       revealed_by="a stride below the kernel's size",
       misses="windows that do not overlap, stride = kernel; and training, which goes on with a "
              "part of dx")  # fmt: skip
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


@wrong("D33", "dW of the last sample only",
       revealed_by="a batch of two or more",
       misses="a batch of one; and the last sample's gradient is downhill on average")  # fmt: skip
class _(_Conv2d):
    def backward(self, residuals, dy):
        params, x = residuals
        dx, grads = super().backward(residuals, dy)
        return dx, grads | {"W": super().backward((params, x[-1:]), dy[-1:])[1]["W"]}


@wrong("D34", "rows and columns of the kernel swapped in dW",
       revealed_by="K > 1",
       misses="a kernel of one tap, or symmetric filters; bias and dx are right, so "
              "the loss falls")  # fmt: skip
class _(_Conv2d):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        rows, columns = grads["W"].shape[2:]
        return dx, grads | ({"W": grads["W"].swapaxes(2, 3)} if rows == columns else {})


# Conv1d, Conv3d


@wrong("X76", "the gradient leaks into the neighbouring group",
       revealed_by="groups > 1",
       misses="one group")  # fmt: skip
class _(Conv1d):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        leak = np.roll(dx, dx.shape[1] // self.groups, axis=1) if self.groups > 1 else 0
        return dx + leak, grads


@wrong("CV01", "the backward pass walks without dilation",
       revealed_by="dilation > 1",
       misses="dilation 1")  # fmt: skip
class _(Conv1d):
    def backward(self, residuals, dy):
        (x, W), dense = residuals, replace(convolution(self, 1), dilation=(1,))
        return spread(dy, W, dense, x.shape[2:]), super().backward(residuals, dy)[1]


def _swapped(over, x):
    """The window on x with the padding before and behind exchanged."""
    over = over.on(x.shape[2:])
    return replace(over, padding=tuple((q, p) for p, q in over.padding))


@wrong("CV02", "the odd zero of padding \"same\" comes before x", "ONNX's SAME_LOWER",
       revealed_by="an even span; y compared",
       misses="an odd span, where \"same\" pads evenly")  # fmt: skip
class _(Conv1d):
    def forward(self, params, x):
        y = correlate(x, params["W"], _swapped(convolution(self, 1), x))
        return y + params["b"][:, None], (x, params["W"])

    def backward(self, residuals, dy):
        (x, W), over = residuals, _swapped(convolution(self, 1), residuals[0])
        grads = {"W": kernel_gradient(x, dy, over), "b": dy.sum(axis=(0, 2))}
        return spread(dy, W, over, x.shape[2:]), grads


@wrong("CV04", "the kernel not turned round along the depth for dx",
       revealed_by="a depth > 1",
       misses="a depth of one, or training: two axes of three are right")  # fmt: skip
class _(Conv3d):
    def backward(self, residuals, dy):
        x, W = residuals
        dx, _ = super().backward((x, W[:, :, ::-1]), dy)
        return dx, super().backward(residuals, dy)[1]


@wrong("CV05", "bias gradient of the first slice only",
       revealed_by="an output of some depth",
       misses="depth 1; or training, where the bias learns from the first slice")  # fmt: skip
class _(Conv3d):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        return dx, grads | {"b": dy[:, :, 0].sum(axis=(0, 2, 3))}


# Transposed convolutions


@wrong("CV06", "the output padding comes before y, and not behind it",
       revealed_by="output padding",
       misses="no output padding")  # fmt: skip
class _(ConvTranspose1d):
    def forward(self, params, x):
        y, residuals = super().forward(params, x)
        return np.roll(y, self.output_padding, axis=2), residuals

    def backward(self, residuals, dy):
        return super().backward(residuals, np.roll(dy, -self.output_padding, axis=2))


@wrong("X81", "the kernel is flipped", "the default of jax.lax.conv_transpose",
       revealed_by="a kernel that is not symmetric",
       misses="symmetric kernels, such as bilinear ones; a learnt kernel is as good "
              "flipped")  # fmt: skip
class _(ConvTranspose2d):
    def forward(self, params, x):
        return super().forward(params | {"W": params["W"][..., ::-1, ::-1]}, x)

    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        return dx, grads | {"W": grads["W"][..., ::-1, ::-1]}


@wrong("CV07", "the cotangent of the cropped y is not padded again for dW",
       revealed_by="padding",
       misses="no padding")  # fmt: skip
class _(ConvTranspose2d):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        cropped = [p for p, _ in convolution(self, 2).padding]
        late = np.roll(dy, cropped, axis=(2, 3))
        return dx, grads | {"W": super().backward(residuals, late)[1]["W"]}


@wrong("CV22", "padding \"same\" with a stride is that of stride 1: shifted by one, of equal shape",
       "models trained with TensorFlow's SAME, run in torch with padding = k // 2",
       revealed_by="an even size",
       misses="odd sizes; forward and backward agree, so a gradient check passes")  # fmt: skip
class _(Conv2d):
    def forward(self, params, x):
        y = correlate(x, params["W"], replace(convolution(self, 2), same=False))
        return y + params["b"][:, None, None], (x, params["W"])

    def backward(self, residuals, dy):
        (x, W), over = residuals, replace(convolution(self, 2), same=False)
        grads = {"W": kernel_gradient(x, dy, over), "b": dy.sum(axis=(0, 2, 3))}
        return spread(dy, W, over, x.shape[2:]), grads
