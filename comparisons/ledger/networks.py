"""Small networks to look at, in which each kind of step comes up once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...reference.layers.conv2d import Conv2d
from ...reference.layers.dense import Dense
from ...reference.layers.flatten import Flatten
from ...reference.layers.layernorm import LayerNorm
from ...reference.layers.max_pool2d import MaxPool2d
from ...reference.layers.multi_head_attention import MultiHeadAttention
from ...reference.layers.relu import ReLU
from ...reference.layers.residual import Residual
from ...reference.layers.sequential import Sequential
from ...reference.layers.tanh import Tanh
from ...reference.losses.mean_squared_error import MeanSquaredError
from ...reference.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from ...reference.protocols import Array
from ..named_network import NamedNetwork

N = 5  # samples


def _data(*shape: int, classes: int = 0, outputs: tuple[int, ...] = ()) -> tuple[Array, Array]:
    """Normal numbers, with labels of so many classes or with normal targets."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((N, *shape))
    target = rng.integers(0, classes, N) if classes else rng.standard_normal((N, *outputs))
    return np.round(x, 2), target if classes else np.round(target, 2)


def mlp() -> NamedNetwork:
    """A multilayer perceptron that classifies."""
    return NamedNetwork(
        "mlp", "4-5-3, tanh, softmax and cross-entropy",
        Sequential(Dense(4, 5), Tanh(), Dense(5, 3)), SoftmaxCrossEntropy(),
        lambda: _data(4, classes=3),
    )  # fmt: skip


def cnn() -> NamedNetwork:
    """One convolution with what usually follows it."""
    network = Sequential(Conv2d(1, 2, 3), ReLU(), MaxPool2d(2), Flatten(), Dense(8, 3))
    return NamedNetwork(
        "cnn", "convolution, relu, max-pool and a linear layer on 6 by 6 images",
        network, SoftmaxCrossEntropy(), lambda: _data(1, 6, 6, classes=3),
    )  # fmt: skip


def layer_norm() -> NamedNetwork:
    """A layer that is normalised."""
    return NamedNetwork(
        "layer-norm", "4-6-2 with a layer norm",
        Sequential(Dense(4, 6), LayerNorm(6), Dense(6, 2)), MeanSquaredError(),
        lambda: _data(4, outputs=(2,)),
    )  # fmt: skip


def attention() -> NamedNetwork:
    """Self-attention of two heads over five positions."""
    return NamedNetwork(
        "attention", "two heads of self-attention over five positions, causal",
        MultiHeadAttention(4, 2, causal=True), MeanSquaredError(),
        lambda: _data(5, 4, outputs=(5, 4)),
    )  # fmt: skip


def residual() -> NamedNetwork:
    """A value that is used twice."""
    return NamedNetwork(
        "residual", "a residual block: its input is used twice",
        Sequential(Residual(Sequential(Dense(3, 4), Tanh(), Dense(4, 3))), Dense(3, 2)),
        MeanSquaredError(), lambda: _data(3, outputs=(2,)),
    )  # fmt: skip


SMALL: dict[str, Callable[[], NamedNetwork]] = {
    "mlp": mlp, "cnn": cnn, "layer-norm": layer_norm, "attention": attention, "residual": residual
}  # fmt: skip
