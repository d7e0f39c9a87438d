"""The networks that the command line knows by name: what they compute, on which data.

To add one, write a function that returns a ``NamedNetwork`` and put it into ``NETWORKS``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..adapters.loading import MissingFramework, UnknownName
from ..reference import discovery
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
from ..reference.optimizers.sgd import SGD
from ..reference.protocols import Array, Layer, Loss, Optimizer, Tree
from ..reference.tree import tree_map

BATCH = 12


@dataclass(frozen=True)
class NamedNetwork:
    """A network with its loss, its data, where training starts, and its learning rates.

    ``params`` is the tree to start from, or None to draw one from the seed; ``rates`` the
    learning rate by optimizer name, an optimizer's own default where there is none; ``needs``
    the modules that its data come with.
    """

    name: str
    description: str
    network: Layer
    loss: Loss
    data: Callable[[], tuple[Array, Array]]
    params: Tree = None
    rates: dict[str, float] = field(default_factory=dict)
    needs: tuple[str, ...] = ()

    def start(self, dtype: Any, seed: int) -> Tree:
        """The parameters before the first step."""
        rng = np.random.default_rng(seed)
        drawn = self.params
        if drawn is None:  # biases away from zero: no unit starts on a kink
            drawn = tree_map(
                lambda w: w + 0.05 * rng.standard_normal(w.shape), self.network.init(rng)
            )
        return tree_map(lambda w: np.asarray(w, dtype), drawn)

    def batches(self, steps: int, dtype: Any, seed: int) -> list[tuple[Array, Array]]:
        """Minibatches, shuffled anew each epoch; all samples at once where there are few."""
        x, target = self.data()
        rng, order, batches = np.random.default_rng(seed), np.arange(0), []
        for _ in range(steps):
            if len(order) < min(BATCH, len(x)):
                order = rng.permutation(len(x))  # a last partial batch is left out
            now, order = order[:BATCH], order[BATCH:]
            batches.append((x[now].astype(dtype), _as(target[now], dtype)))
        return batches

    def optimizer(self, name: str) -> Optimizer:
        """The optimizer of that name at this network's learning rate; SGD with momentum 0.9."""
        known = {n.lower(): cls for n, cls in discovery.optimizers().items()}
        if name.lower() not in known:
            raise UnknownName("optimizer", name, sorted(known))
        made: Optimizer = known[name.lower()]()
        if isinstance(made, SGD):
            made = replace(made, momentum=0.9)
        rate = self.rates.get(name.lower())
        return made if rate is None else replace(made, lr=rate)  # type: ignore[type-var]


def _as(target: Array, dtype: Any) -> Array:
    return target.astype(dtype) if target.dtype.kind == "f" else target


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


@cache
def _digits() -> tuple[Array, Array]:
    """What sklearn.datasets.load_digits reads, without the three seconds of importing sklearn."""
    sklearn = find_spec("sklearn")
    if sklearn is None or sklearn.origin is None:
        raise MissingFramework(
            "the digits are bundled with scikit-learn, which is not installed: "
            "pip install 'backproof[datasets]'"
        )
    rows = np.loadtxt(Path(sklearn.origin).parent / "datasets/data/digits.csv.gz", delimiter=",")
    return rows[:, :-1] / 16.0, rows[:, -1].astype(np.int64)


def digits_mlp() -> NamedNetwork:
    """A multilayer perceptron on 1,797 real handwritten digits."""
    return NamedNetwork(
        "digits-mlp", "64-32-10, tanh, on 1,797 handwritten digits",
        Sequential(Dense(64, 32), Tanh(), Dense(32, 10)), SoftmaxCrossEntropy(), _digits,
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

    def images() -> tuple[Array, Array]:
        x, target = _digits()
        return x.reshape(-1, 1, 8, 8), target

    return NamedNetwork(
        "digits-cnn", "two convolutions and a residual block, on 1,797 handwritten digits",
        network, SoftmaxCrossEntropy(), images,
        rates={"sgd": 0.05, "adam": 0.01, "adamw": 0.01},
        needs=("sklearn",),
    )  # fmt: skip


NETWORKS: dict[str, Callable[[], NamedNetwork]] = {
    "lesson": lesson,
    "mazur": mazur,
    "digits-mlp": digits_mlp,
    "digits-cnn": digits_cnn,
}


def named(name: str) -> NamedNetwork:
    """The network of that name, or UnknownName with the nearest one."""
    if name not in NETWORKS:
        raise UnknownName("network", name, list(NETWORKS))
    return NETWORKS[name]()
