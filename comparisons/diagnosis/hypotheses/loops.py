"""Training loops: what is reported is not what is used, batches and gradients of another step."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ....reference.training import Step
from ....reference.tree import tree_map
from ..parts import Part, as_class
from ..registry import Family, Proposal, Proposals, hypothesis
from .scaled import PLAIN


def with_steps(loop: Any, change: Callable[[Step], Step]) -> Any:
    """The loop with every step that it reports changed."""
    base = type(loop)

    def train(self: Any, *args: Any) -> Iterator[Step]:
        yield from map(change, as_class(self, base).train(*args))

    return as_class(loop, type(base.__name__, (base,), {"train": train}))


def with_batches(loop: Any, change: Callable[[list[Any]], list[Any]]) -> Any:
    """The loop with its list of batches changed."""
    base = type(loop)

    def train(
        self: Any, network: Any, loss: Any, optimizer: Any, params: Any, batches: Any, *more: Any
    ) -> Iterator[Step]:
        given = as_class(self, base), change(list(batches))
        yield from given[0].train(network, loss, optimizer, params, given[1], *more)

    return as_class(loop, type(base.__name__, (base,), {"train": train}))


@hypothesis("what the loop reports", bits=8, of=("loop",))
def reported(part: Part) -> Proposals:
    """The loss or the gradients reported are a multiple of those that are used."""
    for field, name in (("loss", "loss"), ("grads", "gradients")):
        yield Family(
            f"the loop: {name} reported times", partial(_text, name), partial(_report, field), 1.0,
            PLAIN,
        )  # fmt: skip


def _text(name: str, c: str) -> str:
    return f"the training loop with the {name} that it reports times {c}"


def _report(field: str, c: Any) -> Any:
    return partial(with_steps, change=partial(_times, field=field, c=c))


def _times(step: Step, field: str, c: Any) -> Step:
    changed = tree_map(lambda a: c * a, getattr(step, field))
    return dataclasses.replace(step, **{field: changed})


@hypothesis("the batches", bits=8, of=("loop",))
def other_batches(part: Part) -> Proposals:
    """The first batch at every step, the next one, the one before, or in reverse order."""
    ways: dict[str, Callable[[list[Any]], list[Any]]] = {
        "the first batch at every step": lambda b: [b[0]] * len(b),
        "every batch one step early": lambda b: [*b[1:], *b[:1]],
        "every batch one step late": lambda b: [*b[:1], *b[:-1]],
        "the batches in reverse order": lambda b: b[::-1],
        "each target with the input of the step before": lambda b: [
            (x, t) for (x, _), (_, t) in zip([*b[:1], *b[:-1]], b, strict=True)],
        "each input with the target of the step before": lambda b: [
            (x, t) for (x, _), (_, t) in zip(b, [*b[:1], *b[:-1]], strict=True)],
    }  # fmt: skip
    for text, change in ways.items():
        yield Proposal(f"the loop: {text}", f"the training loop with {text}",
                       partial(with_batches, change=change))  # fmt: skip
