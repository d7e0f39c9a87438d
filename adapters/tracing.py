"""What an implementation computed on the way: the numbers of one forward and backward pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from ..reference.protocols import Array, Layer, Loss, Optimizer, Tree

Computed = tuple[Tree, Tree]  # parameters and input, or what belongs to each of them


@dataclass(frozen=True)
class Event:
    """One array that an implementation made.

    ``phase`` "forward", "backward" or "update"; ``name`` the autograd node, operation or equation
    that made it, in the framework's own words, and ``number`` which one of its phase it is;
    ``operation`` what ran inside an autograd node. ``scope`` is a jaxpr's name stack, ``where`` the
    line of ours or of the user that asked for it, "" where nobody knows. ``fork`` marks a sum of
    cotangents that autograd makes by itself, because a value was used more than once; ``moves`` an
    operation that computes nothing, and only lays numbers out differently. ``leaf`` is the path of
    the parameter ("d0.W"), or of the input ("dx"), whose gradient it is by the framework's own
    bookkeeping, and not by its value; of an update, the parameter ("0.W") whose new value it is.
    ``text`` is the whole equation as the framework writes it, "" where it writes none.
    """

    phase: str
    name: str
    value: Array
    number: int = 0
    operation: str = ""
    scope: str = ""
    where: str = ""
    fork: bool = False
    moves: bool = False
    leaf: str = ""
    text: str = ""


@runtime_checkable
class Tracer(Protocol):
    """An adapter that can tell what it computes on the way, and differentiate in other modes."""

    name: str

    def trace(
        self, network: Layer, loss: Loss, params: Tree, x: Tree, target: Tree,
        unfused: bool = False,
    ) -> list[Event]:  # fmt: skip
        """Everything that one forward and backward pass computes, in the order it was computed.

        ``unfused``: convolutions, normalisations, attention ... in elementary operations, where
        the framework would run one kernel.
        """

    def trace_update(self, optimizer: Optimizer, params: Tree, grads: Tree) -> list[Event]:
        """Everything that the first update of the parameters computes."""

    def trace_jvp(
        self, network: Layer, loss: Loss, params: Tree, x: Tree, target: Tree, tangents: Computed,
        unfused: bool = False,
    ) -> list[Event]:  # fmt: skip
        """The same for forward mode, along tangents of params and of x (None for integers).

        The last event is the tangent of the loss, its leaf "dloss".
        """

    def hvp(
        self, network: Layer, loss: Loss, params: Tree, x: Tree, target: Tree, tangents: Tree
    ) -> Tree:
        """The Hessian of the loss in the parameters, times tangents of them."""


def line(file: str, number: int) -> str:
    """A place in a source file as people write it: the last two parts of the path, and the line."""
    parts: list[Any] = file.replace("\\", "/").split("/")
    return f"{'/'.join(parts[-2:])}:{number}"
