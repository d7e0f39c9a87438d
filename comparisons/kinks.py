"""Which branch did the candidate take where rounding alone decides?

An entry within rounding noise of a kink may legitimately take either side, and the whole gradient
then moves by far more than noise. For each ambiguous entry a one-flip gradient d_a is computed;
the flips b that best explain the candidate, (c - g)/noise ≈ Σ b_a d_a/noise, are rounded to 0 or
1, the gold value is computed anew with exactly those flips, and the candidate is judged against
that at full resolution. A bug is not a combination of flips, so it stays visible.
"""

from __future__ import annotations

import numpy as np

from ..reference.protocols import Array
from .tolerances import Expectations, Values

MOST = 24  # more ambiguous entries than this in one step are not a matter of single kinks


def resolve(expected: Expectations, candidate: dict[tuple[str, str], Array]) -> Values | None:
    """The gold values with the branches that the candidate took, or None where none fits."""
    if not 0 < len(expected.ambiguous) <= MOST:
        return None
    keys = [k for k in expected.leaves if k in candidate]

    def scaled(values: Values) -> Array:
        parts = [
            np.ravel((values[k] - expected.leaves[k].gold) / expected.leaves[k].noise) for k in keys
        ]
        return np.concatenate(parts).astype(np.float64)

    distance = scaled(candidate)
    directions = [scaled(expected.flipped(frozenset([a]))) for a in expected.ambiguous]
    basis = np.stack(directions, axis=1)
    size = np.linalg.norm(basis, axis=0)
    size[size == 0] = 1
    b = np.linalg.lstsq(basis / size, distance, rcond=None)[0] / size
    flips = frozenset(a for a, share in zip(expected.ambiguous, b, strict=True) if share > 0.5)
    return expected.flipped(flips) if flips else None
