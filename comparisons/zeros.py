"""Structural zeros in training: what an optimizer makes of a gradient that is only rounding.

A bias before batch normalisation has no gradient, and neither has the bias of an attention's keys:
every computed number is a rounding. SGD hardly moves by it; Adam and its kin divide it by its own
size, and step by up to their rate, in whatever direction the rounding had. No such step is wrong,
and none shows anything. So where the gold value of a gradient is zero to rounding, the weights and
the state of its leaf, or of that entry of it, are expected to go no farther than honest runs do.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import numpy as np

from .honest import HonestRuns
from .measures import Expected
from .tolerances import Key

FAR = 16.0  # times the noise

Leaves = dict[Key, Expected]


def at_rest(leaves: Leaves, runs: HonestRuns | None, allowed: float) -> Leaves:
    """What follows from a whole gradient of zero: weights and state, and what they may be off by.

    Where noise is linear it is noise that says so, and honest runs where it is not.
    """
    zeros = {key[1] for key, e in leaves.items() if key[0] == "gradient" and e.is_zero}
    resting = {}
    for key, e in leaves.items():
        if key[0] not in ("weights", "state") or not _within(key, zeros):
            continue
        if e.reach is not None and runs:
            noise = runs.noise(key, e, np.ones(e.gold.shape, bool))
            resting[key] = dataclasses.replace(e, noise=noise, linearity=1.0)
        elif e.is_zero or e.is_swamped(allowed):
            resting[key] = e
    return resting


def loosened(leaves: Leaves, keys: Collection[Key], runs: HonestRuns) -> Leaves:
    """Those of ``keys`` that step out of nothing somewhere, and may go as far as honest runs do.

    Where that is much farther than noise says, an entry is ``saturated``: its gradient is zero, or
    it depends, by a norm, on one that is.
    """
    zeros = {key[1] for key, e in leaves.items() if key[0] == "gradient" and e.zeros.any()}
    found = {}
    for key in keys:
        if key[0] in ("weights", "state") and _within(key, zeros):
            e = leaves[key]
            free = runs.noise(key, e) > FAR * e.noise
            free |= False if e.saturated is None else e.saturated
            noise = np.maximum(runs.noise(key, e, free), e.noise)
            found[key] = dataclasses.replace(e, noise=noise, saturated=free if free.any() else None)
    return found


def _within(key: Key, leaves: Collection[str]) -> bool:
    """Whether a weight is one of these leaves, or a part of the state belongs to one."""
    return any(f"{key[1]}.".startswith(f"{leaf}.") for leaf in leaves)
