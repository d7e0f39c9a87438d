"""Structural zeros in training: what an optimizer makes of a gradient that is only rounding.

A bias before batch normalisation has no gradient, and neither has the bias of an attention's keys:
every computed number is a rounding. SGD hardly moves by it; Adam and its kin divide it by its own
size, and step by up to their rate, in whatever direction the rounding had. No such step is wrong,
and none shows anything. So where the gold value of a gradient is zero to rounding, the weights and
the state of its leaf are expected to go no farther than roundings K times as large drive them: the
``reach`` of ``tolerances``, ``SPAN`` times, because that is the farthest of 16 runs. Where noise is
linear, that is K times the noise.
"""

from __future__ import annotations

import dataclasses

from .formats import format_of
from .measures import Expected
from .tolerances import Key

SPAN = 3.0


def at_rest(leaves: dict[Key, Expected], allowed: float) -> dict[Key, Expected]:
    """What follows from a gradient of zero: weights and state, with what they may be off by."""
    zeros = [key[1] for key, e in leaves.items() if key[0] == "gradient" and e.is_zero]
    resting = {}
    for key, e in leaves.items():
        of_zero = any(key[1] == leaf or key[1].startswith(f"{leaf}.") for leaf in zeros)
        if key[0] not in ("weights", "state") or not of_zero:
            continue
        if e.reach is not None:
            wide = SPAN / allowed * e.reach + format_of(e.dtype).u * e.size
            resting[key] = dataclasses.replace(e, noise=wide, linearity=1.0)
        elif e.is_zero or e.is_swamped(allowed):
            resting[key] = e
    return resting
