"""Monte Carlo arithmetic: the reference run on arrays whose every operation is off by a rounding.

``Noisy`` (in its own file) is a NumPy duck array that carries R replicas of a computation as one
leading axis. Replica 0 is free of noise; in the others the result y of each operation becomes

    y + δ_r σ_op(y) (ξ + ζ)        ξ drawn per entry, ζ per operation call; uniform, variance 1

so that the spread of replicas over δ is what honest rounding does to a result of size u = δ. ζ is
the common mode: equal data makes equal rounding errors, which add up coherently. σ_op, in units
of one rounding of size u (measured worst cases of NumPy, torch and XLA on the right):

    + - * /             |y|
    sqrt                |y|                       (its argument kept at or above 0)
    exp log tanh ...    2 |y|                     (1 to 6 u)
    sum of n terms      √((n + 1)(Q/6 + S²/3))    Q = Σ x², S = Σ x
    matmul, length n    √((n + 1)(Q/6 + S²/3) + Q)  with Q and S of its products
    neg abs max compare where index reshape       0  (exact)
    below the normals   + smallest normal / u     (XLA flushes denormals to zero; exact zeros stay)

The sum's σ is the expectation, over every order of summation, of the variance of sequential
rounding: blocked, pairwise and naive sums all stay below it. In 16 bits a matrix product is
accumulated in float32 (σ is that small) and rounded once (+ |y|²). σ is taken from replica 0.

Scalars (hyperparameters: see ``Noise.hyperparameters``) carry a coherent error: the noise of an
operation on scalars only is drawn once and remembered, so a constant is wrong by the same amount
in every step, as it is in a framework that computes 1 - η λ once in float32. A hyperparameter is
rounded where it is used, in each operation by itself: optax has 1 - β₂ in double precision, and
β₂^t in single. A scalar's errors are few and bounded, no sum of thousands with an order that
nobody knows; so K is too much for them, and they get ``CONSTANT`` of the noise: 8 u in float32.
(Adam and its kin, in torch and JAX, over 400 steps: at most 5 of 64 in units of this noise.)
Nobody computes 1 - 0.999 in 16 bits: there a scalar is rounded where it meets an array.

A comparison is a kink, and so is a sign. With ``frozen`` kinks every replica takes the branch of
replica 0, and an entry whose two sides are nearer than ``NEAR`` standard deviations of its noise is
recorded as ambiguous: a correct implementation may take either branch there. ``flips`` gives each
replica its own branches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..reference.floats import is_float
from ..reference.protocols import Array, Tree
from ..reference.tree import map_floats, tree_map
from .formats import format_of
from .noisy import Noisy

CONSTANT = 1 / 8  # a scalar's share of noise: K u / 8 is room for all that rounds it
NEAR = 16.0  # |z| <= NEAR u σ_z: rounding alone may decide the branch
Watch = Callable[[str, tuple[Any, ...], dict[str, Any]], Any]  # sees operations: ``Noise.watch``


class Kink(NamedTuple):
    """Which comparison of a run, or which sign, and which flat entry of it."""

    call: int
    entry: int
    sign: bool = False
    half: bool = False

    @property
    def halved(self) -> Kink:
        """Of a sign: 0, between both branches."""
        return self._replace(half=True)


Flips = frozenset[Kink]  # those that take the other branch
Taken = dict[Kink, Any]  # True or False of a comparison; -1, 0 or 1 of a sign
CHUNK = 1 << 14  # entries that are made noisy at a time: replicas of so many stay in the cache
POOL = 1 << 14  # draws that are made at once, at the least
UNIFORM = np.sqrt(12 / (256**2 - 1))  # 1/σ of the integers from -128 to 127


class Noise:
    """A source of rounding noise for one run of the reference.

    ``dtype`` is that of the implementation to be judged. ``deltas`` are the amplitudes of the
    replicas after replica 0; without any, the run is exact, and has a replica for each of
    ``flips``; of one, in all. The last ``paired`` replicas draw the same ξ and ζ as the first ones.
    ``given`` are the branches that another run has ``taken`` at its ambiguous kinks. ``watch`` is
    told of each operation, by its name, operands and options, and may answer with another result
    than None.
    """

    def __init__(
        self, dtype: Any, deltas: Array | tuple[float, ...] = (), seed: int = 0, *,
        paired: int = 0, frozen: bool = True, flips: Sequence[Flips] = (),
        given: Taken | None = None, work: Any = np.float64,
    ) -> None:  # fmt: skip
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self.format = format_of(dtype)
        # What the reference sees: constants of 16 bits are held in float32, and masks in it.
        self.seen: np.dtype[Any] = np.dtype(np.float32) if self.format.half else self.dtype
        self.work: np.dtype[Any] = np.dtype(work)
        self.u = self.format.u
        self.floor = self.format.smallest / self.u
        self.deltas = np.concatenate([[0.0], np.asarray(deltas, np.float64)])
        self.frozen, self.flips = frozen and len(flips) < 2, tuple(flips)
        self.ambiguous: list[Kink] = []
        self.taken: Taken = {}  # at these, by replica 0, before any flip
        self.given: Taken = given or {}
        self.watch: Watch | None = None
        self.overflows = False  # whether 16 bits cannot hold a result, or round a divisor to 0
        self._scale = (self.deltas[1:, None] * UNIFORM).astype(np.float32)
        self._paired = paired
        self._rng = np.random.Generator(np.random.SFC64(seed))
        self._pool = np.zeros(0, np.int8)
        self._kinks = 0
        self._scalars: dict[Any, Array] = {}

    def array(self, x: Array) -> Any:
        """Exact data: the same in every replica. Integers and masks stay plain arrays."""
        return Noisy(self, np.asarray(x, self.work)[None]) if is_float(x) else x

    def tree(self, tree: Tree) -> Tree:
        """``array`` at every leaf."""
        return tree_map(self.array, tree)

    def hyperparameters(self, spec: Any) -> Any:
        """The spec with every float field as a noisy scalar: each implementation rounds them."""
        return map_floats(self._hyperparameter, spec)

    def _hyperparameter(self, value: float) -> Any:  # until it is used
        return Noisy(self, np.full(1, value, self.work))

    def constant(self, x: Any, use: Any) -> Any:
        """A Python float as each implementation rounds it for that use; anything else as it is."""
        return self._rounded(np.full(1, x, self.work), use) if type(x) is float else x

    def used(self, x: Any, use: Any) -> Any:
        """A scalar without noise so far, or in 16 bits any scalar, rounded for that use."""
        if not isinstance(x, Noisy) or x.ndim or (len(x.payload) > 1 and not self.format.half):
            return x
        return self._rounded(x.payload.copy(), use)

    def _rounded(self, x: Array, use: Any) -> Any:
        """The scalar x, off by a rounding unless every format holds it: 0, 1, 0.5."""
        value, narrow = float(x[0]), self.dtype if self.format.half else np.float16
        if abs(value) < 6e4 and float(np.asarray(value).astype(narrow)) == value:
            return Noisy(self, x)
        return Noisy(self, self.perturb(x, np.abs(x[:1]), key=(use, value)))

    # How large a rounding is, and the draws.

    def sigma_of_sum(self, y: Array, square: Array, n: int, product: bool = False) -> Array | None:
        """σ of the sum y of n terms whose squares add up to ``square``; None where n is 1."""
        if n == 1 and not product:
            return None
        variance = np.square(y[:1])
        variance *= (n + 1) / 3
        variance += ((n + 1) / 6 + product) * square
        if product and self.format.half:
            variance *= (self.format.matmul / self.u) ** 2
            variance += np.square(y[:1])
        return np.sqrt(variance, out=variance)

    def perturb(self, y: Array, sigma: Array | None, key: Any = None) -> Array:
        """The payload y, a new array, with noise of size δ σ; remembered under ``key``."""
        replicas = len(self._scale)
        if sigma is None or not replicas:
            return y
        if self.format.half and np.max(np.abs(y[0]), initial=0.0) > self.format.largest:
            self.overflows = True
        y = np.repeat(y, 1 + replicas, axis=0) if len(y) == 1 else np.ascontiguousarray(y)
        if key in self._scalars:
            y += self._scalars[key]
            return y
        size = self._size_of(y[:1], sigma, key)
        if key is not None:
            self._scalars[key] = np.zeros_like(y)
            self._add_noise(self._scalars[key], size)
            y += self._scalars[key]
        else:
            self._add_noise(y, size)
        return y

    def _size_of(self, y: Array, sigma: Array, key: Any) -> Array:
        """How large a rounding of y is; exact zeros stay, but not those of terms that cancel."""
        size = np.asarray((sigma + self.floor) * ((y != 0) | (sigma != 0)))
        size[~np.isfinite(size)] = 0
        return size if key is None or self.format.half else size * CONSTANT

    def check_divisor(self, y: Array) -> None:
        """Remember where 16 bits would divide by zero: √v + 1e-8, where v is 0."""
        size = np.abs(y)
        self.overflows |= bool(np.any((size <= self.format.underflow) & (size > 0)))

    def _add_noise(self, y: Array, size: Array) -> None:
        """Add δ_r size (ξ + ζ) to every replica r but 0 of a contiguous y."""
        replicas, paired = len(self._scale), self._paired
        flat, size, zeta = y.reshape(1 + replicas, -1), size.reshape(-1), None
        for start in range(0, size.size, CHUNK):
            part = size[start : start + CHUNK]
            xi = self._draws(replicas - paired, part.size + 1)
            if zeta is None:
                zeta = xi[:, -1:] + np.float32(1)  # both have a mean of -1/2
            draws = np.empty((replicas, part.size), np.float32)
            np.add(xi[:, :-1], zeta, out=draws[: replicas - paired])
            draws[replicas - paired :] = draws[:paired]
            draws *= self._scale
            flat[1:, start : start + CHUNK] += draws * part

    def _draws(self, rows: int, columns: int) -> Array:
        """Integers from -128 to 127, all equally likely."""
        count = rows * columns
        if count > len(self._pool):
            self._pool = np.frombuffer(self._rng.bytes(max(count, POOL)), np.int8)
        taken, self._pool = self._pool[:count], self._pool[count:]
        return taken.reshape(rows, columns)

    # Kinks.

    def compare(self, ufunc: np.ufunc, a: Array, b: Array) -> Array:
        """The branch of every entry, and a record of those that rounding alone may decide."""
        call = self._kink(np.asarray(a - b), sign=False)
        outcome: Array = ufunc(a[:1], b[:1]) if self.frozen else ufunc(a, b)
        return self._branched(call, outcome, np.logical_not)

    def sign(self, x: Array) -> Array:
        """-1, 0 or 1 for every entry, as ``compare``; the other branch is the other sign."""
        before = len(self.ambiguous)
        call = self._kink(x, sign=True)
        outcome = np.sign(x[:1] if self.frozen else x)
        for kink in self.ambiguous[before:]:
            column = outcome.reshape(len(outcome), -1)[:, kink.entry]
            column[column == 0] = 1  # so that both signs can be had from it, and their mean
        return self._branched(call, outcome, np.negative)

    def _kink(self, z: Array, sign: bool) -> int:
        """Count this comparison of z with 0; record the entries that are too near to tell."""
        call, self._kinks = self._kinks, self._kinks + 1
        if len(self.deltas) > 1 and len(z) > 1:
            sigma = spread(z, self.deltas)
            near = (np.abs(z[0]) <= NEAR * self.u * sigma) & (sigma > 0)
            self.ambiguous += [Kink(call, int(i), sign) for i in np.flatnonzero(near)]
        return call

    def _branched(self, call: int, outcome: Array, other: np.ufunc) -> Array:
        """The outcome with the branches that are given, and those that ``flips`` turn round."""
        given = {k.entry: taken for k, taken in self.given.items() if k.call == call}
        turned = [(r, k) for r, flips in enumerate(self.flips) for k in flips if k.call == call]
        if given or turned:
            replicas = max(len(outcome), len(self.flips))
            outcome = np.broadcast_to(outcome, (replicas, *outcome.shape[1:])).copy()
        flat = outcome.reshape(len(outcome), -1)
        for i, taken in given.items():
            flat[:, i] = taken
        self.taken |= {k: flat[0, k.entry] for k in self.ambiguous if k.call == call}
        for r, k in turned:
            rows = slice(None) if len(self.flips) == 1 else slice(r, r + 1)
            flat[rows, k.entry] = 0 if k.half else other(flat[rows, k.entry])
        return outcome


class Honest(Noise):
    """What an implementation may honestly come to: a single run, on branches of its own.

    Every result is off by a rounding of random size, ``strength`` times as large as in ``dtype``.
    """

    def __init__(self, dtype: Any, seed: int, strength: float = 1.0) -> None:
        super().__init__(dtype)
        self._strength = strength * self.u * math.sqrt(3)  # of a uniform draw of variance 1
        self._rng = np.random.default_rng(seed)

    def perturb(self, y: Array, sigma: Array | None, key: Any = None) -> Array:
        """The payload y with the rounding of each entry and that of the call."""
        if sigma is None:
            return y
        if key is not None and key in self._scalars:
            return y + self._scalars[key]
        draws = self._rng.uniform(-1, 1, y.shape) + self._rng.uniform(-1, 1)
        off = self._strength * self._size_of(y, sigma, key) * draws
        if key is not None:
            self._scalars[key] = off
        return np.asarray(y + off)


def deviations(payload: Array, deltas: Array) -> tuple[Array, float]:
    """(replica - replica 0)/(δ top), in which no square under- or overflows, and that top."""
    d = payload[1:] - payload[:1]
    d /= deltas[1:].reshape(-1, *(1,) * (payload.ndim - 1))
    largest = float(max(d.max(initial=0.0), -d.min(initial=0.0)))
    if largest == 0 or 1e-140 < largest < 1e140:  # the rule, which spares a pass
        return d, 1.0
    d /= largest
    return d, largest


def spread(payload: Array, deltas: Array) -> Array:
    """s = rms over replicas of (replica - replica 0)/δ."""
    d, top = deviations(payload, deltas)
    return np.asarray(top * np.sqrt(mean_square(d)))


def mean_square(d: Array) -> Array:
    """The mean of d² over the first axis."""
    return np.asarray(np.einsum("r...,r...->...", d, d) / len(d))
