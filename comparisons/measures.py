"""How far two arrays are apart: normwise, componentwise, in ULP, and in units of honest noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..reference.protocols import Array


@dataclass(frozen=True)
class Expected:
    """What a leaf should be: its gold value, and one unit of honest noise for every entry.

    ``noise`` is one standard deviation of the rounding of a correct implementation in ``dtype``;
    ``linearity`` is the ratio of noise measured at full amplitude and at an eighth of it.
    """

    gold: Array
    noise: Array
    dtype: np.dtype[Any]
    linearity: float = 1.0

    @cached_property
    def size(self) -> Array:
        """|g|, in float64."""
        return np.abs(self.gold).astype(np.float64)

    @cached_property
    def norm(self) -> float:
        """‖g‖₂."""
        return norm(self.size)

    @cached_property
    def n_nonzero(self) -> int:
        """How many entries of g are not zero."""
        return int(np.count_nonzero(self.gold))

    @cached_property
    def finite(self) -> bool:
        """Whether there is a value and a noise to compare with: numbers that dtype can hold."""
        largest = np.finfo(self.dtype).max  # NaN is not below it
        return bool(np.all(self.size <= largest) and np.all(self.noise <= largest))

    @cached_property
    def spacing(self) -> Array:
        """One unit in the last place of g in dtype; below the normal numbers, of a denormal."""
        info = np.finfo(self.dtype)
        _, exponent = np.frexp(self.size)
        lowest = info.minexp - info.nmant
        exponent = np.where(self.size == 0, lowest, np.maximum(exponent - 1 - info.nmant, lowest))
        return np.asarray(np.ldexp(1.0, exponent))

    def is_zero(self, allowed: float) -> bool:
        """Whether no entry of g can be told from zero."""
        return not np.any(self.size > allowed * self.noise)

    def resolution(self, allowed: float) -> float:
        """The smallest error, relative to the largest entry, that would still be a mismatch."""
        return allowed * self._median_noise / self._top if self._top else 0.0

    @cached_property
    def _top(self) -> float:
        return float(np.max(self.size, initial=0.0))

    @cached_property
    def _median_noise(self) -> float:
        middle = self.noise.size // 2
        return float(np.partition(self.noise, middle, axis=None)[middle])


@dataclass(frozen=True)
class Measures:
    """The distance of a candidate c from the gold value g.

    ``normwise_error`` ‖c - g‖₂/‖g‖₂; ``componentwise_error`` max |c - g|/|g|, inf where c ≠ 0 = g;
    ``max_ulp`` the largest |c - g| in units in the last place of g in the candidate's dtype;
    ``noise_ratio`` max |c - g|/noise; ``worst_index`` where that is, and the ``error`` there.
    """

    normwise_error: float
    componentwise_error: float
    max_ulp: float
    noise_ratio: float
    worst_index: tuple[int, ...]
    error: float


def measure(candidate: Array, expected: Expected) -> Measures:
    """All of them; candidate and gold are finite and of one shape, not empty."""
    difference = np.abs(candidate - expected.gold).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = _over(difference, expected.noise)
        component = _over(difference, expected.size)
        ulps = difference / expected.spacing
    worst = int(ratio.argmax())
    return Measures(
        normwise_error=relative(norm(difference), expected.norm),
        componentwise_error=float(component.max()),
        max_ulp=float(ulps.max()),
        noise_ratio=float(ratio.flat[worst]),
        worst_index=tuple(int(i) for i in np.unravel_index(worst, ratio.shape)),
        error=float(difference.flat[worst]),
    )


def _over(difference: Array, size: Array) -> Array:
    """The ratio; 0 where there is no difference, inf where only the size is zero."""
    ratio: Array = np.divide(difference, size, out=np.zeros_like(difference), where=difference != 0)
    return ratio


def norm(x: Array) -> float:
    """‖x‖₂, scaled so that no square overflows or underflows."""
    top = float(np.abs(x).max(initial=0.0))
    flat = x.ravel() / (top or 1.0)
    return top * math.sqrt(flat @ flat)


def relative(error: float, size: float) -> float:
    """error/size; 0 where both are zero, inf where only size is."""
    return error / size if size else (float("inf") if error else 0.0)
