"""HIPS autograd: the first gradient of its README, before and after a repair."""

from typing import Any

import numpy as np

from ...adapters.protocols import Adapter
from ...reference.circuit import Circuit
from ...reference.protocols import Tree
from .example import Buggy, Example, Figure, Values, unstable, wrong
from .scalars import inputs, slopes

SOURCE = "Maclaurin, Duvenaud, Johnson and others, README of HIPS autograd"
URL = "https://github.com/HIPS/autograd"
AROUND = 1e-4  # the README's step to either side


def tanh(xp: Any, x: Any) -> Any:
    """The hyperbolic tangent, from one exponential."""
    y = xp.exp(-2.0 * x)
    return (1.0 - y) / (1.0 + y)


def tanh_by_hand(dy: Any, x: Any) -> Tree:
    """1 - tanh²."""
    return {"x": dy * (1 - np.tanh(x) ** 2)}


TANH = Circuit(tanh, tanh_by_hand, (("x", 1.0),))


def slope(adapter: Adapter) -> Values:
    """The slope by backpropagation, and by a difference of two values."""
    above, below = (
        slopes(adapter, TANH, {"x": np.array(x)})["y"] for x in (1 + AROUND, 1 - AROUND)
    )
    return {
        "tanh'(1)": slopes(adapter, TANH)["dx"],
        "tanh'(1) by differences": (above - below) / (2 * AROUND),
    }


def half_the_argument() -> Values:
    """e^-x where tanh has e^-2x."""

    def not_tanh(x: float) -> float:
        y = np.exp(-x)
        return float((1.0 - y) / (1.0 + y))

    return {"tanh'(1)": (1 - not_tanh(1.0) ** 2) / 2}  # it is tanh(x/2), whose slope has a 1/2


EXAMPLES = (
    Example(
        "hips-tanh", "tanh from its exponential, at 1", f"{SOURCE} (since 2018)", inputs(TANH),
        {"tanh'(1)": Figure("OK", "0.41997434161402603"),
         "tanh'(1) by differences": unstable("0.41997434264973155", digits=11)},
        slope, url=URL,
        note="The difference is off from the ninth digit on by truncation, and from the twelfth by "
        "rounding, divided by the step.",
    ),
    Example(
        "hips-half-tanh", "the same, as it stood before", f"{SOURCE} (before pull request 338)",
        inputs(TANH), {"tanh'(1)": wrong("0.39322386648296376", right="0.41997434161402603")},
        slope, url=URL,
        buggy=Buggy("It has e^-x in place of e^-2x, and so computes tanh(x/2).", half_the_argument),
        note="The number is the right slope of the function that was written, under a wrong name. "
        "A check of the gradient against the function as written cannot see that.",
    ),
)  # fmt: skip
