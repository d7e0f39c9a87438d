"""The networks that the command line knows by name: what they compute, on which data.

These four are the main job; ``models`` holds the rest. To add one, write a function that returns a
``NamedNetwork`` and put it into ``MODELS``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..adapters.loading import UnknownName
from ..reference.layers.conv2d import Conv2d
from ..reference.layers.dense import Dense
from ..reference.layers.flatten import Flatten
from ..reference.layers.layernorm import LayerNorm
from ..reference.layers.relu import ReLU
from ..reference.layers.residual import Residual
from ..reference.layers.sequential import Sequential
from ..reference.layers.sigmoid import Sigmoid
from ..reference.layers.tanh import Tanh
from ..reference.losses.mean_squared_error import MeanSquaredError
from ..reference.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from ..reference.protocols import Array
from . import data
from .models import MODELS
from .named_network import NamedNetwork


def _rows(*rows: list[float]) -> Array:
    return np.array(rows, np.float64)


def lesson() -> NamedNetwork:
    """The chain 1-1-1 of the lesson that this project grew from."""
    first = {"W": _rows([0.5]), "b": np.array([-0.5 - np.log(3.0)])}  # its neuron gives 0.25
    last = {"W": _rows([0.5]), "b": np.array([1.0])}
    return NamedNetwork(
        "lesson", "1-1-1, sigmoid; the last neuron has w=0.5, b=1, a=0.25, y=1, cost (a-y)²",
        Sequential(Dense(1, 1), Sigmoid(), Dense(1, 1), Sigmoid()), MeanSquaredError(),
        lambda: (_rows([1.0]), _rows([1.0])), params=(first, {}, last, {}),
        rates={"sgd": 0.5, "adam": 0.05, "adamw": 0.05},
    )  # fmt: skip


def mazur() -> NamedNetwork:
    """Matt Mazur's step-by-step example (2015); the mean over two outputs is his 1/2 Σ."""
    hidden, output = _rows([0.15, 0.25], [0.20, 0.30]), _rows([0.40, 0.50], [0.45, 0.55])
    return NamedNetwork(
        "mazur", "2-2-2, sigmoid, fixed biases; Mazur's published example",
        Sequential(Dense(2, 2, bias=(0.35, 0.35)), Sigmoid(),
                   Dense(2, 2, bias=(0.60, 0.60)), Sigmoid()),
        MeanSquaredError(), lambda: (_rows([0.05, 0.10]), _rows([0.01, 0.99])),
        params=({"W": hidden}, {}, {"W": output}, {}),
        rates={"sgd": 0.5, "adam": 0.05, "adamw": 0.05},
    )  # fmt: skip


def digits_mlp() -> NamedNetwork:
    """A multilayer perceptron on 1,797 real handwritten digits."""
    return NamedNetwork(
        "digits-mlp", "64-32-10, tanh, on 1,797 handwritten digits",
        Sequential(Dense(64, 32), Tanh(), Dense(32, 10)), SoftmaxCrossEntropy(), data.digits,
        rates={"sgd": 0.1, "adam": 0.01, "adamw": 0.01},
        needs=("sklearn",),
    )  # fmt: skip


def digits_cnn() -> NamedNetwork:
    """Two convolutions whose strides do not divide, and a normalised residual head."""
    network = Sequential(
        Conv2d(1, 4, 3, stride=2, padding=1), ReLU(), Conv2d(4, 8, 3, stride=2, padding=1), ReLU(),
        Flatten(), Dense(32, 16), Residual(Sequential(LayerNorm(16), Tanh())),
        Dense(16, 10),
    )  # fmt: skip

    return NamedNetwork(
        "digits-cnn", "two convolutions and a residual block, on 1,797 handwritten digits",
        network, SoftmaxCrossEntropy(), data.images,
        rates={"sgd": 0.05, "adam": 0.01, "adamw": 0.01},
        needs=("sklearn",),
    )  # fmt: skip


MAIN: dict[str, Callable[[], NamedNetwork]] = {
    "lesson": lesson,
    "mazur": mazur,
    "digits-mlp": digits_mlp,
    "digits-cnn": digits_cnn,
}  # what is compared when none is named
NETWORKS = {**MAIN, **MODELS}


def named(name: str) -> NamedNetwork:
    """The network of that name, or UnknownName with the nearest one."""
    if name not in NETWORKS:
        raise UnknownName("network", name, list(NETWORKS))
    return NETWORKS[name]()
