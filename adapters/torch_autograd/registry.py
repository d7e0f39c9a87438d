"""What a translation into PyTorch is registered with.

To add a layer or a loss, register one expression with ``apply`` or ``apply_loss`` in a file of
this folder; to add an optimizer, register its torch.optim class, arguments and state names with
``build``. Call torch's own named operation; where it has none, mark the expression with
``own_formula``. Weights come in the reference's layout and are turned inside the expression, so
that autograd returns gradients in the reference's layout too.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any, Protocol

import torch

from ...reference.protocols import Tree
from ..protocols import Unsupported


def _untranslated(spec: Any, register: str) -> Unsupported:
    return Unsupported(
        f"torch has no translation of {type(spec).__name__}: register it with {register} in "
        "adapters/torch_autograd/, or from a file of your own"
    )


@singledispatch
def apply(layer: Any, p: Any, x: Any) -> Any:
    """The layer's output in torch; p holds its parameters as tensors."""
    raise _untranslated(layer, "apply")


@singledispatch
def apply_loss(loss: Any, prediction: Any, target: Any) -> torch.Tensor:
    """The loss: 0-d, or an entry for each sample where it is not reduced."""
    raise _untranslated(loss, "apply_loss")


class Stepping(Protocol):
    """What is needed of a torch.optim optimizer."""

    state: Any

    def step(self) -> Any:
        """Update the weights from their gradients."""


class State(Protocol):
    """An optimizer's state, read and written in the reference's form."""

    def read(self) -> Tree:
        """The state after a step."""

    def write(self, state: Tree, t: int) -> None:
        """Begin step t from this state."""


# The optimizer, and the reference's state name to torch's; a rule for the whole network says
# itself how its state is read and written.
Built = tuple[Stepping, dict[str, str] | State]


@singledispatch
def build(optimizer: Any, weights: list[torch.Tensor]) -> Built:
    """The torch.optim optimizer over weights, and the names of its state."""
    raise _untranslated(optimizer, "build")


@singledispatch
def scheduler(schedule: Any, optimizer: torch.optim.Optimizer) -> Any:
    """The scheduler that gives optimizer the rates of a schedule, from the first update on."""
    raise _untranslated(schedule, "scheduler")


@singledispatch
def evaluate(transform: Any, x: Any) -> Any:
    """What a transform makes of x."""
    raise _untranslated(transform, "evaluate")


@singledispatch
def fill(initialiser: Any, w: torch.Tensor, rng: torch.Generator) -> Any:
    """Fill w, a weight in torch's layout (out, in, ...), in place."""
    raise _untranslated(initialiser, "fill")
