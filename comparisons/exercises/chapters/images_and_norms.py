"""Chapter 9, images and norms: windows that overlap, and statistics that depend on every x."""

from __future__ import annotations

from ....reference.draws import dead, normal, with_exact
from ....reference.layers.batchnorm1d import BatchNorm1d
from ....reference.layers.conv2d import Conv2d
from ....reference.layers.layernorm import LayerNorm
from ....reference.layers.max_pool2d import MaxPool2d
from ..exercise import Case, Exercise

CONVOLUTION = """
    y_nohw = b_o + Σ_cij x_n,c,sh+i,sw+j W_ocij          s: stride

    x: (N, C, H, W)     W: (O, C, K, K)     b: (O,)     y: (N, O, H', W'),  H' = (H - K)//s + 1
"""
NORM_HINTS = (
    "The mean and the variance depend on every x that they are of: x has three ways to y.",
    "Call dx̂ = γ dy. Two of the three ways are means, over the same numbers that μ and σ² are "
    "means of: one of dx̂, one of dx̂ x̂.",
    "In words: 1/√(σ² + ε) times (dx̂, less its mean, less x̂ times the mean of dx̂ x̂).",
)
NORM = '''
def {name}(x, gamma, dy, eps):
    """dx, dgamma and dbeta from dy = ∂C/∂y.    x, dx, dy: {x}   gamma, dgamma, dbeta: {g}"""
    mean = x.mean(axis={axis}, keepdims=True)
    r = 1 / np.sqrt(((x - mean) ** 2).mean(axis={axis}, keepdims=True) + eps)
    x_hat = (x - mean) * r
    # γ and β are used again and again: over which axes are their gradients summed?
    raise NotImplementedError("dgamma and dbeta")
    # x has a part in x̂ by itself, by the mean, and by r.
    raise NotImplementedError("dx")
    return dx, dgamma, dbeta
'''

