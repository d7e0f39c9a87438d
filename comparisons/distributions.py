"""Initialisers are compared by the distribution that they draw from, never by a seed.

The two-sample Kolmogorov-Smirnov distance D between n draws of a candidate and m of the reference
is the largest gap between their empirical distribution functions. If both draw from the same,

    P(D > d) <= 2 exp(-2 n m d²/(n + m))         for n = m >= 458

(Wei and Dudley, "Two-sample Dvoretzky-Kiefer-Wolfowitz inequalities" (2012), theorem 1), so that

    noise_ratio = D √(2 n m/(n + m)) <= √(log(2/LEVEL)) = allowed

is exceeded by chance with a probability of at most LEVEL. A wrong deviation, a wrong fan, a normal
for a uniform or a cut that is missing moves D by far more at n = DRAWS.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..adapters.protocols import Adapter, Unsupported
from ..reference.protocols import Array, Initialiser
from . import cases
from .collecting import Stopwatch, finished
from .formats import format_of
from .records import Comparison, Finding
from .rows import Context, failed_row

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 1e-9
DRAWS = 100_000  # values; entries of one matrix count only where they are independent
MATRICES = 4_000  # where they are not, one entry is taken of each of so many matrices


@dataclass(frozen=True)
class Drawing:
    """So many weights of one shape, drawn by an initialiser: what a candidate is asked for."""

    initialiser: Initialiser
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    seed: int
    count: int

    def drawn(self, initialiser: Initialiser, stream: int) -> Array:
        """The weights, stacked; candidates that are NumPy have other streams than 1 and 3."""
        rng = np.random.default_rng([self.seed, stream])
        weights = [initialiser.draw(rng, self.shape) for _ in range(self.count)]
        return np.stack(weights).astype(self.dtype)

    def ask(self, adapter: Adapter) -> Array:
        """The candidate's weights, stacked; raises what the candidate raises."""
        given = (self.initialiser, self.shape, self.count, self.dtype, self.seed)
        return np.asarray(adapter.draw(*given))


