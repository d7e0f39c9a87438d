"""A candidate's numbers on the bench: beside the reference's, and beside any other specs'.

``Bench`` holds what the comparison held. ``screen`` puts a plain run of other specs beside the
candidate, cheaply and with some slack; ``confirm`` computes the gold value and the noise of those
specs, as a comparison does of the right ones, and judges the candidate by them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from ...reference.protocols import Array
from ..judging import judge_values
from ..measures import Expected
from ..noise import Flips
from ..problems import Problem, Specs
from ..records import Comparison
from ..rows import Context
from ..tolerances import FLOOR, Exact, Expectations, Key, Values, expectations
from .evidence import USUAL, entry_bits

SLACK = 32.0  # a plain run may be this many times what is allowed away, before it is confirmed
FAR = 1e30
ROUGH = 1e-3  # an error that rounding may make, relative to the largest entry
GOOD = ("match", "structural zero", "unresolved")


@dataclass(frozen=True)
class Match:
    """Which keys a run of other specs explains; of the rest, the constant that they are off by."""

    explained: frozenset[Key]
    worst: float
    values: Array


@dataclass(frozen=True)
class Bench:
    """One candidate's answer to one problem."""

    problem: Problem
    values: Values
    doubts: Values
    expected: Expectations
    rows: dict[Key, Comparison]
    seed: int
    replicas: int

    @classmethod
    def of(
        cls, problem: Problem, values: Values, doubts: Values, seed: int, replicas: int
    ) -> Bench:
        """Judge the values against the right specs."""
        right = partial(problem.run, problem.specs)
        expected = _computed(problem, right, seed, replicas)
        rows = _judged(problem, expected, values, doubts)
        return cls(problem, values, doubts, expected, rows, seed, replicas)

    @cached_property
    def wrong(self) -> tuple[Key, ...]:
        """The keys that are further off than rounding explains, or not there."""
        return tuple(k for k, row in self.rows.items() if row.verdict not in GOOD)

    @cached_property
    def keys(self) -> tuple[Key, ...]:
        """Every key whose numbers can be put beside others: those that the candidate gave."""
        return tuple(
            k for k in self.expected.leaves
            if self.values.get(k) is not None and np.asarray(self.values[k]).dtype.kind == "f"
        )  # fmt: skip

    @cached_property
    def undecided(self) -> frozenset[Key]:
        """Keys of which the reference itself decides nothing."""
        return frozenset(k for k, row in self.rows.items() if row.verdict == "unresolved")

    @cached_property
    def allowed(self) -> float:
        """K."""
        return Context("", self.problem.mode, self.problem.dtype).allowed

    def until(self, step: int) -> Bench:
        """The same up to a step, for what has steps."""
        if not hasattr(self.problem, "until"):
            return self
        problem = self.problem.until(step)

        def kept(by_key: dict[Key, Any]) -> dict[Key, Any]:
            return {k: v for k, v in by_key.items() if step_of(k) <= step}

        expected = dataclasses.replace(self.expected, leaves=kept(self.expected.leaves))
        return dataclasses.replace(
            self, problem=problem, values=kept(self.values), expected=expected,
            rows=kept(self.rows),
        )  # fmt: skip

    @cached_property
    def first_step(self) -> int:
        """The first step at which something is wrong; 0 where there are no steps."""
        return min(map(step_of, self.wrong), default=0)

    # Screening: all keys in one vector, in the order of ``keys``.

    @cached_property
    def _sizes(self) -> list[int]:
        return [np.asarray(self.values[k]).size for k in self.keys]

    @cached_property
    def _starts(self) -> Array:
        return np.concatenate([[0], np.cumsum(self._sizes)[:-1]]).astype(int)

    def flat(self, values: Values) -> Array:
        """The values in one vector; NaN where a shape is not the candidate's."""
        parts = []
        for key, size in zip(self.keys, self._sizes, strict=True):
            value = values.get(key)
            if value is None or np.shape(value) != np.shape(self.values[key]):
                value = np.full(size, np.nan)
            parts.append(np.ravel(value))
        return np.concatenate(parts).astype(np.float64) if parts else np.zeros(0)

    @cached_property
    def candidate(self) -> Array:
        """The candidate's numbers in one vector."""
        return self.flat(self.values)

    @cached_property
    def gold(self) -> Array:
        """The right ones, NaN where the candidate has another shape."""
        return self.flat({k: e.gold for k, e in self.expected.leaves.items()})

    @cached_property
    def noise(self) -> Array:
        """One unit of noise of each; the median relative one where there is none to compare."""
        given = self.flat({k: e.noise for k, e in self.expected.leaves.items()})
        shares = given / np.maximum(np.abs(self.gold), 1e-300)
        usual = float(np.median(shares[~np.isnan(shares)])) if not np.isnan(shares).all() else 0.0
        fill = np.abs(self.candidate) * (usual if np.isfinite(usual) else 0) + self.unit
        return np.where(np.isnan(given), fill, given)

    @cached_property
    def unit(self) -> float:
        """One rounding of the candidate's dtype."""
        return float(np.finfo(self.problem.dtype).eps) / 2

    @cached_property
    def _top(self) -> Array:
        return self._per_key(np.abs(np.nan_to_num(self.gold)))

    def _per_key(self, x: Array) -> Array:
        """The largest of each key."""
        return np.maximum.reduceat(x, self._starts) if x.size else x

    def spread_out(self, per_key: Array) -> Array:
        """A number for each key, at each of its entries."""
        return np.repeat(per_key, self._sizes)

    def ratios(self, values: Array, factor: Any = 1.0) -> Array:
        """Of each key, the largest distance of the candidate from values in units of noise."""
        size = np.abs(values)
        top = self._per_key(np.nan_to_num(size, posinf=0))
        grown = np.maximum(1, top / np.maximum(self._top, 1e-300))
        grown = np.where(self._top == 0, 1, np.minimum(grown, FAR))
        noise = self.noise * self.spread_out(grown)
        noise = noise + 4 * self.unit * (size + FLOOR * self.spread_out(top))
        with np.errstate(invalid="ignore", over="ignore"):
            ratio = np.abs(self.candidate - factor * values) / noise
        same = (self.candidate == values) | (np.isnan(self.candidate) & np.isnan(values))
        ratio = np.where(same, 0, ratio)
        return self._per_key(np.where(np.isnan(ratio), np.inf, ratio))

    def run(self, specs: Specs) -> Array | None:
        """A plain run of other specs, in one vector; None where it fails."""
        try:
            with np.errstate(all="ignore"):
                return self.flat(self.problem.run(specs, Exact(np.float64)))
        except Exception:  # a proposal need not be possible
            return None

    def screen(self, values: Array) -> Match:
        """What a plain run explains, with slack."""
        ratios = self.ratios(values)
        fits = ratios <= SLACK * self.allowed
        explained = frozenset(k for k, ok in zip(self.keys, fits, strict=True) if ok)
        return Match(explained, float(ratios.max(initial=0)), values)

    def collinear(self, values: Array) -> bool:
        """Whether one constant, and not 1, would make these values the candidate's wrong ones."""
        wrong = self.spread_out(np.array([k in self.wrong for k in self.keys])).astype(bool)
        with np.errstate(invalid="ignore", over="ignore"):
            a, c = values[wrong] / self.noise[wrong], self.candidate[wrong] / self.noise[wrong]
            square = a @ a
            factor = (a @ c) / square if square > 0 else np.nan
        if not np.isfinite(factor) or factor == 0:
            return False
        fits = self.ratios(values, factor) <= SLACK * self.allowed
        return all(ok for key, ok in zip(self.keys, fits, strict=True) if key in self.wrong)

    # The entries of wrong keys that can be measured, one after another.

    @cached_property
    def measured(self) -> Array:
        """Which entries are wrong and can be measured."""
        wrong = self.spread_out(np.array([k in self.wrong for k in self.keys])).astype(bool)
        return wrong & np.isfinite(self.candidate) & np.isfinite(self.gold)

    @cached_property
    def all_measured(self) -> bool:
        """Whether every wrong key is there, of the right shape, and finite."""
        leaves = self.expected.leaves
        return all(
            key in self.keys and np.isfinite(value := np.asarray(self.values[key])).all()
            and key in leaves and value.shape == leaves[key].gold.shape
            for key in self.wrong
        )  # fmt: skip

    @cached_property
    def error(self) -> Array:
        """Candidate less gold value."""
        return (self.candidate - self.gold)[self.measured]

    @cached_property
    def noise_of_wrong(self) -> Array:
        """One unit of noise of each."""
        return self.noise[self.measured]

    @cached_property
    def significant_bits(self) -> int:
        """How many binary digits the wrong numbers have at most."""
        mantissa, _ = np.frexp(self.candidate[self.measured])
        for bits in range(1, 54):
            if np.array_equal(np.round(mantissa * 2.0**bits), mantissa * 2.0**bits):
                return bits
        return 53

    def right_ratios(self, values: Values) -> Array:
        """Of each key, how far other answers are from the gold value, in units of noise."""
        return dataclasses.replace(self, values=values).ratios(self.gold)

    def confirm(self, specs: Specs) -> tuple[dict[Key, float], Expectations]:
        """The noise ratio of every key under other specs, inf if wrong, and what is expected then.

        Their noise is their own. Where the candidate overflows, so must they, in its own range.
        """
        run = partial(self.problem.run, specs)
        overflows = not np.isfinite(self.candidate).all()
        compute = _in_range if overflows else _computed
        expected = compute(self.problem, run, self.seed, self.replicas)
        values, expected = _where_finite(self.values, expected)
        rows = _judged(self.problem, expected, values, self.doubts)
        ratios = {k: r.noise_ratio if r.verdict in GOOD else np.inf for k, r in rows.items()}
        return ratios, expected

    def unsteady(self, values: Array) -> bool:
        """Whether other specs are off by rounding alone, about as far as the candidate is.

        A plain run then does not give the candidate's numbers, only errors of their size.
        """
        with np.errstate(invalid="ignore"):
            theirs = self._per_key(np.nan_to_num(np.abs(values - self.gold), nan=FAR))
            ours = self._per_key(np.nan_to_num(np.abs(self.candidate - self.gold), nan=FAR))
        small = ours <= ROUGH * self._top
        near = small & (theirs <= 100 * ours) & (ours <= 100 * theirs)
        return all(ok for key, ok in zip(self.keys, near, strict=True) if key in self.wrong)

    def bits(self, keys: Any = None, expected: Expectations | None = None) -> Array:
        """What the entries of these wrong keys would tell, under what is expected instead."""
        found = []
        for key in self.wrong if keys is None else keys:
            e, value = self.expected.leaves.get(key), self.values.get(key)
            if value is None or e is None or np.shape(value) != e.gold.shape:
                size = 0 if value is None else np.unique(np.asarray(value)).size
                found.append(np.full(size, -np.log2(self.unit * self.allowed * USUAL)))
            else:
                own = expected.leaves.get(key) if expected else None
                same = own is not None and own.noise.shape == e.noise.shape
                n = own.noise if own and same else None
                found.append(entry_bits(value, e.gold, e.noise, self.allowed, n))
        return np.concatenate(found) if found else np.zeros(0)