EXERCISES = [
    Exercise(
        name="conv2d",
        chapter=9,
        title="a convolution, forward",
        text=CONVOLUTION,
        function="conv2d(x, W, b, stride) -> y",
        code='''
def conv2d(x, W, b, stride):
    """y.    x: (N, C, H, W)   W: (O, C, K, K)   b: (O,)   y: (N, O, H', W')"""
    N, C, height, width = x.shape
    O, _, K, _ = W.shape
    y = np.zeros((N, O, (height - K) // stride + 1, (width - K) // stride + 1))
    for h in range(y.shape[2]):
        for w in range(y.shape[3]):
            # The window of x that the position (h, w) sees: (N, C, K, K).
            raise NotImplementedError("window")
            # One number for each sample and output channel, from the window, W and b.
            raise NotImplementedError("y[:, :, h, w]")
    return y
''',
        worked=Case("one channel", Conv2d(1, 1, 2), normal(1, 1, 3, 3)),
        cases=(
            Case("two channels", Conv2d(2, 3, 2), normal(2, 2, 4, 5)),
            Case("stride 2, a row left over", Conv2d(2, 3, 3, 2), normal(3, 2, 8, 6)),
            Case("a stride above the kernel's size", Conv2d(1, 2, 2, 3), with_exact(2, 1, 7, 5)),
        ),
        hints=(
            "Position (h, w) of y sees K rows of x from row s h on: which slice is that?",
            "Three axes are summed over: c, i and j. np.tensordot does that for several pairs of "
            "axes at once, and so does np.einsum.",
            "The kernel is not turned round: this is what every framework calls a convolution.",
        ),
    ),
    Exercise(
        name="conv2d-backward",
        chapter=9,
        title="a convolution, backward",
        text=CONVOLUTION
        + """
Given dy = ∂C/∂y, find dx, dW and db. Where windows overlap, a pixel has a part in several y.
""",
        function="conv2d_backward(x, W, dy, stride) -> dx, dW, db",
        code='''
def conv2d_backward(x, W, dy, stride):
    """dx, dW and db.

    x, dx: (N, C, H, W)   W, dW: (O, C, K, K)   dy: (N, O, H', W')   db: (O,)
    """
    K = W.shape[2]
    dx, dW = np.zeros_like(x), np.zeros_like(W)
    # b_o has a part in every sample and position of channel o.
    raise NotImplementedError("db")
    for h in range(dy.shape[2]):
        for w in range(dy.shape[3]):
            rows = slice(stride * h, stride * h + K)
            columns = slice(stride * w, stride * w + K)
            here = dy[:, :, h, w]  # (N, O)
            # W has a part in y here by the window x[:, :, rows, columns] (N, C, K, K).
            raise NotImplementedError("dW")
            # The window has a part in y here by W.
            raise NotImplementedError("dx[:, :, rows, columns]")
    return dx, dW, db
''',
        worked=Case("one channel", Conv2d(1, 1, 2), normal(1, 1, 3, 3)),
        cases=(
            Case("two channels", Conv2d(2, 3, 2), normal(2, 2, 4, 5)),
            Case("stride 2, a row left over", Conv2d(2, 3, 3, 2), normal(3, 2, 8, 6)),
            Case("a stride above the kernel's size", Conv2d(1, 2, 2, 3), with_exact(2, 1, 7, 5)),
        ),
        hints=(
            "Every position (h, w) is a small Dense layer: its input is a window, its weights W.",
            "W is used at every position, and a pixel in every window that covers it: gradients "
            "add up, they do not replace each other.",
            "np.tensordot(here, W, axes=(1, 0)) is (N, C, K, K): each sample's part of the blame, "
            "spread over the window.",
        ),
    ),
    Exercise(
        name="max-pool-backward",
        chapter=9,
        title="max-pooling, backward",
        text="""
    y_nchw = max_ij x_n,c,sh+i,sw+j     x, dx: (N, C, H, W)     y, dy: (N, C, H', W')
                                        i, j from 0 to K - 1    s: stride
The blame of y goes to the entry that won. At a tie the first in reading order wins, as in PyTorch.
""",
        function="max_pool_backward(x, dy, kernel, stride) -> dx",
        code='''
def max_pool_backward(x, dy, kernel, stride):
    """dx.    x, dx: (N, C, H, W)   dy: (N, C, H', W')   kernel: K   stride: s"""
    dx = np.zeros_like(x)
    for n, c, h, w in np.ndindex(dy.shape):
        top, left = stride * h, stride * w
        window = x[n, c, top : top + kernel, left : left + kernel]
        # Where in the window is the largest entry? And what does its place in dx get?
        raise NotImplementedError("dx")
    return dx
''',
        worked=Case("windows that do not overlap", MaxPool2d(2, 2), normal(1, 1, 2, 4)),
        cases=(
            Case("windows that do not overlap", MaxPool2d(2, 2), normal(2, 3, 4, 5)),
            Case("windows that overlap", MaxPool2d(3, 1), normal(2, 2, 5, 4)),
            Case("ties", MaxPool2d(2, 1), with_exact(2, 1, 5, 4, values=(2.0,), share=0.7)),
            Case("negative numbers alone", MaxPool2d(2, 1), normal(1, 2, 4, 4, offset=-9)),
        ),
        hints=(
            "Exactly one entry of each window gets something.",
            "An entry can win in several windows: what it gets adds up.",
            "np.unravel_index(window.argmax(), window.shape) is the row and the column of the "
            "first largest entry.",
        ),
    ),
    Exercise(
        name="batch-norm-backward",
        chapter=9,
        title="batch normalisation, backward",
        text="""
    x̂ = (x - μ) / √(σ² + ε)            x, y: (N, C)     μ, σ²: mean and variance over the batch
    y = γ x̂ + β                        γ, β: (C,)

Given dy = ∂C/∂y, find dx, dgamma and dbeta. σ² is the mean of (x - μ)²: divided by N, not N - 1.
""",
        function="batch_norm_backward(x, gamma, dy, eps) -> dx, dgamma, dbeta",
        code=NORM.format(name="batch_norm_backward", x="(N, C)", g="(C,)", axis=0),
        worked=Case("three samples", BatchNorm1d(2, eps=0.1), normal(3, 2)),
        cases=(
            Case("a batch of 5", BatchNorm1d(3), normal(5, 3)),
            Case("means far from 0", BatchNorm1d(2), normal(6, 2, scale=2, offset=30)),
            Case("a variance as small as ε", BatchNorm1d(2, eps=1e-3), normal(4, 2, scale=0.03)),
            Case(
                "a channel that is 0 for every sample",
                BatchNorm1d(3),
                dead(normal(4, 3), slice(None), 1),
            ),
        ),
        hints=NORM_HINTS,
    ),
    Exercise(
        name="layer-norm-backward",
        chapter=9,
        title="layer normalisation, backward",
        text="""
    x̂ = (x - μ) / √(σ² + ε)            x, y: (N, D)     μ, σ²: mean and variance of each row
    y = γ x̂ + β                        γ, β: (D,)

Given dy = ∂C/∂y, find dx, dgamma and dbeta. σ² is the mean of (x - μ)²: divided by D, not D - 1.
""",
        function="layer_norm_backward(x, gamma, dy, eps) -> dx, dgamma, dbeta",
        code=NORM.format(name="layer_norm_backward", x="(N, D)", g="(D,)", axis=-1),
        worked=Case("two rows", LayerNorm(3, eps=0.1), normal(2, 3)),
        cases=(
            Case("three rows", LayerNorm(5), normal(3, 5)),
            Case("means far from 0", LayerNorm(4), normal(6, 4, scale=2, offset=30)),
            Case("a variance as small as ε", LayerNorm(4, eps=1e-3), normal(6, 4, scale=0.03)),
            Case("a row of zeros", LayerNorm(5, eps=1e-3), dead(normal(4, 5), 2)),
        ),
        hints=NORM_HINTS,
    ),
    Exercise(
        name="bug-max-pool",
        chapter=9,
        title="find the bug: max-pooling, backward",
        mutant="CV10",
        text="""
    y_nchw = max_ij x_n,c,sh+i,sw+j     x, dx: (N, C, H, W)     y, dy: (N, C, H', W')
                                        i, j from 0 to K - 1    s: stride
Tests with stride = kernel pass. Repair it.
""",
        function="max_pool_backward(x, dy, kernel, stride) -> dx",
        code='''
def max_pool_backward(x, dy, kernel, stride):
    """dx.    x, dx: (N, C, H, W)   dy: (N, C, H', W')   kernel: K   stride: s"""
    dx = np.zeros_like(x)
    for n, c, h, w in np.ndindex(dy.shape):
        top, left = stride * h, stride * w
        window = x[n, c, top : top + kernel, left : left + kernel]
        i, j = np.unravel_index(window.argmax(), window.shape)
        dx[n, c, top + i, left + j] = dy[n, c, h, w]
    return dx
''',
        worked=Case("windows that overlap", MaxPool2d(2, 1), normal(1, 1, 2, 4)),
        cases=(
            Case("windows that do not overlap", MaxPool2d(2, 2), normal(2, 3, 4, 5)),
            Case("windows that overlap", MaxPool2d(3, 1), normal(2, 2, 5, 4)),
            Case("ties", MaxPool2d(2, 1), with_exact(2, 1, 5, 4, values=(2.0,), share=0.7)),
        ),
        hints=(
            "It is right where every entry is in one window. What if it is in two?",
            "Let one entry be so large that it wins in four windows. What does it get?",
            "Whoever is used several times gets the sum of all that arrives.",
        ),
    ),
    Exercise(
        name="bug-layer-norm",
        chapter=9,
        title="find the bug: layer normalisation, backward",
        mutant="D23",
        text="""
    x̂ = (x - μ) / √(σ² + ε)            x, y: (N, D)     μ, σ²: mean and variance of each row
    y = γ x̂ + β                        γ, β: (D,)

One of the three ways from x to y has been forgotten. Repair it.
""",
        function="layer_norm_backward(x, gamma, dy, eps) -> dx, dgamma, dbeta",
        code='''
def layer_norm_backward(x, gamma, dy, eps):
    """dx, dgamma and dbeta from dy = ∂C/∂y.    x, dx, dy: (N, D)   gamma, dgamma, dbeta: (D,)"""
    mean = x.mean(axis=-1, keepdims=True)
    r = 1 / np.sqrt(((x - mean) ** 2).mean(axis=-1, keepdims=True) + eps)
    x_hat = (x - mean) * r
    dgamma = (dy * x_hat).sum(axis=0)
    dbeta = dy.sum(axis=0)
    dx_hat = dy * gamma
    by_r = x_hat * (dx_hat * x_hat).mean(axis=-1, keepdims=True)
    dx = r * (dx_hat - by_r)
    return dx, dgamma, dbeta
''',
        worked=Case("two rows", LayerNorm(3, eps=0.1), normal(2, 3)),
        cases=(
            Case("three rows", LayerNorm(5), normal(3, 5)),
            Case("a row of zeros", LayerNorm(5, eps=1e-3), dead(normal(4, 5), 2)),
        ),
        hints=(
            "A common shift of a row does not change y, so every row of dx sums to 0. Does it?",
            "x̂ depends on x by itself, by the mean and by r. Which of them is missing in dx?",
            "The mean's way brings a term that is the mean of dx̂ itself.",
        ),
    ),
]
