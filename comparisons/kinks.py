"""Which branch did the candidate take where rounding alone decides?

An entry within rounding noise of a kink (a ReLU at 0, two equal entries of a pooling window, the
sign that Lion steps by) may legitimately take either side, and the whole gradient then moves by
far more than noise. For each ambiguous entry the gradient with the other branch is computed; the
shares b that best explain the candidate, (c - g)/noise ≈ Σ b_a d_a/noise, are rounded to 0, 1, or
1/2 (which is what JAX's maximum, and a sign of 0, take where the candidate's two sides are equal),
gold value and noise are computed anew with exactly those branches, and the candidate is judged
against them at full resolution. Kinks that feed each other do not add up, and a branch may lead to
other kinks, so what is left is explained again, from there. A bug is not a combination of flips,
so it stays visible.

With more ambiguous entries than the gradient has independent directions (equal inputs make equal
pre-activations, dozens at a time) no b can be told from another: the case is then undecidable.
"""

from __future__ import annotations

import dataclasses
from itertools import combinations
from typing import NamedTuple

import numpy as np

from ..reference.protocols import Array
from .measures import Expected
from .noise import Flips, Kink
from .tolerances import Expectations, Key, Values

MOST = 64  # flips that are tried, one replica of the reference each
MOST_NUMBERS = 1 << 26  # of all flips together: half a gigabyte
HALVES = 4  # comparisons whose two branches are both taken half: 2^4 runs
ROUNDS = 4

Shares = dict[Kink, float]  # 0, 1/2 or 1 of the other branch


class Resolution(NamedTuple):
    """What is expected with the branches that the candidate took, or None where none is likely.

    ``decidable`` is False where too many entries are ambiguous to tell.
    """

    leaves: dict[Key, Expected] | None
    decidable: bool


def resolve(expected: Expectations, candidate: Values, allowed: float) -> Resolution:
    """Which of the ambiguous branches the candidate took, by least squares."""
    keys = [k for k in expected.leaves if k in candidate]
    if not keys:
        return Resolution(None, decidable=not expected.ambiguous)
    wide = np.result_type(*(e.gold for e in expected.leaves.values()))
    wanted = _flat(candidate, keys).astype(wide)
    leaves, decidable, now = None, True, expected
    shares: Shares = {}
    for _ in range(ROUNDS):
        shares |= {kink: 0.0 for kink in now.ambiguous if kink not in shares}
        if not 0 < len(shares) <= MOST or len(shares) * wanted.size > MOST_NUMBERS:
            return Resolution(leaves, decidable=not shares)
        before = flips(shares)
        more, decidable = _explained(now, expected, shares, wanted, keys)
        shares = {k: min(max(round(2 * (b + more[k])) / 2, 0.0), 1.0) for k, b in shares.items()}
        halves = [k for k, b in shares.items() if b == 0.5 and not k.sign]
        if flips(shares) == before and not halves:
            break
        now = expected.turned(flips(shares))
        leaves = _with_halves(expected, now, flips(shares), halves[:HALVES])
        gold, noise = (_part(leaves, part, keys) for part in ("gold", "noise"))
        if np.abs((wanted - gold) / noise).max() <= allowed:
            break
        shares |= dict.fromkeys(halves, 0.0)  # they are found again, from there
    return Resolution(leaves, decidable)


def flips(shares: Shares) -> Flips:
    """The kinks that take their other branch; half of a comparison is left to ``_with_halves``."""
    whole = {k for k, b in shares.items() if b == 1}
    return frozenset(whole | {k.halved for k, b in shares.items() if b == 0.5 and k.sign})


def _explained(
    now: Expectations, expected: Expectations, shares: Shares, wanted: Array, keys: list[Key]
) -> tuple[Shares, bool]:
    """How much of each kink's other branch is to be added, and whether they can be told apart."""
    there = {k: 0.0 if b == 1 else 1.0 for k, b in shares.items()}
    runs = [flips(shares), *(flips({**shares, k: b}) for k, b in there.items())]
    start, *others = (_flat(run, keys) for run in now.branches(runs))
    # A weight that stands still in one branch moves in another, and its noise with it.
    elsewhere = expected.turned(flips(there)).leaves
    noise = np.maximum(*(_part(leaves, "noise", keys) for leaves in (now.leaves, elsewhere)))
    distance = [there[k] - b for k, b in shares.items()]
    columns = [(run - start) / noise / d for run, d in zip(others, distance, strict=True)]
    more, decidable = _least_squares(columns, (wanted - start) / noise)
    return dict(zip(shares, more, strict=True)), decidable


def _part(leaves: dict[Key, Expected], part: str, keys: list[Key]) -> Array:
    return _flat({k: getattr(e, part) for k, e in leaves.items()}, keys)


def _flat(values: Values, keys: list[Key]) -> Array:
    return np.concatenate([np.ravel(values[k]) for k in keys])


def _least_squares(basis: list[Array], distance: Array) -> tuple[list[float], bool]:
    """The shares of the basis in the distance, and whether they can be told apart."""
    columns = np.stack(basis, axis=1).astype(np.float64)
    size, shares = np.linalg.norm(columns, axis=0), np.zeros(len(basis))
    matters = size > 0
    if not (np.isfinite(size).all() and np.isfinite(distance).all()):
        return shares.tolist(), False
    unit = columns[:, matters] / size[matters]
    solution, _, rank, _ = np.linalg.lstsq(unit, distance.astype(np.float64), rcond=None)
    shares[matters] = solution / size[matters]
    return shares.tolist(), bool(rank == np.count_nonzero(matters))


def _with_halves(
    expected: Expectations, now: Expectations, whole: Flips, halves: list[Kink]
) -> dict[Key, Expected]:
    """What is expected where ``halves`` take the mean of both branches: they are affine in each."""
    if not halves:
        return now.leaves
    chosen = [whole ^ set(some) for n in range(len(halves) + 1) for some in combinations(halves, n)]
    runs, others = now.branches(chosen), expected.turned(whole ^ set(halves)).leaves
    return {
        k: dataclasses.replace(
            e, gold=np.mean([run[k] for run in runs], axis=0),
            noise=np.maximum(e.noise, others[k].noise),
        )
        for k, e in now.leaves.items()
    }  # fmt: skip