def step_of(key: Key) -> int:
    """The step before the quantity's name, 0 where there is none."""
    first, _, rest = key[0].partition(" ")
    return int(first) if rest else 0


def _computed(
    problem: Problem, run: Callable[..., Values], seed: int, replicas: int
) -> Expectations:
    """Gold values and noise of any specs.

    Where a wrong one does something that noisy arrays cannot, it is judged by relative noise.
    """
    try:
        return expectations(run, problem.dtype, seed, replicas)
    except Exception:
        with np.errstate(all="ignore"):
            return _in_range(problem, run, seed, replicas)


def _in_range(
    problem: Problem, run: Callable[..., Values], seed: int, replicas: int
) -> Expectations:
    """A plain run in float64, with relative noise: what overflows for the candidate does here."""
    gold = {k: np.asarray(v) for k, v in run(Exact(np.float64)).items()}
    leaves = {k: _relative(v, problem.dtype) for k, v in gold.items()}

    def no_kinks(flips: Flips) -> Expectations:
        return Expectations(leaves, (), lambda some: [gold for _ in some], no_kinks)

    return no_kinks(frozenset())


def _relative(gold: Array, dtype: np.dtype[Any]) -> Expected:
    size = np.abs(gold).astype(np.float64)
    top = float(np.max(size[np.isfinite(size)], initial=0))
    size = np.where(np.isfinite(size), size, 0)
    unit = float(np.finfo(dtype).eps) * (size + top) + float(np.finfo(dtype).smallest_normal)
    return Expected(gold, np.asarray(unit), dtype)


