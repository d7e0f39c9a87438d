"""What is compared, as data: checked input, run by the reference or given to a candidate.

A problem's ``run`` is the reference in any arithmetic, and ``ask`` a candidate's answer to the
same question. A comparison runs the specs as they are; a diagnosis runs others in their place.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np

from ..adapters.protocols import VJP, Adapter, Updated
from ..reference.protocols import Function, Layer, Loss, Optimizer, Tree
from ..reference.training import init_state, update
from . import cases, vacuity
from .candidates import answer_updated, answer_vjp, copied, updated_values, vjp_values
from .measures import Expected
from .tolerances import Values

Specs = tuple[Any, ...]
Leaves = dict[Any, Expected]


class Problem(Protocol):
    """One question. ``specs`` are what is asked about: a network, a loss, an optimizer..."""

    @property
    def mode(self) -> str:
        """The comparison it belongs to, as in ``records.Comparison``."""

    @property
    def specs(self) -> Specs:
        """The right specs."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """What the candidate computes in."""

    @property
    def blame(self) -> tuple[str, int]:
        """Where the question itself is not finite, as ``cases.non_finite`` says."""

    @property
    def numbers(self) -> int:
        """How many floats the question is made of."""

    def vacuous(self, expected: Leaves) -> str:
        """Why the expected answer could not show a mistake, or ""."""

    def run(self, specs: Specs, arithmetic: Any) -> Values:
        """The reference's values, with these specs in place of the right ones."""

    def ask(self, adapter: Adapter) -> tuple[Values, Values]:
        """A candidate's values and its doubts; raises what the candidate raises."""


@dataclass(frozen=True)
class NetworkVJP:
    """y, dx and dparams of a network."""

    network: Layer
    params: Tree
    x: Tree
    dy: Tree
    dtype: np.dtype[Any]
    blame: tuple[str, int] = ("", 0)
    mode = "vjp"

    @property
    def specs(self) -> Specs:
        """The network."""
        return (self.network,)

    @property
    def numbers(self) -> int:
        """Of parameters and input."""
        return cases.numbers_in((self.params, self.x))

    def vacuous(self, expected: Leaves) -> str:
        """A gradient that is zero or not there, or a constant cotangent."""
        return vacuity.of_gradients(expected) or vacuity.of_cotangent(self.dy)

    def run(self, specs: Specs, arithmetic: Any) -> Values:
        """Forward and backward."""
        (network,) = specs
        y, residuals = network.forward(arithmetic.tree(self.params), arithmetic.tree(self.x))
        return vjp_values(VJP(y, *network.backward(residuals, arithmetic.tree(self.dy))))

    def ask(self, adapter: Adapter) -> tuple[Values, Values]:
        """The candidate's VJP."""
        return answer_vjp(adapter.vjp(self.network, *copied((self.params, self.x, self.dy))))


@dataclass(frozen=True)
class LossVJP:
    """A loss and the gradient of its prediction."""

    loss: Loss
    x: Tree
    target: Tree
    dy: Tree
    dtype: np.dtype[Any]
    blame: tuple[str, int] = ("", 0)
    mode = "vjp"

    @property
    def specs(self) -> Specs:
        """The loss."""
        return (self.loss,)

    @property
    def numbers(self) -> int:
        """Of the prediction."""
        return cases.numbers_in(self.x)

    def vacuous(self, expected: Leaves) -> str:
        """A gradient that is zero, or a constant cotangent of several numbers."""
        return vacuity.of_gradients(expected) or vacuity.of_cotangent(self.dy)

    def run(self, specs: Specs, arithmetic: Any) -> Values:
        """Forward and backward."""
        (loss,) = specs
        value, residuals = loss.forward(arithmetic.tree(self.x), arithmetic.tree(self.target))
        return vjp_values(VJP(value, loss.backward(residuals, arithmetic.tree(self.dy)), {}))

    def ask(self, adapter: Adapter) -> tuple[Values, Values]:
        """The candidate's loss and gradient."""
        return answer_vjp(adapter.loss_vjp(self.loss, *copied((self.x, self.target, self.dy))))


@dataclass(frozen=True)
class Evaluation:
    """The values of a schedule or of a transform."""

    function: Function
    x: Tree
    dtype: np.dtype[Any]
    blame: tuple[str, int] = ("", 0)
    mode = "function"

    @property
    def specs(self) -> Specs:
        """The function."""
        return (self.function,)

    @property
    def numbers(self) -> int:
        """Of the input."""
        return cases.numbers_in(self.x)

    def vacuous(self, expected: Leaves) -> str:
        """Values of zero."""
        return vacuity.of_values(expected)

    def run(self, specs: Specs, arithmetic: Any) -> Values:
        """The function's value, its hyperparameters rounded as each implementation rounds them."""
        (function,) = map(arithmetic.hyperparameters, specs)
        return vjp_values(VJP(function(arithmetic.tree(self.x)), None, None))

    def ask(self, adapter: Adapter) -> tuple[Values, Values]:
        """The candidate's value."""
        got = copied(adapter.evaluate(self.function, copied(self.x), self.dtype))
        return answer_vjp(VJP(got, None, None))


@dataclass(frozen=True)
class Replay:
    """An optimizer alone, fed given gradients: weights and state after every step.

    The step stands before the quantity: ("3 weights", "W"). Without ``stateful`` the weights are
    all that is asked for.
    """

    optimizer: Optimizer
    params: Tree
    grads: tuple[Tree, ...]
    dtype: np.dtype[Any]
    blame: tuple[str, int] = ("", 0)
    stateful: bool = True
    mode = "optimizer"

    @property
    def specs(self) -> Specs:
        """The optimizer."""
        return (self.optimizer,)

    @property
    def numbers(self) -> int:
        """Of the gradients of all steps."""
        return cases.numbers_in(self.params) * len(self.grads)

    def vacuous(self, expected: Leaves) -> str:
        """Weights and state that never move."""
        return vacuity.of_updates(expected, self.params)

    def run(self, specs: Specs, arithmetic: Any) -> Values:
        """Every step, one after another."""
        (rule,) = map(arithmetic.hyperparameters, specs)
        p, values = arithmetic.tree(self.params), cast(Values, {})
        state = init_state(rule, p)
        for t, g in enumerate(self.grads, start=1):
            p, state = update(rule, arithmetic.tree(g), state, p, t)
            values |= at_step(t, updated_values(Updated(p, state if self.stateful else {})))
        return values

    def until(self, step: int) -> Replay:
        """The first steps alone."""
        return dataclasses.replace(self, grads=self.grads[:step])

    def begin(self, adapter: Adapter) -> Iterator[Updated]:
        """The candidate's steps."""
        own = adapter.optimize(self.optimizer, copied(self.params), map(copied, self.grads))
        return own if self.stateful else (Updated(done[0], {}) for done in own)

    def ask(self, adapter: Adapter) -> tuple[Values, Values]:
        """All of the candidate's steps; raises RuntimeError where one is missing."""
        values, steps = cast(Values, {}), iter(self.begin(adapter))
        for t in range(1, len(self.grads) + 1):
            try:
                values |= at_step(t, answer_updated(next(steps)))
            except StopIteration:
                raise RuntimeError(f"it stopped before step {t}") from None
        return values, {}


def at_step(t: int, values: Values) -> Values:
    """The values with their step before the quantity."""
    return {(f"{t} {quantity}", leaf): v for (quantity, leaf), v in values.items()}
