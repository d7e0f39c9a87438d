"""Schedules and transforms: another update's number, other parts."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ....reference.tree import tree_map
from ..around import around_function
from ..parts import Part
from ..registry import Proposal, Proposals, hypothesis


@hypothesis("the step number", bits=6, of=("function",))
def another_update(part: Part) -> Proposals:
    """The rate of the update before, or of the one after."""
    for text, shift in (("t + 1", 1), ("t - 1", -1)):
        yield Proposal(
            f"{part.type_name}: {text}", f"{part.type_name} with {text} in the place of t",
            partial(_of_another, shift=shift),
        )  # fmt: skip


def _of_another(spec: Any, shift: int) -> Any:
    return around_function(spec, x=lambda t: tree_map(partial(_shifted, by=shift), t))


def _shifted(t: Any, by: int) -> Any:
    return np.maximum(t + by, 1) if getattr(t, "dtype", None) is not None else t


@hypothesis("one of several", bits=7, of=("function",))
def each_alone(part: Part) -> Proposals:
    """Every array treated alone, or not at all."""
    name = part.type_name
    yield Proposal(
        f"{name}: each alone", f"{name} of each array alone, not of all together",
        lambda spec: around_function(spec, y=lambda out, x: tree_map(spec, x)),
    )  # fmt: skip
    yield Proposal(
        f"{name}: nothing done", f"{name} without effect",
        lambda spec: around_function(spec, y=lambda out, x: x),
    )  # fmt: skip
