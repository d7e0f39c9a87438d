"""Random correct networks, and data that makes life hard for them.

Everything is drawn from a base seed. The shapes belong to the architecture and the numbers to the
case, so that JAX compiles an architecture once for all of its cases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from backproof import (
    SGD,
    Adam,
    AdamW,
    BinaryCrossEntropy,
    Conv2d,
    Dense,
    Flatten,
    LayerNorm,
    MeanSquaredError,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Softmax,
    SoftmaxCrossEntropy,
    Tanh,
)
from backproof.comparisons.cases import draw_params
from backproof.reference.tree import tree_map

Rng = np.random.Generator


@dataclass(frozen=True)
class Architecture:
    """A network and the shape of its input."""

    name: str
    network: Sequential
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """One random network: an architecture, a kind of stress, and its numbers in float64."""

    architecture: Architecture
    stress: str
    seed: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.architecture.name} {self.stress} {self.seed}"

    def draw(self, dtype: str) -> tuple[Any, Any]:
        """The parameters and the input, the same in both precisions but for rounding."""
        rng = np.random.default_rng(self.seed)
        of_params, of_data = STRESSES[self.stress]
        params = draw_params(self.architecture.network, rng, np.dtype(np.float64))
        params = tree_map(lambda w: of_params(rng, w).astype(dtype), params)
        return params, of_data(rng, self.architecture.shape).astype(dtype)


# Architectures

ACTIVATIONS = (Sigmoid, Tanh, ReLU)


def _width(rng: Rng, most: int = 64) -> int:
    return round(float(np.exp(rng.uniform(0, np.log(most)))))


def _batch(rng: Rng) -> int:
    return int(rng.integers(1, 33))


def _dense_network(rng: Rng, norm: bool, activation: type, last: tuple[Any, ...]) -> Architecture:
    widths = [_width(rng) for _ in range(rng.integers(2, 8))]  # a depth of 1 to 6
    if norm:
        widths = [max(w, 3) for w in widths]  # of one feature nothing is left, of two the sign
    layers: list[Any] = [Dense(widths[0], widths[1])]
    for n_in, n_out in pairwise(widths[1:]):
        layers += [LayerNorm(n_in), activation()] if norm else [activation()]
        layers += [Dense(n_in, n_out)]
    name = f"{'layernorm-' if norm else ''}mlp {activation.__name__} {widths}"
    return Architecture(name, Sequential(*layers, *last), (_batch(rng), widths[0]))


def _conv_network(rng: Rng, activation: type) -> Architecture:
    size, channels = int(rng.integers(5, 10)), int(rng.integers(1, 4))
    shape, layers = (int(rng.integers(1, 9)), channels, size, size), []
    for _ in range(rng.integers(1, 4)):
        kernel, stride = int(rng.integers(1, 4)), int(rng.integers(1, 3))
        padding, n_out = int(rng.integers(0, 2)), int(rng.integers(1, 7))
        if size + 2 * padding < kernel:
            break
        layers += [Conv2d(channels, n_out, kernel, stride, padding), activation()]
        channels, size = n_out, (size + 2 * padding - kernel) // stride + 1
    network = Sequential(*layers, Flatten(), Dense(channels * size * size, _width(rng, 10)))
    return Architecture(f"conv {activation.__name__} {shape}", network, shape)


def _residual_network(rng: Rng, activation: type, norm: bool) -> Architecture:
    n, blocks = max(_width(rng), 3 if norm else 1), []
    for _ in range(rng.integers(1, 4)):
        hidden, first = _width(rng), (LayerNorm(n),) if norm else ()
        blocks.append(
            Residual(Sequential(*first, Dense(n, hidden), activation(), Dense(hidden, n)))
        )
    network = Sequential(*blocks, Dense(n, _width(rng)))
    return Architecture(f"residual {activation.__name__} {n}", network, (_batch(rng), n))


def architectures(base: int) -> list[Architecture]:
    """Sixteen networks, of every family."""
    rng = np.random.default_rng(base)
    dense = [_dense_network(rng, False, a, ()) for a in (*ACTIVATIONS, Tanh, ReLU)]
    normed = [_dense_network(rng, True, a, ()) for a in ACTIVATIONS]
    soft = [_dense_network(rng, norm, Tanh, (Softmax(),)) for norm in (False, True)]
    conv = [_conv_network(rng, a) for a in ACTIVATIONS]
    residual = [_residual_network(rng, a, norm=a is Tanh) for a in ACTIVATIONS]
    return [*dense, *normed, *soft, *conv, *residual]


# Stresses: what is done to the weights, and how the input is drawn

Stress = tuple[Callable[[Rng, Any], Any], Callable[[Rng, tuple[int, ...]], Any]]


def _same(rng: Rng, w: Any) -> Any:
    return w


def _normal(rng: Rng, shape: tuple[int, ...]) -> Any:
    return rng.standard_normal(shape)


STRESSES: dict[str, Stress] = {
    "plain": (_same, _normal),
    "scaled": (_same, lambda rng, shape: 10 ** rng.uniform(-6, 6) * _normal(rng, shape)),
    "saturated": (lambda rng, w: 8 * w, _normal),
    "zeros": (_same, lambda rng, shape: _normal(rng, shape) * (rng.random(shape) > 0.7)),
    "duplicates": (_same, lambda rng, shape: np.repeat(_normal(rng, (1, *shape[1:])), shape[0], 0)),
    "offset": (_same, lambda rng, shape: _normal(rng, shape) + 10 ** rng.uniform(1, 4)),
    "integers": (
        lambda rng, w: np.round(2 * w),
        lambda rng, shape: rng.integers(-3, 4, shape).astype(np.float64),
    ),
    "tiny": (lambda rng, w: 1e-3 * w, _normal),
}


def cases(base: int, each: int = 30) -> Iterator[Case]:
    """``each`` random networks of every architecture, through all kinds of stress in turn."""
    for i, architecture in enumerate(architectures(base)):
        for k in range(each):
            yield Case(architecture, list(STRESSES)[(i + k) % len(STRESSES)], (base, i, k))


# Training

LOSSES = (MeanSquaredError(), SoftmaxCrossEntropy(), BinaryCrossEntropy())
OPTIMIZERS = (
    SGD(0.05),
    SGD(0.02, momentum=0.9),
    SGD(0.02, momentum=0.8, nesterov=True, weight_decay=0.01),
    Adam(0.01),
    AdamW(0.01, weight_decay=0.1),
)
# Of the stresses, those under which a step of these rates does not drive the weights to infinity.
IN_TRAINING = ("plain", "zeros", "duplicates", "integers", "tiny")


@dataclass(frozen=True)
class Training:
    """A few steps of one random network, with its loss, its optimizer and its batches."""

    case: Case
    loss: Any
    optimizer: Any
    steps: int

    def batches(self, dtype: str) -> list[tuple[Any, Any]]:
        """A batch for each step, drawn under the case's stress."""
        rng = np.random.default_rng((*self.case.seed, 2))
        network, shape = self.case.architecture.network, self.case.architecture.shape
        params, x = self.case.draw("float64")
        y, _ = network.forward(params, x)
        drawn = []
        for _ in range(self.steps):
            x = STRESSES[self.case.stress][1](rng, shape).astype(dtype)
            if isinstance(self.loss, SoftmaxCrossEntropy):
                target = rng.integers(0, y.shape[-1], y.shape[:-1])
            elif isinstance(self.loss, BinaryCrossEntropy):
                target = rng.uniform(size=y.shape).astype(dtype)
            else:
                target = rng.standard_normal(y.shape).astype(dtype)
            drawn.append((x, target))
        return drawn


def trainings(base: int, each: int = 5) -> Iterator[Training]:
    """``each`` runs of one network of every fourth kind, with a random loss and optimizer."""
    rng = np.random.default_rng((base, 1))
    for i, architecture in enumerate(architectures(base + 1)[base % 4 :: 4]):
        loss, optimizer = LOSSES[rng.integers(3)], OPTIMIZERS[rng.integers(len(OPTIMIZERS))]
        for k in range(each):
            case = Case(architecture, IN_TRAINING[k % len(IN_TRAINING)], (base, i, k, 1))
            yield Training(case, loss, optimizer, steps=3 + i % 3)
