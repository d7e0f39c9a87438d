"""Which branch did the candidate take where rounding alone decides?

An entry within rounding noise of a kink may legitimately take either side, and the whole gradient
then moves by far more than noise. For each ambiguous entry a one-flip gradient d_a is computed;
the flips b that best explain the candidate, (c - g)/noise ≈ Σ b_a d_a/noise, are rounded to 0 or
1, the gold value is computed anew with exactly those flips, and the candidate is judged against
that at full resolution. A bug is not a combination of flips, so it stays visible.

With more ambiguous entries than the gradient has independent directions (equal inputs make equal
pre-activations, dozens at a time) no b can be told from another: the case is then undecidable.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..reference.protocols import Array
from .tolerances import Expectations, Values

MOST = 24  # flips that are tried, one run of the reference each


class Resolution(NamedTuple):
    """The gold values with the branches that the candidate took, or None where none is likely.

    ``decidable`` is False where too many entries are ambiguous to tell.
    """

    gold: Values | None
    decidable: bool


def resolve(expected: Expectations, candidate: dict[tuple[str, str], Array]) -> Resolution:
    """Which of the ambiguous branches the candidate took, by least squares."""
    n = len(expected.ambiguous)
    if not 0 < n <= MOST:
        return Resolution(None, decidable=n == 0)
    keys = [k for k in expected.leaves if k in candidate]

    def scaled(values: Values) -> Array:
        parts = [
            np.ravel((values[k] - expected.leaves[k].gold) / expected.leaves[k].noise) for k in keys
        ]
        return np.concatenate(parts).astype(np.float64)

    distance = scaled(candidate)
    basis = np.stack([scaled(expected.flipped(frozenset([a]))) for a in expected.ambiguous], axis=1)
    size = np.linalg.norm(basis, axis=0)
    matters = size > 0
    unit = basis[:, matters] / size[matters]
    solution, _, rank, _ = np.linalg.lstsq(unit, distance, rcond=None)
    shares = np.zeros(n)
    shares[matters] = solution / size[matters]
    flips = frozenset(a for a, b in zip(expected.ambiguous, shares, strict=True) if b > 0.5)
    gold = expected.flipped(flips) if flips else None
    return Resolution(gold, decidable=bool(rank == np.count_nonzero(matters)))
