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

Some comparisons ask one entry again and again: who is the largest of a window, or what is Rprop's
sign. Then one flip alone may lead nowhere, and several at once are tried where single ones do not
explain everything.

With more ambiguous entries than the gradient has independent directions, beyond its noise (equal
inputs make equal pre-activations, dozens at a time), no b can be told from another: what the
branches move is then undecidable.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Collection
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
TOGETHER = 3  # kinks of one entry
SAME = 1e-6
SEEN = 4.0  # units of noise, below which no direction of a mixture counts
DRAWS = 8  # of branches, to see which leaves any of them moves

Shares = dict[Kink, float]  # 0, 1/2 or 1 of the other branch


Move = tuple[Kink, ...]  # that take their other branch together


class Resolution(NamedTuple):
    """What is expected with the branches that the candidate took, or None where none is likely.

    ``decidable`` is False where too many entries are ambiguous to tell; ``beyond`` counts the
    numbers that the branches leave unexplained.
    """

    leaves: dict[Key, Expected] | None
    decidable: bool
    beyond: float = math.inf


def resolve(expected: Expectations, candidate: Values, allowed: float) -> Resolution:
    """Which of the ambiguous branches the candidate took, by least squares.

    An entry that is asked more often than can be tried together leaves it undecidable.
    """
    alone = _resolved(expected, candidate, allowed, 1)
    asked = Counter(kink.entry for kink in expected.ambiguous)
    if not alone.beyond or max(asked.values(), default=1) == 1:
        return alone
    together = _resolved(expected, candidate, allowed, TOGETHER)
    best = min(alone, together, key=lambda found: found.beyond)
    moves = _moves(dict.fromkeys(expected.ambiguous, 0.0), TOGETHER)
    crowded = max(asked.values()) > TOGETHER or len(moves) > MOST
    return best._replace(decidable=alone.decidable and not crowded)


def unmoved(expected: Expectations, keys: Collection[Key]) -> set[Key]:
    """Those of the leaves that are the same, to rounding, on whatever branch.

    Half of the kinks at a time take their other branch, and then the other half.
    """
    rng, every = np.random.default_rng(0), frozenset(expected.ambiguous)
    some = [frozenset(k for k in expected.ambiguous if rng.random() < 0.5) for _ in range(DRAWS)]
    runs = [frozenset[Kink](), *some, *(every - half for half in some)]
    if len(runs) * sum(expected.leaves[key].gold.size for key in keys) > MOST_NUMBERS:
        return set()
    start, *others = expected.branches(runs)
    return {
        key for key in keys
        if all((np.abs(run[key] - start[key]) <= expected.leaves[key].noise).all()
               for run in others)
    }  # fmt: skip


def _resolved(
    expected: Expectations, candidate: Values, allowed: float, together: int
) -> Resolution:
    """``resolve`` by flips of so many kinks of an entry at once."""
    keys = [k for k in expected.leaves if k in candidate]
    if not keys:
        return Resolution(None, decidable=not expected.ambiguous)
    wide = np.result_type(*(e.gold for e in expected.leaves.values()))
    wanted = _flat(candidate, keys).astype(wide)
    leaves, decidable, now, beyond = None, True, expected, math.inf
    shares: Shares = {}
    for _ in range(ROUNDS):
        shares |= {kink: 0.0 for kink in now.ambiguous if kink not in shares}
        moves = _moves(shares, together)
        if not 0 < len(moves) <= MOST or len(moves) * wanted.size > MOST_NUMBERS:
            return Resolution(leaves, decidable=not moves)
        before = flips(shares)
        shares, decidable = _explained(now, expected, shares, moves, wanted, keys, allowed)
        halves = [k for k, b in shares.items() if b == 0.5 and not k.sign]
        if flips(shares) == before and not halves:
            break
        now = expected.turned(flips(shares))
        leaves = _with_halves(expected, now, flips(shares), halves[:HALVES])
        gold, noise = (_part(leaves, part, keys) for part in ("gold", "noise"))
        beyond = float(np.count_nonzero(~(np.abs((wanted - gold) / noise) <= allowed)))
        if not beyond:
            break
        shares |= dict.fromkeys(halves, 0.0)  # they are found again, from there
    return Resolution(leaves, decidable, beyond)


