"""Chapter 7, checking: the slope by taking a small step."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....reference.draws import normal, with_exact
from ....reference.protocols import Array, Draw
from ..exercise import Case, Exercise, Formula


def _central(f: Any, x: Any, h: float) -> Any:
    steps = h * np.eye(x.size).reshape(-1, *x.shape)
    return np.stack([(f(x + e) - f(x - e)) / (2 * h) for e in steps]).reshape(x.shape)


def _one_sided(f: Any, x: Any, h: float) -> Any:
    steps = h * np.eye(x.size).reshape(-1, *x.shape)
    return np.stack([(f(x + e) - f(x)) / h for e in steps]).reshape(x.shape)


def _backward(f: Any, x: Any, h: float) -> Any:
    return _one_sided(f, x, -h)


def _all_at_once(f: Any, x: Any, h: float) -> Any:
    return (f(x + h) - f(x - h)) / (2 * h) + 0 * x


def of_cubes(x: Any) -> Any:
    """As in the file."""
    return (x * x * x + x).sum()


def of_neighbours(x: Any) -> Any:
    """A function whose gradient depends on other entries, too."""
    flat = x.reshape(-1)
    return (flat[1:] * flat[:-1]).sum() + np.exp(flat).sum()


def _case(when: str, f: Any, draw: Draw, h: float = 0.125) -> Case:
    mistakes = {
        "a difference to one side, (f(x + h) - f(x)) / h: its error is of the order of h, and "
        "that of the central difference of h²": _one_sided,
        "a difference to the left side, (f(x) - f(x - h)) / h: its error is of the order of h, "
        "and that of the central difference of h²": _backward,
        "all entries of x are moved at once: that is the slope in one direction, and not the "
        "gradient": _all_at_once,
    }
    return Case(when, Formula(_central, {"f": f, "h": h}, mistakes), lambda rng: {"x": draw(rng)})


def _small(rng: np.random.Generator) -> Array:
    return rng.standard_normal(2)


EXERCISES = [
    Exercise(
        name="finite-differences",
        chapter=7,
        title="a gradient without derivation",
        text="""
    g_i = (f(x + h e_i) - f(x - h e_i)) / (2 h)          x, g: any shape     h: one number

f takes an array and gives one number; e_i is 1 at entry i and 0 elsewhere. This is the *central*
difference: one entry moves at a time, to both sides. It checks any backward pass.
(In the example and in the check h is large, so that a wrong formula shows.)
""",
        function="finite_differences(f, x, h) -> g",
        code='''
def finite_differences(f, x, h):
    """The gradient of f at x by central differences.    x, g: any shape   h: one number"""
    g = np.zeros_like(x)
    for i in np.ndindex(x.shape):  # every entry's index, such as (0, 2)
        # x with entry i moved, to one side and to the other: in copies of x, not in x itself.
        raise NotImplementedError("g[i]")
    return g


def of_cubes(x):
    """Σ x³ + x, whose gradient is 3 x² + 1 (and h² more by central differences)."""
    return (x**3 + x).sum()
''',
        worked=_case("two numbers", of_cubes, _small),
        cases=(
            _case("a vector", of_cubes, normal(4)),
            _case("a matrix", of_neighbours, normal(3, 2)),
            _case("entries that are exactly 0", of_cubes, with_exact(2, 3)),
        ),
        hints=(
            "Move a single entry, call f, move it to the other side, call f again.",
            "The two points are 2 h apart.",
            "p = x.copy() and p[i] += h moves entry i to one side, without touching x.",
        ),
    ),
]
