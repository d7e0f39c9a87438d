"""Tolerances that are computed: the reference itself tells how much two correct runs may differ.

The reference runs once in the next wider precision, which gives the gold value g, and in R noisy
replicas (see ``noise``), whose spread s is what a relative error of one rounding in every
operation does to each entry. One unit of noise and the statistic of a candidate c are

    noise_i = u √(s_i² + (FLOOR rms(s))²) + η        noise_ratio = max_i |c_i - g_i| / noise_i

and a ratio above K is a mismatch. No number here depends on the network, and none is ever raised
to make a comparison pass. The constants, chosen once on prototypes and held since (u, K and δ by
format: ``formats``):

    K        64 in float32, 1024 in float64. Correct implementations were never above 15 and 34;
             the smallest float64 bug with an effect above 1e-6 lay above 1e5, so 1024 costs
             nothing there; float32 has no such valley, and 64 keeps a factor 4.
    FLOOR    0.05: removes unlucky small s_i, loosens only entries 20 times quieter than the rest.
    R        16, of which 12 at full amplitude: s is underestimated 4 times with probability 1e-5.
    δ        2^-24 in float32, the true size. 2^-40 in float64: far above the rounding of the
             float64 in which replicas are computed, and still linear. The last quarter of the
             replicas repeats the draws of the first at δ/8: where the two do not scale, within a
             factor 4, a rounding is no small perturbation and the leaf is unresolved. (Paired
             draws, because independent ones disagree by chance in leaves of a few entries.)
    η        the smallest normal number, because a denormal may be flushed to zero.

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
from .measures import Expected
from .noise import Flips, Kink, Noise, deviations, mean_square
from .noisy import Noisy

FLOOR = 0.05
ZERO = 1024.0  # units of noise, of a rounding of the gold's precision, that may be all there is
REPLICAS = 16
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
        far = [k for k, e in leaves.items() if e.linearity < SATURATED]
        if far:
            leaves |= _with_reach(compute, leaves, far, dtype, seed)

    def branches(flips: Sequence[Flips]) -> list[Values]:
        run = compute(Noise(dtype, flips=flips, given=noise.taken, work=wide))
        return [{k: _replica(v, i) for k, v in run.items()} for i in range(len(flips))]

    def again(flips: Flips) -> Expectations:
        return expectations(compute, dtype, seed, replicas, final, flips)

    power = round(math.log2(format_of(dtype).amplitude))
    origin = f"{replicas} replicas, gold {name_of(wide)}, δ=2^{power}"
    return Expectations(
        leaves, tuple(noise.ambiguous), branches, again, origin, final, noise.overflows
    )


def _base(value: Any) -> Array:
    return value.base if isinstance(value, Noisy) else np.asarray(value)


def _replica(value: Any, i: int) -> Array:
    if not isinstance(value, Noisy):
        return np.asarray(value)
    return np.asarray(value.payload[i if len(value.payload) > 1 else 0])


def _expected(value: Any, gold: Array, noise: Noise, own: float, zero: float) -> Expected:
    if not isinstance(value, Noisy) or len(value.payload) == 1:  # an exact copy of data
        s, linearity = np.zeros(gold.shape), 1.0
    else:
        d, top = deviations(value.payload, noise.deltas)
        paired = len(d) // PAIRED
        s = mean_square(d[: len(d) - paired])
        s += FLOOR**2 * s.mean()
        np.sqrt(s, out=s)
        s *= top
        full, eighth = (float(np.vdot(some, some)) for some in (d[:paired], d[-paired:]))
        linearity = math.sqrt(full / eighth) if eighth else (1.0 if not full else math.inf)
    if noise.format.half:  # whatever it is, it is stored in the format
        s += np.abs(gold)
    s *= noise.u
    s += noise.format.smallest
    return Expected(gold, s, noise.dtype, linearity, own, zero)


def _with_reach(
    compute: Computation, leaves: Values, keys: list[Any], dtype: Any, seed: int
) -> Values:
    """These leaves with how far roundings up to K times as large drive each of their entries."""
    form = format_of(dtype)
    strength = np.repeat(form.u * form.allowed ** np.linspace(0, 1, 4), 4)
    run, reached = compute(Noise(dtype, strength, seed + 1)), {}
    for key in keys:
        payload = run[key].payload
        reach = np.abs(payload[1:] - payload[:1]).max(axis=0)
        reached[key] = dataclasses.replace(leaves[key], reach=reach)
    return reached


def rms(x: Array) -> float:
    """The root of the mean square, without overflow or underflow."""
    top = float(np.max(np.abs(x), initial=0.0))
    return top * float(np.sqrt(np.mean(np.square(x / top)))) if top else 0.0
