"""What a translation into JAX is registered with.

To add a layer or a loss, register one expression with ``apply`` or ``apply_loss`` in a file of
this folder; to add an optimizer, register its optax transformation and its state names with
``build``. Call the framework's own named operation (jax.nn, jax.lax, optax, flax); where it has
none, mark the expression with ``own_formula``.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import jax
import optax

from ..protocols import Unsupported


def _untranslated(spec: Any, register: str) -> Unsupported:
    return Unsupported(
        f"jax has no translation of {type(spec).__name__}: register it with {register} in "
        "adapters/jax_grad/, or from a file of your own"
    )


@singledispatch
def apply(layer: Any, p: Any, x: Any) -> Any:
    """The layer's output in JAX; p holds its parameters."""
    raise _untranslated(layer, "apply")


@singledispatch
def apply_loss(loss: Any, prediction: Any, target: Any) -> jax.Array:
    """The loss: 0-d, or an entry for each sample where it is not reduced."""
    raise _untranslated(loss, "apply_loss")


# The optax transformation, and the reference's state name to optax's.
Built = tuple[optax.GradientTransformation, dict[str, str]]


@singledispatch
def build(optimizer: Any) -> Built:
    """The optax transformation, and the names of its state."""
    raise _untranslated(optimizer, "build")


@singledispatch
def evaluate(function: Any, x: Any) -> Any:
    """A schedule's rates at the updates x, or what a transform makes of x."""
    raise _untranslated(function, "evaluate")


@singledispatch
def initializer(initialiser: Any, axes: int) -> Any:
    """The function of jax.nn.initializers for a weight of so many axes."""
    raise _untranslated(initialiser, "initializer")
