"""How far two arrays are apart: normwise, componentwise, in ULP, and in units of honest noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..adapters.half_precision import finfo
from ..reference.protocols import Array
from .formats import format_of

EXPONENT = np.int64(0x7FF0000000000000)  # the bits of a float64 that say its power of two


@dataclass(frozen=True)
class Expected:
    """What a leaf should be: its gold value, and one unit of honest noise for every entry.

    ``noise`` is one standard deviation of the rounding of a correct implementation in ``dtype``;
    ``linearity`` the ratio of noise measured at full amplitude and at an eighth of it; ``own``
    what the rounding of the gold value itself takes from K; ``zero`` up to how many units of noise
    a gold value may be nothing but its own rounding; ``reach``, where noise falls behind its
    amplitude, how far roundings K times as large drive each entry; ``saturated``, where only some
    entries are like that, which.
    """

    gold: Array
    noise: Array
    dtype: np.dtype[Any]
    linearity: float = 1.0
    own: float = 0.0
    zero: float = 0.0
    reach: Array | None = None
    saturated: Array | None = None

    @cached_property
    def size(self) -> Array:
        """|g|, in float64."""
        return np.abs(self.gold).astype(np.float64, copy=False)

    @cached_property
    def norm(self) -> float:
        """‖g‖₂."""
        return norm(self.size)

    @cached_property
    def n_nonzero(self) -> int:
        """How many entries of g are not zero."""
        return int(np.count_nonzero(self.gold))

    @cached_property
    def n_distinct(self) -> int:
        """How many different numbers g holds."""
        return int(np.unique(self.gold.astype(np.float64, copy=False)).size)

    @cached_property
    def finite(self) -> bool:
        """Whether there is a value and a noise to compare with: numbers that dtype can hold."""
        largest = format_of(self.dtype).largest  # NaN is not below it
        return bool(self.top <= largest and np.max(self.noise, initial=0.0) <= largest)

    @cached_property
    def spacing(self) -> Array:
        """One unit in the last place of g in dtype; below the normal numbers, of a denormal."""
        info = finfo(self.dtype)
        power = (self.size.view(np.int64) & EXPONENT).view(np.float64)  # 2^k <= |g|
        return np.maximum(power * float(info.eps), float(info.smallest_subnormal))

    @cached_property
    def top(self) -> float:
        """max |g|."""
        return float(np.max(self.size, initial=0.0))

    @cached_property
    def is_zero(self) -> bool:
        """Whether all entries are ``zeros``."""
        return bool(self.zeros.all())

    @property
    def zeros(self) -> Array:
        """Which entries of g are no more than the rounding of the precision g is computed in.

        The square of a zero is one too, though its noise falls faster than the amplitude.
        """
        return np.asarray(~(self.size * max(self.linearity, 1.0) > self.zero * self.noise))

    def is_swamped(self, allowed: float) -> bool:
        """Whether an error as large as g itself would be no mismatch, in no entry."""
        return not np.any(self.size > allowed * self.noise)

    def resolution(self, allowed: float) -> float:
        """The error, relative to the largest entry, that is a mismatch in whichever entry it is.

        Of a saturated entry it may be larger.
        """
        rest = self.noise
        if self.saturated is not None and not self.saturated.all():
            rest = rest[~self.saturated]
        least = (allowed + self.own) * float(np.max(rest, initial=0.0))
        return least / self.top if self.top else 0.0

    @property
    def n_unresolved(self) -> int:
        """How many entries are saturated."""
        return 0 if self.saturated is None else int(np.count_nonzero(self.saturated))


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
    difference = np.abs(candidate - expected.gold).astype(np.float64, copy=False)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        ratio = difference / expected.noise
        component = difference / expected.size
        ulps = difference / expected.spacing
    worst = int(ratio.argmax())  # the first NaN, of no difference in units of no noise, if any
    if np.isnan(ratio.flat[worst]):
        ratio = np.where(difference == 0, 0.0, ratio)
        worst = int(ratio.argmax())
    return Measures(
        normwise_error=relative(norm(difference), expected.norm),
        componentwise_error=float(np.fmax.reduce(component, axis=None, initial=0.0)),  # 0/0 is 0
        max_ulp=float(ulps.max()),
        noise_ratio=float(ratio.flat[worst]),
        worst_index=tuple(int(i) for i in np.unravel_index(worst, ratio.shape)),
        error=float(difference.flat[worst]),
    )


def norm(x: Array) -> float:
    """‖x‖₂, scaled so that no square overflows or underflows."""
    flat = x.ravel()
    with np.errstate(over="ignore", under="ignore"):
        square = float(flat @ flat)
    if 1e-280 < square < 1e280:
        return math.sqrt(square)
    top = float(np.abs(flat).max(initial=0.0))
    flat = flat / (top or 1.0)
    return top * math.sqrt(flat @ flat)


def relative(error: float, size: float) -> float:
    """error/size; 0 where both are zero, inf where only size is."""
    return error / size if size else (float("inf") if error else 0.0)
