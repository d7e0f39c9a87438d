"""The inputs on which wrong implementations are hunted: the suite's own, and typical ones.

Typical is what most tests take: usual hyperparameters, parameters as they are initialised, normal
numbers, sizes that divide, states at rest, no ties and no exact zeros. A spec's first sample is
often just that; ``_typical`` gives what to take where it is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from ...adapters.numpy_reference import NumpyReference
from ...reference import discovery
from ...reference.draws import many, normal, with_counts
from ...reference.layers.dense import Dense
from ...reference.layers.sequential import Sequential
from ...reference.layers.sigmoid import Sigmoid
from ...reference.layers.tanh import Tanh
from ...reference.losses.mean_squared_error import MeanSquaredError
from ...reference.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from ...reference.optimizers.adam import Adam
from ...reference.optimizers.adamw import AdamW
from ...reference.optimizers.sgd import SGD
from ...reference.protocols import Draw, Function, Initialiser, Layer, Loss, Optimizer, Sample, Tree
from .trials import (
    FunctionTrial,
    InitialiserTrial,
    LayerTrial,
    LoopTrial,
    LossTrial,
    OptimizerTrial,
    SampleTrial,
    Trial,
)

MOST = 1000  # samples of one spec: each has a stream of random numbers of its own
OTHERS: dict[Any, type[SampleTrial]] = {
    Function: FunctionTrial, Initialiser: InitialiserTrial, Optimizer: OptimizerTrial,
}  # fmt: skip


@cache
def own(target: type[Any], seed: int = 0) -> Sequence[Trial]:
    """The suite's own inputs: every sample of a spec, parameters away from their initial values."""
    if issubclass(target, NumpyReference):
        return _loops(seed)
    samples = enumerate(target.samples(), start=MOST * seed)
    return [_trial(sample, seed=i) for i, sample in samples]


@cache
def typical(target: type[Any], seed: int = 0) -> Sequence[Trial]:
    """One typical input."""
    if issubclass(target, NumpyReference):
        return _loops(seed)[:1]
    sample: Sample = _typical().get(target) or next(target.samples())
    if isinstance(sample.spec, Optimizer):
        sample = Sample(target(), lambda rng: np.ones((5, 2)))
    return [_trial(sample, fresh=True, seed=MOST * seed)]


INPUTS = {"own": own, "typical": typical}


def _trial(sample: Sample, seed: int, fresh: bool = False) -> Trial:
    kind: type[SampleTrial] = LossTrial if sample.target else LayerTrial
    for protocol, other in OTHERS.items():
        kind = other if isinstance(sample.spec, protocol) else kind
    return kind(sample, fresh, seed)


ELEMENTWISE = (
    "CELU", "ELU", "GELU", "HardSigmoid", "HardSwish", "HardTanh", "LogSigmoid", "Mish", "ReLU6",
    "SELU", "SiLU", "Sigmoid", "Softplus", "TanhShrink",
)  # fmt: skip


@cache
def _typical() -> dict[type, Sample]:
    specs = SimpleNamespace(**discovery.everything())
    samples = [
        Sample(specs.AdaptiveAvgPool2d((2, 3)), normal(2, 3, 4, 6)),
        Sample(specs.AvgPool2d(2), normal(2, 3, 4, 4)),
        Sample(specs.BatchNorm2d(3), normal(4, 3, 4, 4)),
        Sample(specs.BatchNormInference((0.0,) * 3, (1.0,) * 3), normal(4, 3)),
        Sample(specs.Conv1d(2, 3, 3, padding=1), normal(2, 2, 8)),
        Sample(specs.Conv2d(2, 3, 3, padding=1), normal(2, 2, 6, 6)),
        Sample(specs.Conv3d(2, 2, 3, padding=1), normal(2, 2, 3, 3, 3)),
        Sample(specs.ConvTranspose1d(2, 3, 2, 2), normal(2, 2, 4)),
        Sample(specs.ConvTranspose2d(2, 3, 2, 2), normal(2, 2, 3, 3)),
        Sample(specs.Dropout(), _with_mask(4, 5)),
        Sample(specs.GroupNorm(2, 6), normal(2, 6, 4, 4)),
        Sample(specs.GRU(3, 2), _at_rest((2, 5, 3), (1, 2, 2))),
        Sample(specs.LPPool2d(2.0, 2), normal(2, 3, 4, 4)),
        Sample(specs.LSTM(3, 2), _at_rest((2, 5, 3), (1, 2, 2), (1, 2, 2))),
        Sample(specs.MaxPool1d(2), normal(2, 3, 6)),
        Sample(specs.MaxPool2d(2), normal(2, 3, 4, 4)),
        Sample(specs.Pad(((1, 1), (1, 1))), normal(2, 2, 3, 3)),
        Sample(specs.RNN(3, 2), _at_rest((2, 5, 3), (1, 2, 2))),
        Sample(specs.RunningStatistics(), _first_batch(8, 3, 4, 4)),
        Sample(specs.ScaledDotProductAttention(), many(*[(2, 2, 4, 3)] * 3)),
        Sample(specs.UpsampleBilinear2d((6, 8)), normal(2, 2, 3, 4)),
        Sample(specs.Accumulate(), with_counts(4, 4, 4)),
    ]
    samples += [Sample(getattr(specs, name)(), normal(3, 4)) for name in ELEMENTWISE]
    return {type(sample.spec): sample for sample in samples}


def _with_mask(*shape: int) -> Draw:
    """Normal numbers, and a mask that keeps every second one."""
    return lambda rng: (rng.standard_normal(shape), rng.random(shape) < 0.5)


def _at_rest(x: tuple[int, ...], *states: tuple[int, ...]) -> Draw:
    """A sequence, and recurrent states that are zero."""
    return lambda rng: (rng.standard_normal(x), *map(np.zeros, states))


def _first_batch(*shape: int) -> Draw:
    """A batch, and the running mean 0 and variance 1 that training begins with."""
    return lambda rng: (rng.standard_normal(shape), np.zeros(shape[1]), np.ones(shape[1]))


def _loops(seed: int) -> Sequence[LoopTrial]:
    deep = Sequential(Dense(2, 3), Tanh(), Dense(3, 2))
    narrow = Sequential(Dense(3, 4), Sigmoid(), Dense(4, 2))
    labels = Sequential(Dense(3, 5), Tanh(), Dense(5, 3))
    settings: list[tuple[Layer, Loss, Optimizer, Draw]] = [
        (deep, MeanSquaredError(), SGD(0.1, momentum=0.9), _batches(2, 2)),
        (narrow, MeanSquaredError(), SGD(0.5), _batches(3, 2)),
        (labels, SoftmaxCrossEntropy(), Adam(0.01), _batches(3, label=3)),
        (deep, MeanSquaredError(), AdamW(0.01), _batches(2, 2)),
    ]
    return [LoopTrial(*setting, seed=i) for i, setting in enumerate(settings, start=MOST * seed)]


def _batches(n_in: int, n_out: int = 0, label: int = 0) -> Draw:
    """Five batches of six samples; the target is a linear map of x, or its largest entry."""

    def draw(rng: np.random.Generator) -> Tree:
        W = rng.standard_normal((n_in, label or n_out)) / 2
        inputs = rng.standard_normal((5, 6, n_in))
        return tuple((x, (x @ W).argmax(axis=1) if label else x @ W) for x in inputs)

    return draw
