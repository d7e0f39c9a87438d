"""Optimizers: another step number, other decay, other memory, another first state."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ....reference.tree import tree_map
from ..around import around_rule
from ..parts import Part
from ..registry import Family, Proposal, Proposals, hypothesis
from .scaled import constants

LATE = 10**7  # a step at which no bias is left to correct


def _step(text: str, t: Callable[[int], int], part: Part) -> Proposal:
    return Proposal(f"{part.type_name}: {text}", f"{part.type_name} with {text}",
                    lambda spec: around_rule(spec, t=t))  # fmt: skip


@hypothesis("the step number", bits=6, of=("optimizer",))
def step_number(part: Part) -> Proposals:
    """t off by one, stuck, or so large that nothing is corrected for it."""
    yield _step("t + 1 in the place of t", lambda t: t + 1, part)
    yield _step("t - 1 in the place of t, 1 at first", lambda t: max(t - 1, 1), part)
    yield _step("t always 1", lambda t: 1, part)
    yield _step("no bias correction", lambda t: LATE, part)
    yield _step("t counted twice", lambda t: 2 * t, part)


@hypothesis("the optimizer's memory", bits=7.5, of=("optimizer",))
def memory(part: Part) -> Proposals:
    """State forgotten, state late, and the state that it starts from."""

    def forgotten(spec: Any) -> Any:
        return around_rule(spec, state=lambda state, w, t: spec.init(w))

    name = part.type_name
    yield Proposal(f"{name}: state forgotten", f"{name} with its state forgotten after every step",
                   forgotten)  # fmt: skip
    yield Proposal(
        f"{name}: state kept", f"{name} whose state is never updated",
        lambda spec: around_rule(spec, kept=lambda new, old: old), 1,
    )  # fmt: skip
    for value in (0.0, 1.0, 0.1):
        yield Proposal(
            f"{name}: state from {value:g}", f"{name} with a state that starts from {value:g}",
            partial(_from, value=value), 1,
        )  # fmt: skip


def _from(spec: Any, value: float) -> Any:
    return around_rule(spec, init=lambda state: tree_map(lambda a: a * 0 + value, state))


def _fed(spec: Any, hook: Callable[[Any], Any]) -> Any:
    return around_rule(spec, g=lambda g, w: hook(g))


@hypothesis("the update", bits=7.5, of=("optimizer",))
def update(part: Part) -> Proposals:
    """The step or the gradient times a constant, and weight decay of another form."""
    named, name = constants(part), part.type_name
    yield Family(
        f"{name}: gradient times", lambda c: f"{name} fed the gradient times {c}",
        lambda c: lambda spec: around_rule(spec, g=lambda g, w: c * g), 1.0, named,
    )  # fmt: skip
    yield Family(
        f"{name}: step times", lambda c: f"{name} with every step times {c}",
        lambda c: lambda spec: around_rule(spec, w=lambda new, old, g: old + c * (new - old)),
        1.0, named,
    )  # fmt: skip
    yield Family(
        f"{name}: g + c w", lambda c: f"{name} with {c} w added to the gradient",
        lambda c: lambda spec: around_rule(spec, g=lambda g, w: g + c * w), 0.0, _decays(part),
    )  # fmt: skip
    yield Family(
        f"{name}: w - c w", lambda c: f"{name} with {c} w taken from the weights in every step",
        lambda c: lambda spec: around_rule(spec, w=lambda new, old, g: new - c * old),
        0.0, _decays(part),
    )  # fmt: skip
    yield Family(
        f"{name}: (1 - c) w after the step",
        lambda c: f"{name} with the weights times 1 - {c} after every step",
        lambda c: lambda spec: around_rule(spec, w=lambda new, old, g: new - c * new),
        0.0, _decays(part),
    )  # fmt: skip
    for text, hook in (("signs", np.sign), ("absolute values", np.absolute)):
        yield Proposal(
            f"{name}: gradient's {text}", f"{name} fed the gradient's {text}",
            partial(_fed, hook=hook), 2,
        )  # fmt: skip


def _decays(part: Part) -> dict[str, float]:
    """What a decay may be, from the spec's own: λ, η λ, and their opposites."""
    lr, decay = getattr(part.spec, "lr", 1.0), getattr(part.spec, "weight_decay", 0.0)
    usual = {f"{v:g}": v for v in (1e-2, 1e-3, 1e-4, 5e-4, 4e-3, 0.1)}
    if not decay:
        return usual
    return usual | {"weight_decay": decay, "lr weight_decay": lr * decay,
                    "-weight_decay": -decay, "-lr weight_decay": -lr * decay,
                    "(1 - lr) weight_decay": (1 - lr) * decay}  # fmt: skip
