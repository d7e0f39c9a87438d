"""How far honest runs of the reference go, where noise does not tell.

Noise tells what a small rounding does. An optimizer that divides a gradient by its own size, takes
its sign, or asks whether its norm is zero, makes a whole step out of the smallest rounding, if
rounding is all that the gradient is. So the reference itself is run with roundings of true size,
others K times as large and others a Kth, on whatever branches these lead to. A result may go as far
as the farthest of all runs, times ``SPAN``, because it is the farthest of so few. A rounding that
is divided by a rounding may be anything, so steps out of nothing are all taken together.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from ..reference.protocols import Array
from .formats import format_of
from .measures import Expected
from .noise import Honest
from .noisy import Noisy

STRENGTHS = (-1.0, 0.0, 0.5, 1.0)  # powers of K: how large the roundings are
RUNS = 4  # of each
SPAN = 3.0


class HonestRuns:
    """So many honest runs of a computation, made when they are first asked for."""

    def __init__(self, compute: Callable[[Any], dict[Any, Any]], dtype: Any, seed: int) -> None:
        self._compute, self._form, self._seed = compute, format_of(dtype), seed

    @cached_property
    def _ends(self) -> tuple[dict[Any, Array], dict[Any, Array]]:
        """The smallest and the largest value of every entry."""
        low: dict[Any, Array] = {}
        high: dict[Any, Array] = {}
        for i, power in enumerate(STRENGTHS * RUNS):
            strength = self._form.allowed**power
            with np.errstate(all="ignore"):
                run = self._compute(Honest(self._form.dtype, self._seed + i, strength))
            for key, value in run.items():
                got = value.base if isinstance(value, Noisy) else np.asarray(value)
                low[key] = np.fmin(low.get(key, got), got)
                high[key] = np.fmax(high.get(key, got), got)
        return low, high

    def reach(self, key: Any, gold: Array) -> Array:
        """How far the farthest run is from the gold value, in every entry."""
        low, high = (ends[key] for ends in self._ends)
        far = np.maximum(np.abs(low - gold), np.abs(high - gold))
        return np.asarray(far, np.float64)

    def noise(self, key: Any, e: Expected, free: Array | None = None) -> Array:
        """One unit of noise of entries that may go so far: of which K are allowed.

        Those that are ``free`` are all alike: each may go as far as the farthest of them.
        """
        far = self.reach(key, e.gold)
        if free is not None and free.any():
            far = np.where(free, far[free].max(), far)
        return np.asarray(SPAN / self._form.allowed * far + self._form.u * e.size)
