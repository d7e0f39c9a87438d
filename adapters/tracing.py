"""What an implementation computed on the way: the numbers of one forward and backward pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from ..reference.protocols import Array, Layer, Loss, Tree


@dataclass(frozen=True)
class Event:
    """One array that an implementation made.

    ``phase`` "forward" or "backward"; ``name`` the node, operation or equation that made it, in
    the framework's own words; ``value`` its number(s). ``inside`` what ran to make it (the ATen
    operations of an autograd node, the scopes of a jaxpr equation), ``where`` the line of ours or
    of the user that asked for it, "" where nobody knows. ``leaf`` is the path of the parameter,
    "x" or "dy..." whose gradient it is by the framework's own bookkeeping, and not by its value.
    """

    phase: str
    name: str
    value: Array
    inside: tuple[str, ...] = ()
    where: str = ""
    leaf: str = ""


@runtime_checkable
class Tracer(Protocol):
    """An adapter that can tell what it computes on the way."""

    def trace(
        self, network: Layer, loss: Loss, params: Tree, x: Tree, target: Tree
    ) -> list[Event]:
        """Everything that one forward and backward pass computes, in the order it was computed."""


def line(file: str, number: int) -> str:
    """A place in a source file as people write it: the last two parts of the path, and the line."""
    parts: list[Any] = file.replace("\\", "/").split("/")
    return f"{'/'.join(parts[-2:])}:{number}"
