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
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..adapters.protocols import Adapter, Unsupported
from ..reference.protocols import Array, Initialiser
from . import cases
from .collecting import Stopwatch, finished
from .formats import format_of
from .records import Comparison
from .rows import Context, failed_row

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 1e-9
DRAWS = 100_000  # values; entries of one matrix count only where they are independent
MATRICES = 4_000  # where they are not, one entry is taken of each of so many matrices


def compare_initialiser(
    initialiser: Initialiser, *, shape: tuple[int, ...],
    adapters: Sequence[str | Adapter] | None = None, dtype: Any = "float32", seed: int = 0,
    case: str | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Compare the distribution of an initialiser's entries, and the lengths it promises to keep.

    ``shape`` is that of the weight: (I, O) of a Dense layer, (O, I, K, ...) of a convolution. The
    quantity "distribution" is judged by the test above; "orthogonality", of an initialiser that is
    not ``independent``, by max |WᵀW - g²| in units of rounding. Raises CaseError for a shape that
    the initialiser refuses; adapters, and what is raised for them, as for ``compare_vjp``.
    """
    cases.check_spec(initialiser, "initialiser")
    dtype = cases.check_dtype(dtype)
    loaded = cases.load_adapters(adapters)
    try:
        size = initialiser.draw(np.random.default_rng(seed), shape).size
    except ValueError as error:
        raise cases.CaseError(f"the reference cannot run this case: {error}") from error
    count = -(-DRAWS // size) if initialiser.independent else MATRICES
    rng = np.random.default_rng([seed, 1])
    expected = np.stack([initialiser.draw(rng, shape) for _ in range(count)]).astype(dtype)
    context = Context(case or f"{initialiser} {shape}", "initialiser", dtype)
    rows, watch = cast(list[Comparison], []), Stopwatch()
    with cases.one_thread():
        for name, adapter, missing in loaded:
            this = dataclasses.replace(context, candidate=name)
            try:
                if adapter is None:
                    raise Unsupported(missing)
                got = np.asarray(adapter.draw(initialiser, shape, count, dtype, seed))
            except Exception as error:
                rows.append(failed_row(this, error))
            else:
                rows += _rows(this, initialiser, expected, got)
    return finished(rows, watch)


def _rows(
    context: Context, initialiser: Initialiser, expected: Array, got: Array
) -> list[Comparison]:
    key = ("distribution", "")
    if got.shape != expected.shape or got.dtype != expected.dtype:
        reason = f"{got.dtype} {got.shape} instead of {expected.dtype} {expected.shape}"
        return [context.row(key, finding="wrong shape", n_compared=got.size, reason=reason)]
    if not np.isfinite(got).all():
        reason = f"{np.count_nonzero(~np.isfinite(got))} entries are not finite"
        return [context.row(key, finding="not finite", n_compared=got.size, reason=reason)]
    values = [w.reshape(len(w), -1) for w in (got, expected)]
    if not initialiser.independent:
        values = [w[:, :1] for w in values]
    a, b = (w.ravel() for w in values)
    n, distance = len(a), ks_distance(a, b)
    allowed, unit = math.sqrt(math.log(2 / LEVEL)), 1 / math.sqrt(n)
    test = dataclasses.replace(
        context.row(
            key, shape=str(got.shape), n_compared=n, n_nonzero=int(np.count_nonzero(b)),
            noise_ratio=distance / unit, minimum_passing=distance, tolerance=allowed * unit,
        ),
        allowed=allowed,
    )  # fmt: skip
    differs = f"a Kolmogorov-Smirnov distance of {distance:.3g}, {allowed * unit:.3g} allowed"
    wrong = distance > allowed * unit
    row = dataclasses.replace(
        test, verdict="mismatch" if wrong else "match", reason=differs if wrong else ""
    )
    return [row] if initialiser.independent else [row, _orthogonality(context, initialiser, got)]


def _orthogonality(context: Context, initialiser: Any, got: Array) -> Comparison:
    W = got.reshape(len(got), got.shape[1], -1).astype(np.float64)
    W = W if W.shape[1] >= W.shape[2] else W.swapaxes(1, 2)
    gram = W.swapaxes(1, 2) @ W / initialiser.gain**2
    off = float(np.abs(gram - np.eye(gram.shape[-1])).max())
    unit = format_of(context.dtype).u * math.sqrt(W.shape[1])
    return context.row(
        ("orthogonality", ""), shape=str(got.shape), n_compared=gram.size,
        n_nonzero=gram.shape[0] * gram.shape[1], noise_ratio=off / unit, minimum_passing=off,
        tolerance=context.allowed * unit, reason=f"columns are {off:.3g} off being orthogonal",
    )  # fmt: skip


def ks_distance(a: Array, b: Array) -> float:
    """The largest gap between the empirical distribution functions of two samples."""
    both = np.sort(np.concatenate([a, b]))
    below = (np.searchsorted(np.sort(x), both, side="right") / len(x) for x in (a, b))
    return float(np.abs(next(below) - next(below)).max())
