"""Asking candidates: their arguments are copies, their answers are checked, what fails is a row."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..adapters.protocols import VJP, Adapter, Unsupported, Updated
from ..reference.protocols import Tree
from ..reference.training import Step
from ..reference.tree import leaves, tree_map
from .cases import Loaded
from .records import Comparison
from .rows import Context, failed_row
from .tolerances import Values


def copied(tree: Tree) -> Tree:
    """A copy, arrays and all: a candidate that writes to its arguments harms only itself."""
    return tree_map(np.array, tree)


def vjp_values(vjp: VJP) -> Values:
    """y, dx and dparams by quantity and leaf."""
    return _named("y", vjp.y) | _named("dx", vjp.dx) | _named("dparams", vjp.dparams)


def updated_values(updated: Updated) -> Values:
    """Weights and state by quantity and leaf."""
    return _named("weights", updated.params) | _named("state", updated.state)


def step_values(done: Step) -> Values:
    """Everything that a training step computed, by quantity and leaf."""
    values = {("loss", ""): done.loss} | _named("gradient", done.grads)
    return values | _named("state", done.state) | _named("weights", done.params)


def free_values(done: Step) -> Values:
    """What is compared of a free-running step: where it is, not how it got there."""
    return {("loss", ""): done.loss} | _named("weights", done.params)


def _named(quantity: str, tree: Tree) -> Values:
    return {(quantity, leaf): value for leaf, value in leaves(tree)}


def answer_vjp(got: Any) -> tuple[Values, Values]:
    """The values of a candidate's VJP, and its doubts; raises TypeError or ValueError."""
    vjp = _as(VJP, got, "(y, dx, dparams)")
    values = _arrays(vjp_values(vjp))
    if vjp.uncertainty is None:
        return values, {}
    dx, dparams = _as(tuple, vjp.uncertainty, "an uncertainty (dx, dparams)")
    doubts = _arrays(_named("dx", dx) | _named("dparams", dparams))
    for key, doubt in doubts.items():
        what = f"the uncertainty of {' '.join(key).strip()}"
        if key not in values or doubt.shape != values[key].shape:
            raise ValueError(f"{what} has shape {doubt.shape}")
        if not np.all(doubt >= 0):  # NaN is not
            raise ValueError(f"{what} holds a number that is not 0 or more")
    return values, doubts


def answer_updated(got: Any) -> Values:
    """The values of a candidate's optimizer step; raises TypeError or ValueError."""
    return _arrays(updated_values(_as(Updated, got, "(params, state)")))


def answer_step(got: Any, values: Callable[[Step], Values] = step_values) -> Values:
    """The values of a candidate's training step; raises TypeError or ValueError."""
    if not all(hasattr(got, field.name) for field in dataclasses.fields(Step)):
        raise TypeError(f"it gave {_short(got)}, not a Step")
    return _arrays(values(got))


def _as(kind: Any, got: Any, wanted: str) -> Any:
    try:
        if isinstance(got, str):
            raise TypeError
        made = kind(got) if kind is tuple else kind(*got)
    except TypeError:
        raise TypeError(f"it gave {_short(got)}, not {wanted}") from None
    return made


def _short(got: Any) -> str:
    text = " ".join(repr(got).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _arrays(values: Values) -> Values:
    return {k: None if v is None else np.asarray(v) for k, v in values.items()}


class Answer(NamedTuple):
    """What a candidate gave: values by quantity and leaf, its own doubts, or the row of a failure.

    ``last`` is the last step it got to, where the keys of the values have steps.
    """

    context: Context
    values: Values
    doubts: Values = {}  # noqa: RUF012 (never written to)
    failure: Comparison | None = None
    last: int = 0


def ask_all(
    loaded: list[Loaded], context: Callable[[str], Context],
    ask: Callable[[Adapter], tuple[Values, Values]],
) -> list[Answer]:  # fmt: skip
    """The answer of every candidate, or why there is none; ``context`` is that of a name."""
    answers = []
    for name, adapter, missing in loaded:
        this = context(name)
        try:
            if adapter is None:
                raise Unsupported(missing)
            values, doubts = ask(adapter)
        except Exception as error:
            answers.append(Answer(this, {}, failure=failed_row(this, error)))
        else:
            answers.append(Answer(this, values, doubts))
    return answers


class Runs:
    """The candidates' generators, advanced together; one that fails ends, with a row."""

    def __init__(
        self, loaded: list[Loaded], begin: Callable[[Adapter], Iterator[Any]],
        answer: Callable[[Any], Values], context: Context, rows: list[Comparison],
    ) -> None:  # fmt: skip
        self.answer, self.context, self.rows = answer, context, rows
        self.running: dict[str, Iterator[Any]] = {}
        for name, adapter, missing in loaded:
            try:
                if adapter is None:
                    raise Unsupported(missing)
                self.running[name] = iter(begin(adapter))
            except Exception as error:
                rows.append(failed_row(dataclasses.replace(context, candidate=name), error))

    def advance(self, t: int) -> Iterator[tuple[Context, Values]]:
        """Each candidate's values of step t, with the context of its rows."""
        for name in list(self.running):
            context = dataclasses.replace(self.context, candidate=name, step=t)
            try:
                values = self.answer(next(self.running[name]))
            except Exception as error:
                del self.running[name]
                if isinstance(error, StopIteration):
                    error = RuntimeError(f"it stopped before step {t}")
                self.rows.append(failed_row(context, error))
            else:
                yield context, values
