"""How well an explanation explains, and how much it costs: minimum description length.

An entry that the reference got wrong and an explanation gets right to within noise is evidence:
by chance a number on the scale S of its tensor would come within r noise of it with probability
r noise/S, so it tells log2(S/(r noise)) bits: some forty in float64, some sixteen in float32.
Entries that are alike (same number, same right number) count once. Against that stands the
cost of the explanation, in bits: that of its hypothesis (see ``registry``), and for every number
fitted to the candidate as many bits as the best entry tells. An explanation is believed when
it saves ``ENOUGH`` bits; among those that explain everything the cheapest is named first.
"""

from __future__ import annotations

import math

import numpy as np

from ...reference.protocols import Array

ENOUGH = 20.0  # bits: a chance of one in a million
USUAL = 32.0  # a noise ratio that correct implementations stay below, nearly always
MOST = 60.0  # bits of one entry
STRANGE = 6  # entries that are NaN or inf where that is explained count at most, ten bits each


def entry_bits(
    candidate: Array, gold: Array, noise: Array, allowed: float, own: Array | None = None
) -> Array:
    """What each distinct entry that the reference does not explain would tell, in bits.

    ``own`` is the noise of the explanation, where it is known to be larger than the reference's.
    """
    c, g, n = (np.ravel(a).astype(np.float64) for a in (candidate, gold, noise))
    differs = ~(np.abs(c - g) <= allowed * n)
    if not differs.any():
        return np.zeros(0)
    strange = min(int(np.count_nonzero(~np.isfinite(c[differs]))), STRANGE)
    if own is not None:
        n = np.maximum(n, np.ravel(own).astype(np.float64))
    c, g, n = np.nan_to_num(c[differs]), np.nan_to_num(g[differs]), n[differs]
    scale = max(_rms(c), _rms(g))
    _, first = np.unique(np.stack([_rounded(c), _rounded(g)]), axis=1, return_index=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        told = np.clip(np.nan_to_num(np.log2(scale / (USUAL * n[first]))), 0, MOST)
    return np.concatenate([told, np.full(strange, 10.0)])


def strain(ratio: float, entries: int) -> float:
    """The bits that a fit loses where it is within what is allowed, but worse than usual."""
    return min(entries, 100) * max(0.0, math.log2(max(ratio, 1e-300) / USUAL))


def _rms(x: Array) -> float:
    return float(np.sqrt(np.mean(np.square(x)))) if x.size else 0.0


def _rounded(x: Array) -> Array:
    """To nine significant digits: equal numbers stay equal through rounding errors."""
    with np.errstate(divide="ignore", invalid="ignore"):
        power = np.where(x == 0, 0, np.floor(np.log10(np.abs(x))))
        return np.round(x / 10.0**power, 8) * 10.0**power
