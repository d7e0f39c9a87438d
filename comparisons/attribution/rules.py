"""Rules in words: "IF x2 decreases 5 % THEN y2 decreases 0.00725 %".

A rule is the elasticity of one output by one input, read out: exact for a step towards nothing,
and off by the curvature for any other. So each is printed with what the network itself gives at
the changed input, and with the largest step of the same sign for which both agree within AGREE.

Source of the form: Han, Kamber, Pei, "Data mining: concepts and techniques", section 9.2.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...adapters.protocols import Adapter
from ...reference.protocols import Array
from .impact import jacobian
from .subject import REFERENCE, Subject, prediction

STEP = -0.05  # of the input
AGREE = 0.1  # of the exact change
FINE = 40  # steps that are tried on the way to the whole, before the last is narrowed down


@dataclass(frozen=True)
class Rule:
    """If input i changes by ``step``, output k changes by ``first_order``, really by ``exact``.

    All three are parts of the number itself, -0.05 for 5 % less; of an input or output that is
    0, they are plain differences (``of_x``, ``of_y`` False). ``agree_to`` is the largest step, up
    to 1, with first order within 10 % of the truth for every smaller one too; 0 if there is none.
    """

    i: int
    k: int
    step: float
    first_order: float
    exact: float
    agree_to: float
    of_x: bool = True
    of_y: bool = True

    def sentence(self, x: str = "", y: str = "") -> str:
        """The rule in words, with the names of the input and of the output."""
        given = f"IF {x or f'x{self.i + 1}'} {_changes(self.step, self.of_x)}"
        return f"{given} THEN {y or f'y{self.k + 1}'} {_changes(self.first_order, self.of_y)}"

    def really(self) -> str:
        """What the network gives at the changed input."""
        return _changes(self.exact, self.of_y)


def _changes(part: float, relative: bool) -> str:
    if part == 0:
        return "does not change"
    size = f"{abs(100 * part):.3g} %" if relative else f"by {abs(part):.3g}"
    return f"{'decreases' if part < 0 else 'increases'} {size}"


def change(adapter: Adapter, made: Subject, i: int, k: int, step: float) -> tuple[Array, Array]:
    """The change of output k for a step of input i: to first order, and exactly."""
    y = prediction(adapter, made)
    delta = step * _unit(made, i)
    (row,) = jacobian(adapter, made, [k])
    first = row[np.unravel_index(i, made.x.shape)] * delta
    index = np.unravel_index(k, y.shape)
    return first, prediction(adapter, made.at(_moved(made.x, i, delta)))[index] - y[index]


def _unit(made: Subject, i: int) -> float:
    """What a step is a part of: the input's size, or 1 where it is 0."""
    at = np.unravel_index(i, made.x.shape)
    return float(abs(made.x[at])) or 1.0


def _moved(x: Array, i: int, delta: float) -> Array:
    changed = x.copy()
    at = np.unravel_index(i, x.shape)
    changed[at] = changed[at] + delta
    return changed


def rule(made: Subject, i: int, k: int, step: float = STEP) -> Rule:
    """The rule of input i and output k, entries counted through all of x and of the prediction.

    Raises ValueError for a step of 0, or one that is not finite.
    """
    if not (np.isfinite(step) and step):
        raise ValueError(f"a rule needs a step that is a number other than 0, not {step}")
    y = prediction(REFERENCE, made)
    size = abs(float(y[np.unravel_index(k, y.shape)]))
    first, exact = (float(part) / (size or 1.0) for part in change(REFERENCE, made, i, k, step))
    of_x = bool(made.x[np.unravel_index(i, made.x.shape)] != 0)
    return Rule(i, k, step, first, exact, _agree_to(made, i, k, step), of_x, size != 0)


def _agree_to(made: Subject, i: int, k: int, step: float) -> float:
    """The largest part of the input for which the rule holds within AGREE, with step's sign."""
    sign = 1.0 if step > 0 else -1.0

    def good(size: float) -> bool:
        first, exact = map(float, change(REFERENCE, made, i, k, sign * size))
        return abs(first - exact) <= AGREE * abs(exact)

    held = 0.0
    for size in np.geomspace(1e-4, 1.0, FINE):
        if not good(float(size)):
            break
        held = float(size)
    else:
        return 1.0
    low, high = held, float(size)
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if good(middle) else (low, middle)
    return low
