"""Monte Carlo arithmetic: the reference run on arrays whose every operation is off by a rounding.

``Noisy`` is a NumPy duck array that carries R replicas of a computation as one leading axis.
Replica 0 is free of noise; in the others the result y of each operation becomes

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
rounding: blocked, pairwise and naive sums all stay below it. σ is taken from replica 0.

Scalars (hyperparameters: see ``Noise.hyperparameters``) carry a coherent error: the noise of an
operation on scalars only is drawn once and remembered, so a constant is wrong by the same amount
in every step, as it is in a framework that computes 1 - η λ once in float32.

A comparison is a kink. With ``frozen`` kinks every replica takes the branch of replica 0, and an
entry whose two sides are nearer than ``NEAR`` standard deviations of its noise is recorded as
ambiguous: a correct implementation may take either branch there. ``flips`` forces branches.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..reference.protocols import Array, Tree
from ..reference.tree import map_floats, tree_map

HALF = np.float32(0.5)
NEAR = 16.0  # |z| <= NEAR u σ_z: rounding alone may decide the branch
Flips = frozenset[tuple[int, int]]  # (which comparison of the run, which flat entry)
M = TypeVar("M", bound=Callable[..., Any])
Watch = Callable[[str, tuple[Any, ...], dict[str, Any]], Any]  # sees operations: ``Noise.watch``

_ONE_ROUNDING = {np.add, np.subtract, np.multiply, np.divide, np.sqrt, np.square, np.reciprocal}
_EXACT = {np.negative, np.positive, np.absolute, np.sign, np.maximum, np.minimum, np.isfinite,
          np.logical_and, np.logical_or, np.logical_not, np.bitwise_and, np.bitwise_or,
          np.invert, np.signbit, np.isnan}  # fmt: skip
_COMPARE = {np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal}


def unit_roundoff(dtype: Any) -> float:
    """u = eps/2: 2^-24 for float32, 2^-53 for float64."""
    return float(np.finfo(dtype).eps) / 2


class Noise:
    """A source of rounding noise for one run of the reference.

    ``dtype`` is that of the implementation to be judged. ``deltas`` are the amplitudes of the
    replicas after replica 0; without any, the run is exact and only ``flips`` have an effect.
    The last ``paired`` replicas draw the same ξ and ζ as the first ones. ``watch`` is told of each
    operation, by its name, operands and options, and may answer with another result than None.
    """

    def __init__(
        self, dtype: Any, deltas: Array | tuple[float, ...] = (), seed: int = 0, *,
        paired: int = 0, frozen: bool = True, flips: Flips = frozenset(), work: Any = np.float64,
    ) -> None:  # fmt: skip
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self.work: np.dtype[Any] = np.dtype(work)
        self.u = unit_roundoff(dtype)
        self.floor = float(np.finfo(dtype).smallest_normal) / self.u
        self.deltas = np.concatenate([[0.0], np.asarray(deltas, np.float64)])
        self._scale = (self.deltas[1:, None] * np.sqrt(12.0)).astype(np.float32)
        self.frozen, self.flips = frozen, flips
        self.ambiguous: list[tuple[int, int]] = []
        self.watch: Watch | None = None
        self._paired = paired
        self._rng = np.random.Generator(np.random.SFC64(seed))
        self._comparisons = 0
        self._scalars: dict[Any, Array] = {}

    def array(self, x: Array) -> Any:
        """Exact data: the same in every replica. Integers and masks stay plain arrays."""
        return Noisy(self, np.asarray(x, self.work)[None]) if x.dtype.kind == "f" else x

    def tree(self, tree: Tree) -> Tree:
        """``array`` at every leaf."""
        return tree_map(self.array, tree)

    def hyperparameters(self, spec: Any) -> Any:
        """The spec with every float field as a noisy scalar: each implementation rounds them."""
        return map_floats(self._scalar, spec)

    def constant(self, x: Any) -> Any:
        """A Python float as each implementation rounds it; anything else as it is."""
        return self._scalar(x) if type(x) is float else x

    def _scalar(self, value: float) -> Any:
        exact = np.full(1, value, self.work)
        short = float(np.float16(value)) == value if abs(value) < 6e4 else False  # 0, 1, 0.5: exact
        return Noisy(self, exact if short else self.perturb(exact, np.abs(exact), key=value))

    def perturb(self, y: Array, sigma: Array | None, key: Any = None) -> Array:
        """The payload y with noise of standard deviation δ σ; remembered under ``key``."""
        replicas = len(self._scale)
        if sigma is None or not replicas:
            return y
        if key is not None and key in self._scalars:
            return y + self._scalars[key]
        draws = self._rng.random((replicas, y[0].size + 1), dtype=np.float32)
        if self._paired:
            draws[-self._paired :] = draws[: self._paired]
        draws -= HALF
        draws *= self._scale  # now uniform, of variance δ²
        xi = (draws[:, 1:] + draws[:, :1]).reshape(-1, *y.shape[1:])  # δ (ξ + ζ)
        noise = np.zeros((1 + replicas, *y.shape[1:]), self.work)  # replica 0 has none
        np.multiply(xi, (sigma + self.floor) * (y[:1] != 0), out=noise[1:])
        if key is not None:
            self._scalars[key] = noise.copy()
        noise += y
        return noise

    def compare(self, ufunc: np.ufunc, a: Array, b: Array) -> Array:
        """The branch of every entry, and a record of those that rounding alone may decide."""
        outcome: Array = ufunc(a[:1], b[:1]) if self.frozen else ufunc(a, b)
        z = np.asarray(a - b)
        call, self._comparisons = self._comparisons, self._comparisons + 1
        if len(self.deltas) > 1 and len(z) > 1:
            sigma = spread(z, self.deltas)
            near = (np.abs(z[0]) <= NEAR * self.u * sigma) & (sigma > 0)
            self.ambiguous += [(call, int(i)) for i in np.flatnonzero(near)]
        for i in (entry for which, entry in self.flips if which == call):
            outcome = outcome.copy()
            outcome[0].flat[i] ^= True
        return outcome


def deviations(payload: Array, deltas: Array) -> tuple[Array, float]:
    """d = (replica - replica 0)/δ as (d/max|d|)², where no square underflows, and max|d|."""
    d = payload[1:] - payload[0]
    d /= deltas[1:].reshape(-1, *(1,) * (payload.ndim - 1))
    top = float(max(d.max(initial=0.0), -d.min(initial=0.0)))
    d /= top or 1.0
    d *= d
    return d, top


def spread(payload: Array, deltas: Array) -> Array:
    """s = rms over replicas of (replica - replica 0)/δ."""
    squares, top = deviations(payload, deltas)
    return np.asarray(top * np.sqrt(squares.mean(axis=0)))


def _watched(method: M) -> M:
    """A method of which ``Noise.watch`` is told first."""

    @functools.wraps(method)
    def run(self: Noisy, *args: Any, **how: Any) -> Any:
        watch = self.noise.watch
        other = watch(method.__name__, (self, *args), how) if watch else None
        return method(self, *args, **how) if other is None else other

    return cast(M, run)


class Noisy(NDArrayOperatorsMixin):
    """R replicas of an array. Its shape and axes are those of one replica."""

    __slots__ = ("noise", "payload")

    def __init__(self, noise: Noise, payload: Array) -> None:
        self.noise, self.payload = noise, payload

    # What an array tells of itself, and views of it.
    @property
    def shape(self) -> tuple[int, ...]:
        return self.payload.shape[1:]

    @property
    def ndim(self) -> int:
        return self.payload.ndim - 1

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.noise.dtype

    @property
    def T(self) -> Noisy:
        return self.transpose()

    @property
    def base(self) -> Array:
        """Replica 0, free of noise."""
        return np.asarray(self.payload[0])

    def __len__(self) -> int:
        return self.shape[0]

    def __bool__(self) -> bool:
        return bool(self.payload[0])

    def __float__(self) -> float:
        return float(self.payload[0])

    def _like(self, payload: Array) -> Noisy:
        return Noisy(self.noise, payload)

    def _axes(self, axis: Any) -> tuple[int, ...]:
        if axis is None:
            return tuple(range(1, self.payload.ndim))
        axes = axis if isinstance(axis, tuple) else (axis,)
        return tuple(a if a < 0 else a + 1 for a in axes)

    @_watched
    def transpose(self, *axes: int) -> Noisy:
        order = axes or tuple(reversed(range(self.ndim)))
        return self._like(self.payload.transpose(0, *(a % self.ndim + 1 for a in order)))

    @_watched
    def swapaxes(self, a: int, b: int) -> Noisy:
        return self._like(self.payload.swapaxes(a % self.ndim + 1, b % self.ndim + 1))

    def reshape(self, *shape: Any) -> Noisy:
        wanted = shape[0] if isinstance(shape[0], tuple) else shape
        return self._like(self.payload.reshape(len(self.payload), *wanted))

    def copy(self) -> Noisy:
        return self._like(self.payload.copy())

    def __getitem__(self, index: Any) -> Noisy:
        return self._like(self.payload[(slice(None), *_index(index))])

    def __setitem__(self, index: Any, value: Any) -> None:
        new = value.payload if isinstance(value, Noisy) else np.asarray(value)[None]
        if len(new) > len(self.payload):
            self.payload = np.repeat(self.payload, len(new), axis=0)
        self.payload[(slice(None), *_index(index))] = new

    # Reductions.
    @_watched
    def sum(self, axis: Any = None, keepdims: bool = False) -> Noisy:
        axes, x = self._axes(axis), self.payload
        y = np.sum(x, axis=axes, keepdims=keepdims)
        n = self.size // max(int(np.prod(y.shape[1:])), 1)
        square = np.sum(np.square(x[:1]), axis=axes, keepdims=keepdims)
        sigma = np.sqrt((n + 1) * (square / 6 + np.square(y[:1]) / 3)) if n > 1 else None
        return self._like(self.noise.perturb(y, sigma))

    @_watched
    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        total = self.sum(axis, keepdims)
        return total / (self.size / max(total.size, 1))

    @_watched
    def max(self, axis: Any = None, keepdims: bool = False) -> Noisy:
        return self._like(self.payload.max(axis=self._axes(axis), keepdims=keepdims))

    @_watched
    def min(self, axis: Any = None, keepdims: bool = False) -> Noisy:
        return self._like(self.payload.min(axis=self._axes(axis), keepdims=keepdims))

    # NumPy's protocols.
    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", None)
        if method != "__call__" or kwargs:
            return NotImplemented
        watch = self.noise.watch
        result = watch(ufunc.__name__, inputs, {}) if watch else None
        if result is not None:
            pass
        elif ufunc is np.matmul:
            result = self._like(_matmul(self.noise, *map(_payload, inputs)))
        else:
            if ufunc in _EXACT:
                inputs = tuple(map(self.noise.constant, inputs))
            raw = _aligned(*inputs)
            result = self._like(_elementwise(self.noise, ufunc, raw))
        if out is None:
            return result
        (target,) = out
        target.payload = result.payload
        return target

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func not in _FUNCTIONS:
            raise TypeError(
                f"np.{func.__name__} has no noisy form: write the layer with ufuncs, @, sum, mean, "
                "max, reshape, where, pad, stack and concatenate, or add it to comparisons/noise.py"
            )
        watch = self.noise.watch
        other = watch(func.__name__, args, kwargs) if watch else None
        return _FUNCTIONS[func](self.noise, *args, **kwargs) if other is None else other


def _index(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)


def _payload(x: Any) -> Array:
    return x.payload if isinstance(x, Noisy) else np.asarray(x)[None]


def _lift(payload: Array, ndim: int) -> Array:
    """The payload with unit axes after the first, so that replicas broadcast as arrays do."""
    missing = ndim - (payload.ndim - 1)
    if not missing:
        return payload
    return payload.reshape(len(payload), *(1,) * missing, *payload.shape[1:])


def _aligned(*inputs: Any) -> list[Array]:
    payloads = [_payload(i) for i in inputs]
    ndim = max(p.ndim for p in payloads) - 1
    return [_lift(p, ndim) for p in payloads]


def _elementwise(noise: Noise, ufunc: np.ufunc, raw: list[Array]) -> Array:
    ndim = raw[0].ndim - 1
    if ufunc in _COMPARE:
        return noise.compare(ufunc, *raw) if ndim else ufunc(*(r[:1] for r in raw))
    if ufunc is np.sqrt:
        raw = [np.maximum(raw[0], 0)]
    y = np.asarray(ufunc(*raw))
    masked = ufunc is np.multiply and any(r.dtype.kind == "b" for r in raw)
    key = (ufunc, *(r.tobytes() for r in raw)) if ndim == 0 else None
    if masked or ufunc in _EXACT:
        return y
    return noise.perturb(y, np.abs(y[:1]) * (1 if ufunc in _ONE_ROUNDING else 2), key)


def _matmul(noise: Noise, a: Array, b: Array) -> Array:
    if min(a.ndim, b.ndim) < 3:
        raise TypeError("noisy matmul takes operands of two or more axes")
    ndim = max(a.ndim, b.ndim) - 1
    a, b = _lift(a, ndim), _lift(b, ndim)
    n, y = a.shape[-1], a @ b
    square = np.square(a[:1]) @ np.square(b[:1])
    return noise.perturb(y, np.sqrt((n + 1) * (square / 6 + np.square(y[:1]) / 3) + square))


def _where(noise: Noise, condition: Any, a: Any, b: Any) -> Noisy:
    return Noisy(noise, np.where(*_aligned(condition, noise.constant(a), noise.constant(b))))


def _join(join: Callable[..., Array]) -> Callable[..., Noisy]:
    def joined(noise: Noise, arrays: Any, axis: int = 0) -> Noisy:
        payloads = [_payload(a) for a in arrays]
        count = max(map(len, payloads))
        same = [np.broadcast_to(p, (count, *p.shape[1:])) for p in payloads]
        return Noisy(noise, join(same, axis=axis if axis < 0 else axis + 1))

    return joined


def _pad(noise: Noise, x: Noisy, width: Any, mode: Any = "constant", **how: Any) -> Noisy:
    return Noisy(noise, np.pad(x.payload, ((0, 0), *width), mode=mode, **how))


def _zeros_like(noise: Noise, x: Noisy, shape: tuple[int, ...] | None = None) -> Noisy:
    whole = None if shape is None else (len(x.payload), *shape)
    return Noisy(noise, np.zeros_like(x.payload, shape=whole))


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.where: _where,
    np.concatenate: _join(np.concatenate),
    np.stack: _join(np.stack),
    np.pad: _pad,
    np.zeros_like: _zeros_like,
    np.ones_like: lambda noise, x: Noisy(noise, np.ones_like(x.payload)),
    np.sum: lambda noise, x, **kw: x.sum(**kw),
    np.mean: lambda noise, x, **kw: x.mean(**kw),
    np.max: lambda noise, x, **kw: x.max(**kw),
    np.min: lambda noise, x, **kw: x.min(**kw),
    np.transpose: lambda noise, x, axes=None: x.transpose(*(axes or ())),
    np.swapaxes: lambda noise, x, a, b: x.swapaxes(a, b),
    np.reshape: lambda noise, x, shape: x.reshape(shape),
    np.ndim: lambda noise, x: x.ndim,
    np.shape: lambda noise, x: x.shape,
}
