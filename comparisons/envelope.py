"""A whole training run as data, and the noisy twins that say how far apart such runs may drift."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..adapters.protocols import Adapter, Batch, Start
from ..reference.protocols import Layer, Loss, Optimizer, Tree
from ..reference.training import Step, init_state, step, train
from ..reference.tree import as_dtype, leaves
from .candidates import copied, free_values, step_values
from .cases import numbers_in
from .formats import OWN_ROUNDING, format_of, name_of, wide_dtype
from .measures import Expected, norm
from .noise import Noise, spread
from .records import Comparison
from .rows import Context, in_doubt, norm_row
from .tolerances import ZERO, Exact, Key, Values, rms


@dataclass(frozen=True)
class Training:
    """What is trained, from where, on what; ``batches`` are checked arrays of one dtype."""

    network: Layer
    loss: Loss
    optimizer: Optimizer
    params: Tree
    batches: list[Batch]

    @property
    def numbers(self) -> int:
        """How many floats one step is made of: parameters and a batch."""
        return numbers_in((self.params, tuple(self.batches[0])))

    def ask(self, adapter: Adapter, starts: list[Start] | None = None) -> Iterator[Step]:
        """The steps of a candidate, in lockstep with ``starts`` or free-running."""
        own = copied((self.params, tuple(self.batches)))
        given = None if starts is None else list(copied(tuple(starts)))
        what = self.network, self.loss, self.optimizer
        return adapter.train(*what, own[0], list(own[1]), *([] if given is None else [given]))

    def starts(self) -> list[Start]:
        """The reference's weights and state before each step, in the dtype of params.

        In 16 bits it runs in float32 and is rounded: Adam's own state may overflow there.
        """
        dtype = next(w.dtype for _, w in leaves(self.params))
        half = format_of(dtype).half
        p, batches = as_dtype((self.params, tuple(self.batches)), np.float32 if half else dtype)
        run = train(self.network, self.loss, self.optimizer, p, batches)
        after = [as_dtype((done.params, done.state), dtype) for done in run]
        return [(self.params, as_dtype(init_state(self.optimizer, p), dtype)), *after[:-1]]

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

    A leaf's horizon is where the twins differ by 1 % of the distance it has travelled. A leaf whose
    gradient has been zero to rounding at every step is at rest, whatever distance that makes. Of a
    ``large`` problem the run without noise is gold enough: see ``tolerances``.
    """

    def __init__(
        self, training: Training, dtype: np.dtype[Any], seed: int, twins: int, large: bool = False
    ) -> None:
        form = format_of(dtype)
        self.noise = Noise(dtype, (form.amplitude,) * twins, seed, frozen=False)
        wide = self.noise.work if large else wide_dtype(dtype)
        self._twins = training.run(self.noise)
        self._gold = training.run(Exact(wide)) if wide != self.noise.work else None
        self._own = OWN_ROUNDING if form.name == "float64" and self._gold is None else 0.0
        self._first = dict(leaves(training.params))
        power = round(math.log2(form.amplitude))
        self.origin = f"{twins} twins, gold {name_of(wide)}, δ=2^{power}"
        self.resting = set(self._first)
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
            unit = spread / self.noise.deltas[1] * self.noise.u + self.noise.format.smallest
            exact = np.asarray(gold[key]) if gold else base
            each = np.full(exact.shape, unit)
            self.expected[key] = Expected(exact, each, self.noise.dtype, own=self._own)
            travelled = norm(base - self._first[leaf]) if leaf else abs(float(base))
            if not spread <= 0.01 * travelled:
                self.past.setdefault(leaf, done.t)
        self.resting = {leaf for leaf, g in leaves(done.grads) if self._rests(leaf, g)}
        if self.noise.ambiguous and not self.kinks_since:
            self.kinks_since = done.t

    def _rests(self, leaf: str, g: Any) -> bool:
        """Whether the leaf was at rest so far, and no entry of g can be told from zero."""
        if leaf not in self.resting:
            return False
        rounding = ZERO * np.finfo(self.noise.work).eps / 2 * spread(g.payload, self.noise.deltas)
        return not np.any(np.abs(g.base) > rounding + self.noise.format.smallest)

    def judge(self, context: Context, values: Values) -> list[Comparison]:
        """The rows of one free-running step."""
        context = dataclasses.replace(context, origin=self.origin)
        rows = [
            norm_row(context, key, expected, values.get(key), self.past.get(key[1], 0),
                     self.kinks_since, key[1] in self.resting)
            for key, expected in self.expected.items()
        ]  # fmt: skip
        return [in_doubt(r, self.noise.overflows) for r in rows] if context.format.half else rows
