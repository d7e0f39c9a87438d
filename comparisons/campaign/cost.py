"""What a comparison with computed tolerances costs, in plain gradients of the reference."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ...adapters.protocols import Adapter
from ...reference.protocols import Array, Layer, Tree
from ...reference.tree import as_dtype
from ..cases import draw_params, numbers_in, one_thread
from ..collecting import SECONDS
from ..compare import compare_vjp
from ..models import transformer_block
from .architectures import L

FEW = 2  # runs before the clock counts: JAX compiles, caches fill


def networks() -> dict[str, tuple[Layer, tuple[int, ...]]]:
    """Networks from 1e5 parameters up, and the shapes of their inputs."""
    pictures = L.Sequential(
        L.Conv2d(3, 32, 3, padding=1), L.ReLU(), L.MaxPool2d(2), L.Conv2d(32, 64, 3, padding=1),
        L.ReLU(), L.Flatten(), L.Dense(4096, 32),
    )  # fmt: skip
    block = L.Sequential(*transformer_block(128, 4, causal=True, wider=4))
    return {
        "perceptron": (_perceptron(128, 264, 256), (16, 128)),
        "perceptron, large batch": (_perceptron(128, 264, 256), (128, 128)),
        "wide perceptron": (_perceptron(512, 1024, 512), (16, 512)),
        "convolution": (pictures, (8, 3, 16, 16)),
        "transformer block": (block, (4, 32, 128)),
    }


def _perceptron(n: int, hidden: int, out: int) -> Layer:
    made: Layer = L.Sequential(L.Dense(n, hidden), L.Tanh(), L.Dense(hidden, out))
    return made


@dataclass(frozen=True)
class Cost:
    """Medians over interleaved pairs: ``plain`` is the seconds of one float64 gradient.

    ``ratio`` is how many of them the whole comparison takes, ``tolerances`` how many these alone.
    Seconds are the processor's, in the thread that compares: a busy machine adds nothing to them.
    """

    name: str
    dtype: str
    parameters: int
    plain: float
    ratio: float
    tolerances: float
    verdicts: tuple[str, ...]


def cost(
    name: str, dtype: str, adapters: Sequence[Adapter], pairs: int = 15, seed: int = 0
) -> Cost:
    """Time a plain gradient and a comparison in turn, so that a busy moment meets both."""
    network, shape = networks()[name]
    rng = np.random.default_rng(seed)
    params, x = draw_params(network, rng, np.dtype(np.float64)), rng.standard_normal(shape)
    dy = rng.standard_normal(network.forward(params, x)[0].shape)
    given: dict[str, Any] = {"x": as_dtype(x, dtype), "params": as_dtype(params, dtype)}
    plain = partial(_gradient, network, params, x, dy)
    compare = partial(compare_vjp, network, **given, adapters=adapters, dtype=dtype, seed=seed)
    plains, ratios, shares = [], [], []
    for i in range(FEW + pairs):
        with one_thread():
            before, _ = _timed(plain)
        whole, rows = _timed(compare)
        if i >= FEW:
            plains.append(before)
            ratios.append(whole / before)
            spent, total = (rows.attrs[name] for name in SECONDS)
            shares.append(whole / before * spent / total)
    median, ratio, tolerances = (float(np.median(some)) for some in (plains, ratios, shares))
    verdicts = tuple(sorted(set(rows["verdict"])))
    return Cost(name, dtype, numbers_in(params), median, ratio, tolerances, verdicts)


def _gradient(network: Layer, params: Tree, x: Array, dy: Array) -> Any:
    _, residuals = network.forward(params, x)
    return network.backward(residuals, dy)


def _timed(do: Callable[[], Any]) -> tuple[float, Any]:
    began = time.thread_time()
    result = do()
    return time.thread_time() - began, result
