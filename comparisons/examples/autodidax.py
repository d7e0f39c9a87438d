"""Autodidax, JAX's own tutorial that builds a small JAX from nothing."""

from typing import Any

import numpy as np

from ...reference.circuit import Circuit
from ...reference.protocols import Tree
from .example import Example, right_as_printed
from .scalars import inputs, slopes


def curve(xp: Any, x: Any) -> Any:
    """x - 2 sin x."""
    return -2 * xp.sin(x) + x


def curve_by_hand(dy: Any, x: Any) -> Tree:
    """The slope is 1 - 2 cos x."""
    return {"x": dy * (1 - 2 * np.cos(x))}


CURVE = Circuit(curve, curve_by_hand, (("x", 3.0),))
EXAMPLES = (
    Example(
        "autodidax", "f = -2 sin x + x", "The JAX authors, Autodidax: JAX core from scratch (2021)",
        inputs(CURVE), right_as_printed({"f": "2.7177599838802657", "dx": "2.979984993200891"}),
        lambda adapter: slopes(adapter, CURVE, value="f"),
        url="https://docs.jax.dev/en/latest/autodidax.html",
        note="In float64. The tutorial finds the slope forward (JVP); here it is found backward.",
    ),
)  # fmt: skip
