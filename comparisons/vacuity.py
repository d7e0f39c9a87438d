"""A comparison that cannot show a mistake is an error, and says why.

What shows nothing: no gradient at all; a true gradient that is zero everywhere (one zero leaf among
others is fine, and has a verdict of its own); weights and state that never move; and a cotangent
whose entries are all the same, under which a softmax with a backward of zero passes. A loss of one
number has one number for a cotangent, which is fine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..reference.floats import is_float
from ..reference.protocols import Tree
from ..reference.tree import leaves
from .measures import Expected
from .records import Comparison
from .rows import Context
from .tolerances import placed

GRADIENTS = ("dx", "dparams", "gradient")
CONSTANT = ("the cotangent is the same number everywhere, which hides whole classes of mistakes: "
            "give a random dy, or none")  # fmt: skip
NO_GRADIENT = "no gradient was compared: neither input nor parameters are floats"
ZERO_GRADIENT = "the true gradient is zero everywhere, so no mistake in a backward could show"
ZERO_VALUES = "the true values are zero everywhere, so no mistake could show"
STILL = "the true weights and state never move, so no mistake in an update could show"


def of_cotangent(dy: Tree) -> str:
    """Why a cotangent shows too little, or ""."""
    parts = [np.ravel(part) for _, part in leaves(dy) if is_float(part)]
    numbers = np.concatenate(parts) if parts else np.zeros(1)
    return CONSTANT if numbers.size > 1 and np.all(numbers == numbers[0]) else ""


def of_gradients(expected: dict[Any, Expected]) -> str:
    """Why these expectations cannot show a wrong gradient, or ""."""
    gradients = [e for key, e in expected.items() if key[0] in GRADIENTS]
    if not gradients:
        return NO_GRADIENT
    return ZERO_GRADIENT if _all_zero(gradients) else ""


def of_values(expected: dict[Any, Expected]) -> str:
    """Why these expectations cannot show a wrong value, or ""."""
    return ZERO_VALUES if _all_zero(list(expected.values())) else ""


def of_updates(expected: dict[Any, Expected], params: Tree) -> str:
    """Why these expectations cannot show a wrong update, or ""."""
    first = dict(leaves(params))
    for key, e in expected.items():
        quantity, leaf, _ = placed(key)
        before = first[leaf] if quantity == "weights" else 0
        if not np.array_equal(e.gold, np.broadcast_to(before, e.gold.shape)):
            return ""
    return STILL


def _all_zero(some: Sequence[Expected]) -> bool:
    return all(e.finite and e.is_zero for e in some)


def error_rows(
    context: Callable[[str], Context], reason: str, rows: Iterable[Comparison]
) -> list[Comparison]:
    """The row that says so, for every candidate that was compared; none without a reason."""
    compared = dict.fromkeys(row.candidate for row in rows if row.n_compared) if reason else {}
    return [context(name).row(finding="vacuous", reason=reason) for name in compared]
