"""What a share that was counted says about the one behind it."""

from __future__ import annotations

import math

Z = 1.959963984540054  # two-sided, 95 %


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % confidence interval of a share, from 0 to 1; (0, 1) where nothing was counted.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference" (1927),
    equation 6. It keeps its promise near 0 and 1, and for few trials. Raises ValueError unless
    0 <= hits <= of.
    """
    if not 0 <= hits <= of:
        raise ValueError(f"{hits} of {of} is no share")
    if of == 0:
        return 0.0, 1.0
    p, z = hits / of, Z * Z / of
    middle, half = p + z / 2, Z * math.sqrt(p * (1 - p) / of + z / (4 * of))
    return max(0.0, (middle - half) / (1 + z)), min(1.0, (middle + half) / (1 + z))


def share(hits: int, of: int) -> str:
    """A share and its interval in per cent, as they are printed; "-" where nothing was counted."""
    if not of:
        return "-"
    low, high = wilson(hits, of)
    return f"{hits} of {of}, {100 * hits / of:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
