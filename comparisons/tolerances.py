"""Tolerances that are computed: the reference itself tells how much two correct runs may differ.

The reference runs once in the next wider precision, which gives the gold value g, and in R noisy
replicas (see ``noise``), whose spread s is what a relative error of one rounding in every
operation does to each entry. One unit of noise and the statistic of a candidate c are

    noise_i = u √(s_i² + (FLOOR rms(s))²) + η        noise_ratio = max_i |c_i - g_i| / noise_i

and a ratio above K is a mismatch. No number here depends on the network, and none is ever raised
to make a comparison pass. The constants, chosen once on prototypes and held since:

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

tests/meta holds what proves them: wrong implementations that must exceed K, and random correct
networks that must not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..reference.protocols import Array, Tree
from ..reference.tree import map_floats, tree_map
from .measures import Expected
from .noise import Flips, Noise, Noisy, deviations

ALLOWED = {"float32": 64.0, "float64": 1024.0}  # K
FLOOR = 0.05
REPLICAS = 16
PAIRED = 4
AMPLITUDE = {"float32": 2.0**-24, "float64": 2.0**-40}  # δ

Key = tuple[str, str]  # quantity ("gradient") and leaf ("0.W")
Values = dict[Key, Any]


class Exact:
    """Plain arrays of a wider dtype: the arithmetic of the gold value."""

    def __init__(self, work: Any) -> None:
        self.work = np.dtype(work)

    def array(self, x: Array) -> Array:
        """x in the wider dtype; integers stay."""
        return x.astype(self.work) if x.dtype.kind == "f" else x

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
    """What is expected of a candidate, and what it takes to resolve kinks."""

    leaves: dict[Key, Expected]
    ambiguous: tuple[tuple[int, int], ...]
    flipped: Callable[[Flips], Values]  # the gold values with other branches taken


def wide_dtype(dtype: Any) -> np.dtype[Any]:
    """The next wider precision: float64, or longdouble where the platform's is wider than that."""
    if np.dtype(dtype) == np.float32:
        return np.dtype(np.float64)
    return np.dtype(np.longdouble)  # equal to float64 on some platforms: gold is then float64


def amplitudes(dtype: Any, replicas: int = REPLICAS) -> Array:
    """δ of every replica: full amplitude, but an eighth for the paired ones at the end."""
    paired = replicas // PAIRED
    return AMPLITUDE[np.dtype(dtype).name] / np.repeat([1.0, 8.0], [replicas - paired, paired])


def expectations(
    compute: Computation, dtype: Any, seed: int = 0, replicas: int = REPLICAS
) -> Expectations:
    """Run the reference noisily and in the wider precision."""
    deltas = amplitudes(dtype, replicas)
    noise = Noise(dtype, deltas, seed, paired=replicas // PAIRED)
    wide = wide_dtype(dtype)
    with np.errstate(all="ignore"):  # what is not finite gets a verdict
        noisy = compute(noise)
        if wide == noise.work:
            gold: Values = {k: _base(v) for k, v in noisy.items()}
        else:
            gold = {k: np.asarray(v) for k, v in compute(Exact(wide)).items()}
        leaves = {k: _expected(v, gold[k], noise, deltas) for k, v in noisy.items()}

    def flipped(flips: Flips) -> Values:
        run = compute(Noise(dtype, flips=flips, work=wide))
        return {k: _base(v) for k, v in run.items()}

    return Expectations(leaves, tuple(noise.ambiguous), flipped)


def _base(value: Any) -> Array:
    return value.base if isinstance(value, Noisy) else np.asarray(value)


def _expected(value: Any, gold: Array, noise: Noise, deltas: Array) -> Expected:
    if not isinstance(value, Noisy) or len(value.payload) == 1:  # an exact copy of data
        s, linearity = np.zeros(gold.shape), 1.0
    else:
        paired = len(deltas) // PAIRED
        squares, top = deviations(value.payload, noise.deltas)
        variance = squares[:-paired].mean(axis=0)
        s = top * np.sqrt(variance + FLOOR**2 * variance.mean())
        full, eighth = float(squares[:paired].mean()), float(squares[-paired:].mean())
        linearity = math.sqrt(full / eighth) if eighth else (1.0 if not full else math.inf)
    unit = noise.u * s + float(np.finfo(noise.dtype).smallest_normal)
    return Expected(gold, unit, noise.dtype, linearity)


def rms(x: Array) -> float:
    """The root of the mean square, without overflow or underflow."""
    top = float(np.max(np.abs(x), initial=0.0))
    return top * float(np.sqrt(np.mean(np.square(x / top)))) if top else 0.0