def drawing(initialiser: Initialiser, shape: Any, dtype: Any, seed: int) -> Drawing:
    """What ``compare_initialiser`` was given, checked; raises CaseError."""
    cases.check_spec(initialiser, "initialiser")
    dtype = cases.check_dtype(dtype)
    if not isinstance(shape, tuple) or not all(_is_size(n) for n in shape):
        raise cases.CaseError(f"shape is {shape!r}: give a tuple of sizes from 1, such as (40, 24)")
    try:
        size = initialiser.draw(np.random.default_rng(seed), shape).size
    except ValueError as error:
        raise cases.CaseError(f"the reference cannot run this case: {error}") from error
    count = -(-DRAWS // size) if initialiser.independent else MATRICES
    return Drawing(initialiser, tuple(map(int, shape)), dtype, seed, count)


def _is_size(n: Any) -> bool:
    return isinstance(n, int | np.integer) and not isinstance(n, bool) and int(n) > 0


def compare_initialiser(
    initialiser: Initialiser, *, shape: tuple[int, ...],
    adapters: Sequence[str | Adapter] | None = None, dtype: Any = "float32", seed: int = 0,
    case: str | None = None, diagnose: bool = False,
) -> pd.DataFrame:  # fmt: skip
    """Compare the distribution of an initialiser's entries, and the lengths it promises to keep.

    ``shape`` is that of the weight: (I, O) of a Dense layer, (O, I, K, ...) of a convolution. The
    quantity "distribution" is judged by the test above; "orthogonality", of an initialiser that is
    not ``independent``, by max |WᵀW - g²| in units of rounding. With ``diagnose`` the column
    "cause" says which distribution a candidate draws from instead; ``diagnose_initialiser`` tells
    more. Raises CaseError for a shape that the initialiser refuses; adapters, and what is raised
    for them, as for ``compare_vjp``.
    """
    asked = drawing(initialiser, shape, dtype, seed)
    loaded = cases.load_adapters(adapters)
    context = Context(case or f"{initialiser} {shape}", "initialiser", asked.dtype)
    rows, watch = cast(list[Comparison], []), Stopwatch()
    with cases.one_thread():
        expected = asked.drawn(initialiser, 1)
        for name, adapter, missing in loaded:
            this = dataclasses.replace(context, candidate=name)
            try:
                if adapter is None:
                    raise Unsupported(missing)
                got = asked.ask(adapter)
            except Exception as error:
                rows.append(failed_row(this, error))
            else:
                rows += judged(this, initialiser.independent, expected, got)
    if diagnose and any(row.verdict == "mismatch" for row in rows):
        from .diagnosis.attached import with_causes

        rows = list(with_causes(rows, loaded, lambda adapter, row: asked, seed))
    return finished(rows, watch)


def judged(context: Context, independent: bool, expected: Array, got: Array) -> list[Comparison]:
    """The rows of a candidate's weights beside those of a distribution, stacked: (n, *shape).

    ``independent`` says whether the entries of one weight are, in both.
    """
    if got.shape != expected.shape or got.dtype != expected.dtype:
        reason = f"{got.dtype} {got.shape} instead of {expected.dtype} {expected.shape}"
        return [_malformed(context, "wrong shape", got, reason)]
    if not np.isfinite(got).all():
        reason = f"{np.count_nonzero(~np.isfinite(got))} entries are not finite"
        return [_malformed(context, "not finite", got, reason)]
    if independent:
        return [_tested(context, "distribution", got, expected)]
    first, wanted = (w.reshape(len(w), -1)[:, 0] for w in (got, expected))
    return [_tested(context, "distribution", first, wanted), *_lengths(context, expected, got)]


def _malformed(context: Context, finding: Finding, got: Array, reason: str) -> Comparison:
    return context.row(("distribution", ""), finding=finding, n_compared=got.size, reason=reason)


def _tested(context: Context, quantity: str, got: Array, expected: Array) -> Comparison:
    """The row of the test above."""
    a, b = got.ravel(), expected.ravel()
    n, distance = len(a), ks_distance(a, b)
    allowed, unit = math.sqrt(math.log(2 / LEVEL)), 1 / math.sqrt(n)
    row = context.row(
        (quantity, ""), shape=str(got.shape), n_compared=n, n_nonzero=int(np.count_nonzero(b)),
        n_distinct=int(np.unique(b).size), n_finite=n, noise_ratio=distance / unit,
        minimum_passing=distance, tolerance=allowed * unit,
    )  # fmt: skip
    wrong = distance > allowed * unit
    differs = f"a Kolmogorov-Smirnov distance of {distance:.3g}, {allowed * unit:.3g} allowed"
    return dataclasses.replace(
        row, allowed=allowed, verdict="mismatch" if wrong else "match",
        reason=differs if wrong else "",
    )  # fmt: skip


def _lengths(context: Context, expected: Array, got: Array) -> list[Comparison]:
    """Orthogonal columns where the expected ones are; else their lengths and angles, tested."""
    wanted, gram = _gram(expected), _gram(got)
    squared = float(np.mean(np.diagonal(wanted, axis1=1, axis2=2)))
    one = np.eye(gram.shape[-1])
    unit = format_of(context.dtype).u * math.sqrt(got[0].size / len(one))  # √ of the longer axis
    if not squared or np.abs(wanted / squared - one).max() > context.allowed * unit:
        rows = [_tested(context, "lengths", gram[:, 0, 0], wanted[:, 0, 0])]
        if len(one) > 1:
            rows.append(_tested(context, "angles", gram[:, 0, 1], wanted[:, 0, 1]))
        return rows
    off = float(np.abs(gram / squared - one).max())
    return [context.row(
        ("orthogonality", ""), shape=str(got.shape), n_compared=gram.size,
        n_nonzero=gram.shape[0] * gram.shape[1], n_distinct=2, n_finite=gram.size,
        noise_ratio=off / unit, minimum_passing=off,
        tolerance=context.allowed * unit, reason=f"columns are {off:.3g} off being orthogonal",
    )]  # fmt: skip


def _gram(weights: Array) -> Array:
    """WᵀW of each, or WWᵀ of wide ones, in float64."""
    W = weights.reshape(len(weights), weights.shape[1], -1).astype(np.float64)
    W = W if W.shape[1] >= W.shape[2] else W.swapaxes(1, 2)
    return W.swapaxes(1, 2) @ W


def ks_distance(a: Array, b: Array) -> float:
    """The largest gap between the empirical distribution functions of two samples."""
    both = np.sort(np.concatenate([a, b]))
    below = (np.searchsorted(np.sort(x), both, side="right") / len(x) for x in (a, b))
    return float(np.abs(next(below) - next(below)).max())
