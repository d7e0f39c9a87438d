"""How far two arrays are apart: normwise, componentwise, in ULP, and in units of honest noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..reference.protocols import Array


@dataclass(frozen=True)
class Measures:
    """The distance of a candidate from the gold value.

    ``normwise_error`` ‖c - g‖₂/‖g‖₂; ``componentwise_error`` max |c - g|/|g| over g ≠ 0;
    ``max_ulp`` the largest |c - g| in units in the last place of g in the candidate's dtype;
    ``noise_ratio`` max |c - g|/noise, where noise is one standard deviation of honest rounding;
    ``worst_index`` where that is, with the ``error`` and the ``noise`` there.
    """

    normwise_error: float
    componentwise_error: float
    max_ulp: float
    noise_ratio: float
    worst_index: tuple[int, ...]
    error: float
    noise: float


def normwise_error(candidate: Array, gold: Array) -> float:
    """‖c - g‖₂/‖g‖₂; 0 where both are zero, inf where only g is."""
    return _ratio(_norm(candidate - gold), _norm(gold))


def componentwise_error(candidate: Array, gold: Array) -> float:
    """max |c - g|/|g| over the entries where g ≠ 0, and inf where c ≠ 0 = g."""
    difference, size = np.abs(candidate - gold), np.abs(gold)
    ratio = np.divide(difference, size, out=np.zeros_like(difference), where=size > 0)
    lost = bool(np.any((size == 0) & (difference > 0)))
    return float("inf") if lost else float(np.max(ratio, initial=0.0))


def ulp_error(candidate: Array, gold: Array, dtype: Any) -> float:
    """max |c - g| in units of the spacing of dtype's numbers at g."""
    return _ulp(np.abs(candidate - gold), gold, dtype)


def measure(candidate: Array, gold: Array, noise: Array, dtype: Any) -> Measures:
    """All of them; candidate, gold and noise are finite and of one shape, not empty."""
    difference = np.abs(candidate - gold)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(difference == 0, 0, difference / noise)
    worst = int(np.argmax(ratio))
    return Measures(
        normwise_error=normwise_error(candidate, gold),
        componentwise_error=componentwise_error(candidate, gold),
        max_ulp=_ulp(difference, gold, dtype),
        noise_ratio=float(ratio.flat[worst]),
        worst_index=tuple(int(i) for i in np.unravel_index(worst, ratio.shape)),
        error=float(difference.flat[worst]),
        noise=float(noise.flat[worst]),
    )


def _ulp(difference: Array, gold: Array, dtype: Any) -> float:
    info = np.finfo(dtype)
    _, exponent = np.frexp(gold)
    lowest = info.minexp - info.nmant  # the spacing of the denormals
    spacing = np.ldexp(gold.dtype.type(1), np.maximum(exponent - 1 - info.nmant, lowest))
    return float(np.max(difference / spacing, initial=0.0))


def _norm(x: Array) -> float:
    top = float(np.abs(x).max(initial=0.0))
    return top and top * float(np.sqrt(np.sum(np.square(x / top))))


def _ratio(a: float, b: float) -> float:
    return a / b if b else (float("inf") if a else 0.0)