def _judged(
    problem: Problem, expected: Expectations, values: Values, doubts: Values
) -> dict[Key, Comparison]:
    context = Context("", problem.mode, problem.dtype, blame=problem.blame)
    if problem.mode != "vjp":
        expected = dataclasses.replace(expected, ambiguous=())
    rows = judge_values(context, expected, values, doubts)
    keys = [*expected.leaves, *sorted(values.keys() - expected.leaves.keys())]
    return dict(zip(keys, rows, strict=True))


def _where_finite(values: Values, expected: Expectations) -> tuple[Values, Expectations]:
    """Both with 0 where candidate and expectation are not finite in the same way."""
    values, leaves = dict(values), dict(expected.leaves)
    for key, e in expected.leaves.items():
        c = values.get(key)
        if c is None or np.shape(c) != e.gold.shape or np.isfinite(c).all():
            continue
        same = ~np.isfinite(e.gold) & ((c == e.gold) | (np.isnan(c) & np.isnan(e.gold)))
        if same.any():
            values[key] = np.where(same, 0, c).astype(c.dtype)
            noise = np.where(same, np.finfo(e.dtype).smallest_normal, e.noise)
            leaves[key] = dataclasses.replace(e, gold=np.where(same, 0, e.gold), noise=noise)
    return values, dataclasses.replace(expected, leaves=leaves)
