"""How a loss's entries become one number, and how its cotangent spreads over them again."""

from __future__ import annotations

from typing import Any

import numpy as np

from .protocols import Scalar

REDUCTIONS = ("none", "mean", "sum")


def check_reduction(spec: Any, *more: str) -> None:
    """ValueError where the spec's reduction is none of the three, nor one of ``more``."""
    allowed = (*REDUCTIONS, *more)
    if spec.reduction not in allowed:
        raise ValueError(f"reduction {spec.reduction!r} is not known: use {', '.join(allowed)}")


def check_range(spec: Any, field: str, low: float, high: float = float("inf")) -> None:
    """ValueError where the spec's field is outside [low, high]."""
    value = getattr(spec, field)
    if not low <= value <= high:
        raise ValueError(f"{type(spec).__name__} takes {field} in [{low}, {high}], got {value}")


def reduced(entries: Any, reduction: str, count: float = 0) -> Any:
    """The entries as they are, their sum, or their sum over count (by default their number)."""
    if reduction == "none":
        return entries
    total = entries.sum()
    return total / (count or entries.size) if reduction == "mean" else total


def upstream(
    dloss: Scalar, reduction: str, count: float, shape: tuple[int, ...] | None = None
) -> Any:
    """∂L/∂(an entry): dloss, over count for a mean; an array is given ``shape`` to broadcast."""
    each = dloss / count if reduction == "mean" else dloss
    return np.reshape(each, shape) if shape is not None and np.ndim(each) else each
