"""Tolerances that are computed: the reference itself tells how much two correct runs may differ.

The reference runs once in the next wider precision, which gives the gold value g, and in R noisy
replicas (see ``noise``), whose spread s is what a relative error of one rounding in every
operation does to each entry. One unit of noise and the statistic of a candidate c are

    noise_i = u √(s_i² + FLOOR² m) + η        noise_ratio = max_i |c_i - g_i| / noise_i

with m the median of those s_i² that are not 0, and a ratio above K is a mismatch. No number here
depends on the network, and none is ever raised to make a comparison pass. The constants, chosen
once on prototypes and held since (u, K and δ by format: ``formats``):

    K        64 in float32, 1024 in float64. Correct implementations were never above 15 and 34;
             the smallest float64 bug with an effect above 1e-6 lay above 1e5, so 1024 costs
             nothing there; float32 has no such valley, and 64 keeps a factor 4.
    FLOOR    0.05: removes unlucky small s_i, loosens only entries 20 times quieter than most. (The
             mean of s_i² in place of m would let one entry without gradient loosen all others.)
    R        16, of which 12 at full amplitude: s is underestimated 4 times with probability 1e-5.
    δ        2^-24 in float32, the true size. 2^-40 in float64: far above the rounding of the
             float64 in which replicas are computed, and still linear. The last quarter of the
             replicas repeats the draws of the first at δ/8: where the two do not scale, within a
             factor 4, a rounding is no small perturbation and the leaf is unresolved. (Paired
             draws, because independent ones disagree by chance in leaves of a few entries.)
    η        the smallest normal number, because a denormal may be flushed to zero.

An optimizer that divides a gradient by its own size makes a step out of a rounding where an entry
of the gradient is zero. Entries of a leaf whose noise falls behind its amplitude in this way are
counted (``n_unresolved``) and may go as far as honest runs do (see ``honest``); the rest of the
leaf is judged as ever.

Of a large problem, more than ``LARGE`` numbers, a first look is taken with few replicas and with
float64 for gold (an extended precision costs 60 plain gradients). It decides where it can: a
candidate is far inside K/4 (s would have to be overestimated 4 times, of which the probability is
1e-6 or less for an entry), or far outside, 1000 K. Else a second look takes all the replicas.

tests/meta holds what proves all this: wrong implementations that must exceed K, and random correct
networks that must not.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..reference.floats import is_float
from ..reference.protocols import Array, Tree
from ..reference.tree import map_floats, tree_map
from .formats import OWN_ROUNDING, format_of, name_of, wide_dtype
from .honest import HonestRuns
from .measures import Expected
from .noise import Flips, Kink, Noise, deviations, mean_square
from .noisy import Noisy
from .records import LINEAR

FLOOR = 0.05
ZERO = 1024.0  # units of noise, of a rounding of the gold's precision, that may be all there is
REPLICAS = 16
MEDIAN_OF = 4096
PAIRED = 4  # a quarter of the replicas repeats the draws of the first
SATURATED = 0.9  # of the linearity: below, roundings K times as large say more than K times s
LARGE = 20_000  # numbers given (parameters, input, cotangent): from here on a first look pays
FIRST_LOOK = {"float64": 4, "float32": 6, "float16": 6, "bfloat16": 6}  # replicas of it

# Quantity ("gradient") and leaf ("0.W"); the step before the quantity where there are several.
Key = tuple[str, str]
Values = dict[Key, Any]


def placed(key: Key, step: int = 0) -> tuple[str, str, int]:
    """Quantity, leaf and step of a key; ``step`` where the key has none."""
    first, _, rest = key[0].partition(" ")
    return (rest, key[1], int(first)) if first.isdigit() else (*key, step)


class Exact:
    """Plain arrays of a wider dtype: the arithmetic of the gold value."""

    def __init__(self, work: Any) -> None:
        self.work = np.dtype(work)

    def array(self, x: Array) -> Array:
        """x in the wider dtype; integers stay."""
        return x.astype(self.work) if is_float(x) else x

    def tree(self, tree: Tree) -> Tree:
        """``array`` at every leaf."""
        return tree_map(self.array, tree)

    def hyperparameters(self, spec: Any) -> Any:
        """The spec with every float field in the wider dtype."""
        return map_floats(self.work.type, spec)


Arithmetic = Exact | Noise
Computation = Callable[[Any], Values]  # runs the reference in an Arithmetic


@dataclass(frozen=True)
class Expectations:
    """What is expected of a candidate, what it rests on, and what it takes to resolve kinks.

    ``final`` is False for a first look; ``overflows`` says that a result on the way left dtype.
    """

    leaves: dict[Key, Expected]
    ambiguous: tuple[Kink, ...]
    branches: Callable[[Sequence[Flips]], list[Values]]  # the gold values with other branches
    turned: Callable[[Flips], Expectations]  # what is expected with other branches
    origin: str = ""
    final: bool = True
    overflows: bool = False
    honest: HonestRuns | None = None  # where the computation can be run noisily


def amplitudes(dtype: Any, replicas: int = REPLICAS) -> Array:
    """δ of every replica: full amplitude, but an eighth for the paired ones at the end."""
    paired = replicas // PAIRED
    return format_of(dtype).amplitude / np.repeat([1.0, 8.0], [replicas - paired, paired])


def looks(
    compute: Computation, dtype: Any, seed: int = 0, replicas: int = REPLICAS, numbers: int = 0
) -> Iterator[Expectations]:
    """Expectations for a problem of so many numbers: a first look, where that pays, and the last.

    Whoever is content with the first need not ask for the next.
    """
    first = FIRST_LOOK[np.dtype(dtype).name]
    if numbers > LARGE and first < replicas:
        yield expectations(compute, dtype, seed, first, final=False)
    yield expectations(compute, dtype, seed, replicas)


def expectations(
    compute: Computation, dtype: Any, seed: int = 0, replicas: int = REPLICAS, final: bool = True,
    flips: Flips = frozenset(),
) -> Expectations:  # fmt: skip
    """Run the reference noisily and, for a final word, in the wider precision.

    With ``flips``, these entries take the other branch of their kinks.
    """
    deltas, turned = amplitudes(dtype, replicas), [flips] if flips else []
    noise = Noise(dtype, deltas, seed, paired=replicas // PAIRED, flips=turned)
    wide = wide_dtype(dtype) if final else noise.work
    own = OWN_ROUNDING if format_of(dtype).name == "float64" and wide == noise.work else 0.0
    zero = ZERO * float(np.finfo(wide).eps) / 2 / noise.u
    with np.errstate(all="ignore"):  # what is not finite gets a verdict
        noisy = compute(noise)
        if wide == noise.work:
            gold: Values = {k: _base(v) for k, v in noisy.items()}
        else:
            exact = Noise(dtype, flips=turned, given=noise.taken, work=wide)
            gold = {k: _base(v) for k, v in compute(exact if noise.taken else Exact(wide)).items()}
        leaves = {k: _expected(v, gold[k], noise, own, zero) for k, v in noisy.items()}
        far = [k for k, e in leaves.items()
               if e.linearity < SATURATED or e.saturated is not None]  # fmt: skip
    runs = HonestRuns(compute, dtype, seed)
    leaves |= {k: _reaching(k, leaves[k], runs) for k in far}

    def branches(flips: Sequence[Flips]) -> list[Values]:
        run = compute(Noise(dtype, flips=flips, given=noise.taken, work=wide))
        return [{k: _replica(v, i) for k, v in run.items()} for i in range(len(flips))]

    def again(flips: Flips) -> Expectations:
        return expectations(compute, dtype, seed, replicas, final, flips)

    power = round(math.log2(format_of(dtype).amplitude))
    origin = f"{replicas} replicas, gold {name_of(wide)}, δ=2^{power}"
    return Expectations(
        leaves, tuple(noise.ambiguous), branches, again, origin, final, noise.overflows, runs
    )


def _base(value: Any) -> Array:
    return value.base if isinstance(value, Noisy) else np.asarray(value)


def _replica(value: Any, i: int) -> Array:
    if not isinstance(value, Noisy):
        return np.asarray(value)
    return np.asarray(value.payload[i if len(value.payload) > 1 else 0])


def _expected(value: Any, gold: Array, noise: Noise, own: float, zero: float) -> Expected:
    if not isinstance(value, Noisy) or len(value.payload) == 1:  # an exact copy of data
        s, linearity, saturated = np.zeros(gold.shape), 1.0, None
    else:
        d, top = deviations(value.payload, noise.deltas)
        paired = len(d) // PAIRED
        s, linearity, saturated = _spread(d, paired)
        s *= top
    if noise.format.half:  # whatever it is, it is stored in the format
        s += np.abs(gold)
    s *= noise.u
    s += noise.format.smallest
    return Expected(gold, s, noise.dtype, linearity, own, zero, saturated=saturated)


def _spread(d: Array, paired: int) -> tuple[Array, float, Array | None]:
    """s, its linearity, and the entries whose noise falls behind its amplitude, if only some do."""
    full, eighth = mean_square(d[:paired]), mean_square(d[-paired:])
    s = mean_square(d[: len(d) - paired])
    s += FLOOR**2 * _typical(s)
    np.sqrt(s, out=s)
    saturated = eighth > LINEAR**2 * (full + FLOOR**2 * _typical(full))
    some = bool(saturated.any()) and not saturated.all()
    rest = ~saturated if some else ...
    of_full, of_eighth = float(full[rest].sum()), float(eighth[rest].sum())
    linearity = math.sqrt(of_full / of_eighth) if of_eighth else (1.0 if not of_full else math.inf)
    return s, linearity, saturated if some else None


def _typical(squares: Array) -> float:
    """The median of those that are not 0, of some thousands of them if there are more."""
    some = squares.ravel()[:: squares.size // MEDIAN_OF | 1]
    some = some[some > 0]
    return float(np.median(some)) if some.size else 0.0


def _reaching(key: Key, e: Expected, runs: HonestRuns) -> Expected:
    """The leaf with how far honest runs drive it, where that is less than noise says.

    Its saturated entries may go so far in any case.
    """
    honest = runs.noise(key, e, e.saturated)
    noise = np.minimum(e.noise, honest)
    if e.saturated is not None:
        noise = np.where(e.saturated, honest, noise)
    return dataclasses.replace(e, noise=noise, reach=runs.reach(key, e.gold))


def rms(x: Array) -> float:
    """The root of the mean square, without overflow or underflow."""
    top = float(np.max(np.abs(x), initial=0.0))
    return top * float(np.sqrt(np.mean(np.square(x / top)))) if top else 0.0
