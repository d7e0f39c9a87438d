"""Another member of the family: the numbers are those of another layer, loss or optimizer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import partial
from typing import Any

from ....reference import discovery
from ..parts import Part
from ..registry import Proposal, Proposals, hypothesis
from .options import elsewhere, fields


@hypothesis(
    "another of its kind", bits=8.5, of=("layer", "loss", "optimizer", "function", "initialiser")
)
def relatives(part: Part) -> Proposals:
    """Another spec of the reference with the hyperparameters that both have."""
    everything = {
        "layer": discovery.layers, "loss": discovery.losses, "optimizer": discovery.optimizers,
        "function": discovery.functions, "initialiser": discovery.initialisers,
    }[part.kind]()  # fmt: skip
    shared = dict(fields(part.spec))
    for name, cls in everything.items():
        if name != part.type_name:
            for other in _settings(cls, shared):
                yield Proposal(
                    f"{part.type_name} as {other}", f"{other}, not {part.type_name}",
                    partial(_replaced, other=other),
                )  # fmt: skip


def _replaced(spec: Any, other: Any) -> Any:
    return other


def _settings(cls: type[Any], shared: dict[str, Any]) -> Iterator[Any]:
    """Objects of a class with the shared hyperparameters, and its other switches either way."""
    own = dataclasses.fields(cls)
    given = {f.name: shared[f.name] for f in own if f.init and f.name in shared}
    needed = (f for f in own if f.init and f.default is f.default_factory is dataclasses.MISSING)
    missing = [f.name for f in needed if f.name not in given]
    if missing:
        return
    try:
        first = cls(**given)
    except (TypeError, ValueError):
        return
    yield first
    for field in own:
        if field.name not in given and isinstance(getattr(first, field.name), bool | str):
            for value in dict.fromkeys(elsewhere(first, field.name)):
                if value != getattr(first, field.name):
                    try:
                        yield dataclasses.replace(first, **{field.name: value})
                    except (TypeError, ValueError):
                        continue
