"""What a translation into JAX is registered with.

To add a layer or a loss, register one expression with ``apply`` or ``apply_loss`` in a file of
this folder; to add an optimizer, register its optax transformation and its state names with
``build``. Call the framework's own named operation (jax.nn, jax.lax, optax, flax); where it has
none, mark the expression with ``own_formula``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import optax

from ...reference.protocols import Tree
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


class Places(Protocol):
    """Where the reference's state stands in optax's."""

    def read(self, opt_state: Any) -> Tree:
        """optax's state in the reference's form."""

    def write(self, opt_state: Any, state: Tree, t: int) -> Any:
        """The state in which optax starts step t: the reference's arrays, a count of t - 1."""


# The optax transformation, and the reference's state name to optax's; or, for a rule that is for
# the whole network, what makes its Places from the parameters.
Built = tuple[optax.GradientTransformation, dict[str, str] | Callable[[Tree], Places]]


@singledispatch
def build(optimizer: Any) -> Built:
    """The optax transformation, and the names of its state."""
    raise _untranslated(optimizer, "build")


@singledispatch
def rate(schedule: Any) -> optax.Schedule:
    """The optax schedule: from the number of updates done to the rate of the next one."""
    raise _untranslated(schedule, "rate")


def rates(schedule: optax.Schedule, t: jax.Array) -> jax.Array:
    """The rates of the updates t, in the default float type."""
    return jnp.asarray(jax.jit(jax.vmap(schedule))(t - 1), jnp.result_type(float))


@singledispatch
def evaluate(function: Any, x: Any) -> Any:
    """What a transform makes of x; of a schedule, the rates of the updates x."""
    return rates(rate(function), x)


@singledispatch
def initializer(initialiser: Any, axes: int) -> Any:
    """The function of jax.nn.initializers for a weight of so many axes."""
    raise _untranslated(initialiser, "initializer")
