"""A whole training run as data, and the noisy twins that say how far apart such runs may drift."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..adapters.protocols import Adapter, Batch, Start
from ..reference.protocols import Layer, Loss, Optimizer, Tree
from ..reference.training import Step, init_state, step, train
from ..reference.tree import leaves
from .candidates import copied, free_values, step_values
from .judging import Context, norm_row
from .measures import Expected, norm
from .noise import Noise
from .records import Comparison
from .tolerances import AMPLITUDE, Exact, Key, Values, rms, wide_dtype


@dataclass(frozen=True)
class Training:
    """What is trained, from where, on what; ``batches`` are checked arrays of one dtype."""

    network: Layer
    loss: Loss
    optimizer: Optimizer
    params: Tree
    batches: list[Batch]

    def ask(self, adapter: Adapter, starts: list[Start] | None = None) -> Iterator[Step]:
        """The steps of a candidate, in lockstep with ``starts`` or free-running."""
        own = copied((self.params, tuple(self.batches)))
        given = None if starts is None else list(copied(tuple(starts)))
        what = self.network, self.loss, self.optimizer
        return adapter.train(*what, own[0], list(own[1]), *([] if given is None else [given]))

    def starts(self) -> list[Start]:
        """The reference's weights and state before each step, in the dtype of params."""
        run = train(self.network, self.loss, self.optimizer, self.params, self.batches)
        after = [(done.params, done.state) for done in run]
        return [(self.params, init_state(self.optimizer, self.params)), *after[:-1]]

    def run(self, arithmetic: Any) -> Iterator[Step]:
        """The reference's run in any arithmetic."""
        rule = arithmetic.hyperparameters(self.optimizer)
        batches = map(arithmetic.tree, self.batches)
        return train(self.network, self.loss, rule, arithmetic.tree(self.params), batches)

    def one_step(self, arithmetic: Any, start: Start, t: int) -> Values:
        """The reference's step t from ``start``, in any arithmetic."""
        rule = arithmetic.hyperparameters(self.optimizer)
        p, state = map(arithmetic.tree, start)
        x, target = arithmetic.tree(self.batches[t - 1])
        return step_values(step(self.network, self.loss, rule, p, state, (x, target), t))


class Envelope:
    """Noisy twins of a whole training run: how far honest rounding drives the weights apart.

    A leaf's horizon is where the twins differ by 1 % of the distance it has travelled.
    """

    def __init__(self, training: Training, dtype: np.dtype[Any], seed: int, twins: int) -> None:
        self.noise = Noise(dtype, (AMPLITUDE[dtype.name],) * twins, seed, frozen=False)
        wide = wide_dtype(dtype)
        self._twins = training.run(self.noise)
        self._gold = training.run(Exact(wide)) if wide != np.float64 else None
        self._first = dict(leaves(training.params))
        self._smallest = float(np.finfo(dtype).smallest_normal)
        self.past: dict[str, int] = {}  # leaf to the first step past its horizon
        self.kinks_since = 0
        self.expected: dict[Key, Expected] = {}

    def advance(self) -> None:
        """One more step of the twins and of the gold run."""
        done = next(self._twins)
        gold = free_values(next(self._gold)) if self._gold else None
        for key, value in free_values(done).items():
            base, leaf = value.base, key[1]
            spread = rms(np.asarray([norm(twin - base) for twin in value.payload[1:]]))
            unit = spread / self.noise.deltas[1] * self.noise.u + self._smallest
            exact = np.asarray(gold[key]) if gold else base
            self.expected[key] = Expected(exact, np.full(exact.shape, unit), self.noise.dtype)
            travelled = norm(base - self._first[leaf]) if leaf else abs(float(base))
            if not spread <= 0.01 * travelled:
                self.past.setdefault(leaf, done.t)
        if self.noise.ambiguous and not self.kinks_since:
            self.kinks_since = done.t

    def judge(self, context: Context, values: Values) -> list[Comparison]:
        """The rows of one free-running step."""
        return [
            norm_row(context, key, expected, values.get(key), self.past.get(key[1], 0),
                     self.kinks_since)
            for key, expected in self.expected.items()
        ]  # fmt: skip
