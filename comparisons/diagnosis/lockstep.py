"""Training as a problem whose parts can be exchanged: the loop, the network, loss and optimizer."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from ...adapters.numpy_reference import NumpyReference
from ...adapters.protocols import Adapter, Start
from .. import vacuity
from ..candidates import answer_step, free_values, step_values
from ..envelope import Training
from ..problems import Leaves, Specs, at_step
from ..tolerances import Values, placed


@dataclass(frozen=True)
class TrainingRun:
    """The first ``steps`` steps of a training run, in lockstep with ``starts`` or, without, free.

    The step stands before the quantity: ("3 gradient", "0.W").
    """

    training: Training
    steps: int
    dtype: np.dtype[Any]
    starts: tuple[Start, ...] | None = None
    blame: tuple[str, int] = ("", 0)
    mode: str = "lockstep"
    loop: Any = field(default_factory=NumpyReference)

    @classmethod
    def of(cls, training: Training, steps: int, dtype: np.dtype[Any], free: bool = False) -> Any:
        """The first steps of a run, in lockstep unless ``free``."""
        short = dataclasses.replace(training, batches=training.batches[:steps])
        if free:
            return cls(short, steps, dtype, None, mode="free-running")
        return cls(short, steps, dtype, tuple(short.starts()))

    @property
    def specs(self) -> Specs:
        """The loop, the network, the loss and the optimizer."""
        t = self.training
        return (self.loop, t.network, t.loss, t.optimizer)

    def until(self, step: int) -> TrainingRun:
        """The first steps alone. Batches stay: a wrong loop may take a later one."""
        starts = None if self.starts is None else self.starts[:step]
        return dataclasses.replace(self, steps=min(step, self.steps), starts=starts)

    def vacuous(self, expected: Leaves) -> str:
        """A gradient that is zero at every step."""
        steps = {(placed(key)[0], key): e for key, e in expected.items()}
        return vacuity.of_gradients(steps)

    def run(self, specs: Specs, arithmetic: Any) -> Values:
        """The loop with its parts."""
        loop, network, loss, optimizer = specs
        given = [tuple(map(arithmetic.tree, start)) for start in self.starts or ()]
        steps = loop.train(
            network, loss, arithmetic.hyperparameters(optimizer),
            arithmetic.tree(self.training.params), [*map(arithmetic.tree, self.training.batches)],
            *([given] if given else []),
        )  # fmt: skip
        return self._collected(steps)

    def ask(self, adapter: Adapter) -> tuple[Values, Values]:
        """The candidate's steps."""
        starts = None if self.starts is None else list(self.starts)
        return self._collected(self.training.ask(adapter, starts), checked=True), {}

    def _collected(self, steps: Any, checked: bool = False) -> Values:
        values, chosen = cast(Values, {}), free_values if self.starts is None else step_values
        for t, done in zip(range(1, self.steps + 1), steps, strict=False):
            values |= at_step(t, answer_step(done, chosen) if checked else chosen(done))
        return values
