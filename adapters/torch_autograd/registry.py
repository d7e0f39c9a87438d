"""What a translation into PyTorch is registered with.

To add a layer or a loss, register one expression with ``apply`` or ``apply_loss`` in a file of
this folder; to add an optimizer, register its torch.optim class, arguments and state names with
``build``. Call torch's own named operation; where it has none, mark the expression with
``own_formula``. Weights come in the reference's layout and are turned inside the expression, so
that autograd returns gradients in the reference's layout too.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import torch

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


Built = tuple[torch.optim.Optimizer, dict[str, str]]  # and the reference's state name to torch's


@singledispatch
def build(optimizer: Any, weights: list[torch.Tensor]) -> Built:
    """The torch.optim optimizer over weights, and the names of its state."""
    raise _untranslated(optimizer, "build")


@singledispatch
def evaluate(function: Any, x: Any) -> Any:
    """A schedule's rates at the updates x, or what a transform makes of x."""
    raise _untranslated(function, "evaluate")


@singledispatch
def fill(initialiser: Any, w: torch.Tensor, rng: torch.Generator) -> Any:
    """Fill w, a weight in torch's layout (out, in, ...), in place."""
    raise _untranslated(initialiser, "fill")