def flips(shares: Shares) -> Flips:
    """The kinks that take their other branch; half of a comparison is left to ``_with_halves``."""
    whole = {k for k, b in shares.items() if b == 1}
    return frozenset(whole | {k.halved for k, b in shares.items() if b == 0.5 and k.sign})


def _moves(shares: Shares, together: int) -> list[Move]:
    """Every kink alone, and up to so many kinks of one entry."""
    entries: dict[int, list[Kink]] = {}
    for kink in shares:
        entries.setdefault(kink.entry, []).append(kink)
    more = [move for n in range(2, together + 1)
            for kinks in entries.values() for move in combinations(kinks, n)]  # fmt: skip
    return [(kink,) for kink in shares] + more


def _explained(
    now: Expectations, expected: Expectations, shares: Shares, moves: list[Move], wanted: Array,
    keys: list[Key], allowed: float,
) -> tuple[Shares, bool]:  # fmt: skip
    """The shares that explain the candidate best, and whether they can be told apart."""
    there = {k: 0.0 if b == 1 else 1.0 for k, b in shares.items()}
    runs = [flips(shares)]
    runs += [flips({**shares, **{k: there[k] for k in move}}) for move in moves]
    start, *others = (_flat(run, keys) for run in now.branches(runs))
    # A weight that stands still in one branch moves in another, and its noise with it.
    elsewhere = expected.turned(flips(there)).leaves
    noise = np.maximum(*(_part(leaves, "noise", keys) for leaves in (now.leaves, elsewhere)))
    columns = {move: (run - start) / noise for move, run in zip(moves, others, strict=True)}
    own = _own(columns)
    distance = (wanted - start) / noise
    more, decidable = _least_squares([columns[move] for move in own], distance, allowed)
    found = dict(shares)
    for move, share in zip(own, more, strict=True):
        for k in move:
            found[k] += share * (there[k] - shares[k])
    return {k: min(max(round(2 * b) / 2, 0.0), 1.0) for k, b in found.items()}, decidable


def _own(columns: dict[Move, Array]) -> list[Move]:
    """Single kinks, and those moves of several that no other one does, nor their parts in sum."""
    own: list[Move] = []
    for move, column in columns.items():
        others = [columns[other] for other in own]
        others.append(np.asarray(sum(columns[k,] for k in move)))
        if len(move) == 1 or not any(np.allclose(column, other, rtol=SAME) for other in others):
            own.append(move)
    return own


def _part(leaves: dict[Key, Expected], part: str, keys: list[Key]) -> Array:
    return _flat({k: getattr(e, part) for k, e in leaves.items()}, keys)


def _flat(values: Values, keys: list[Key]) -> Array:
    return np.concatenate([np.ravel(values[k]) for k in keys])


def _least_squares(basis: list[Array], distance: Array, allowed: float) -> tuple[list[float], bool]:
    """The shares of the basis in the distance, and whether they can be told apart.

    They cannot where other shares change no number by as much as is allowed, and a mixture of all
    branches explains every number.
    """
    columns, shares = np.stack(basis, axis=1).astype(np.float64), np.zeros(len(basis))
    distance, size = distance.astype(np.float64), np.linalg.norm(columns, axis=0)
    if not (np.isfinite(size).all() and np.isfinite(distance).all()):
        return shares.tolist(), False
    matters = size > 0
    unit = columns[:, matters] / size[matters]
    solution, _, rank, _ = np.linalg.lstsq(unit, distance, rcond=None)
    shares[matters] = solution / size[matters]
    if rank < np.count_nonzero(matters):
        return shares.tolist(), False
    u, singular, vt = np.linalg.svd(columns[:, size > allowed], full_matrices=False)
    alike = len(singular) < len(vt.T) or bool((singular <= allowed).any())
    seen = singular > SEEN
    mixture = (u.T @ distance)[seen] / singular[seen] @ vt[seen]
    left = distance - columns[:, size > allowed] @ mixture
    mixed = np.abs(mixture - 0.5).max(initial=0) <= 1 and np.abs(left).max() <= allowed
    return shares.tolist(), not (alike and bool(mixed))


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
