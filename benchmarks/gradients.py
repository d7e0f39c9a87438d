"""What it costs to validate the gradient of a network of 98,816 parameters, in float64."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from timing import Timed, interleaved
from torch.autograd import gradcheck

import backproof
from backproof.reference.layers.dense import Dense
from backproof.reference.layers.sequential import Sequential
from backproof.reference.layers.tanh import Tanh
from backproof.reference.tree import leaves

BATCH = 16
WIDE, NARROW = (128, 256, 256), (32, 16, 8)  # of the full run, and of --quick


@dataclass(frozen=True)
class Validation:
    """The times, and how many of the parameters gradcheck's slice held."""

    widths: tuple[int, ...]
    parameters: int
    sliced: int
    times: dict[str, Timed]

    @property
    def gradcheck(self) -> float:
        """Seconds for all parameters: those of the slice, scaled."""
        return self.times["gradcheck slice"].seconds * self.parameters / self.sliced


def measure(widths: tuple[int, ...], rounds: int) -> Validation:
    """Time every way of validating, interleaved."""
    rng = np.random.default_rng(0)
    first, second, third = widths
    network = Sequential(Dense(first, second), Tanh(), Dense(second, third))
    params = network.init(rng)
    x, dy = rng.standard_normal((BATCH, first)), rng.standard_normal((BATCH, third))
    adapters = [backproof.load_adapter(name) for name in ("numpy", "torch", "jax")]
    runs = {
        "three-way": lambda: _three_way(adapters, network, params, x, dy),
        "three-way, gradients alone": lambda: _gradients_alone(adapters, network, params, x, dy),
        "gradcheck slice": lambda: _gradcheck(params, x, dy, ("b",)),
        "gradcheck fast": lambda: _gradcheck(params, x, dy, ("W", "b"), fast_mode=True),
    }
    sizes = {leaf: w.size for leaf, w in leaves(params)}
    sliced = sum(size for leaf, size in sizes.items() if leaf.endswith("b"))
    return Validation(widths, sum(sizes.values()), sliced, interleaved(runs, rounds, seconds=0))


def _three_way(adapters: list[Any], network: Any, params: Any, x: Any, dy: Any) -> None:
    """Three gradients, compared within tolerances that are computed for this network."""
    rows = backproof.compare_vjp(network, x=x, params=params, dy=dy, adapters=adapters)
    if set(rows.verdict) != {"match"}:
        raise RuntimeError(f"the three disagree:\n{rows[['candidate', 'leaf', 'verdict']]}")


def _gradients_alone(adapters: list[Any], network: Any, params: Any, x: Any, dy: Any) -> None:
    """Three gradients and their largest differences; what is large is left to the reader."""
    results = [adapter.vjp(network, params, x, dy) for adapter in adapters]
    first, *others = ([r.dx, *(g for _, g in leaves(r.dparams))] for r in results)
    for other in others:
        [np.max(np.abs(a - b)) for a, b in zip(first, other, strict=True)]


def _gradcheck(params: Any, x: Any, dy: Any, checked: tuple[str, ...], **options: Any) -> None:
    """torch.autograd.gradcheck of <dy, y> by the parameters whose names are in ``checked``."""
    cotangent, inputs = torch.from_numpy(dy), torch.from_numpy(x)
    first, second = ({k: torch.from_numpy(w) for k, w in p.items()} for p in params if p)

    def value(*given: torch.Tensor) -> torch.Tensor:
        """The value with the given weights in the places of the checked ones."""
        new = iter(given)
        p, q = (
            {k: next(new) if k in checked else w for k, w in layer.items()}
            for layer in (first, second)
        )
        hidden = torch.tanh(F.linear(inputs, p["W"].T, p["b"]))
        return (cotangent * F.linear(hidden, q["W"].T, q["b"])).sum()

    weights = [w for layer in (first, second) for k, w in layer.items() if k in checked]
    gradcheck(value, [w.clone().requires_grad_() for w in weights], **options)
