"""The duck array of Monte Carlo arithmetic: replicas of an array that NumPy's functions accept.

What an operation rounds, and by how much, is said in ``noise``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..reference.protocols import Array

if TYPE_CHECKING:
    from .noise import Noise

M = TypeVar("M", bound=Callable[..., Any])

_ONE_ROUNDING = {np.add, np.subtract, np.multiply, np.divide, np.sqrt, np.square, np.reciprocal}
_EXACT = {np.negative, np.positive, np.absolute, np.maximum, np.minimum, np.isfinite,
          np.logical_and, np.logical_or, np.logical_not, np.bitwise_and, np.bitwise_or,
          np.invert, np.signbit, np.isnan}  # fmt: skip
_COMPARE = {np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal}


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
        return self.noise.seen

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

    def __array__(self, *_: Any, **__: Any) -> Array:
        raise TypeError(
            "a noisy array written into a plain one would lose its noise: make that one with "
            "np.zeros_like(a, shape=...) of an array that was given"
        )

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
        return self._like(self.noise.perturb(y, self.noise.sigma_of_sum(y, square, n)))

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
                inputs = tuple(self.noise.constant(i, ufunc) for i in inputs)
            if not self.noise.format.half or any(np.ndim(i) for i in inputs):
                inputs = tuple(self.noise.used(i, ufunc) for i in inputs)
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
                "max, reshape, where, pad, stack and concatenate, or add it to comparisons/noisy.py"
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
    if ufunc is np.sign:
        return noise.sign(raw[0])
    if ufunc is np.sqrt:
        raw = [np.maximum(raw[0], 0)]
    y = np.asarray(ufunc(*raw))
    if noise.format.half and ufunc in (np.divide, np.reciprocal):
        noise.check_divisor(raw[-1])
    masked = ufunc is np.multiply and any(r.dtype.kind == "b" for r in raw)
    key = (ufunc, *(r.tobytes() for r in raw)) if ndim == 0 else None
    if masked or ufunc in _EXACT or (ndim == 0 and noise.format.half):
        return y
    return noise.perturb(y, np.abs(y[:1]) * (1 if ufunc in _ONE_ROUNDING else 2), key)


def _matmul(noise: Noise, a: Array, b: Array) -> Array:
    if min(a.ndim, b.ndim) < 3:
        raise TypeError("noisy matmul takes operands of two or more axes")
    if b.ndim == 3 and len(b) == 1:  # a weight, the same in every replica: one large product
        y, square = _stacked(a, b), _stacked(np.square(a[:1]), np.square(b))
    else:
        ndim = max(a.ndim, b.ndim) - 1
        a, b = _lift(a, ndim), _lift(b, ndim)
        y, square = a @ b, np.square(a[:1]) @ np.square(b[:1])
    return noise.perturb(y, noise.sigma_of_sum(y, square, a.shape[-1], product=True))


def _stacked(a: Array, b: Array) -> Array:
    product: Array = a.reshape(-1, a.shape[-1]) @ b[0]
    return product.reshape(*a.shape[:-1], b.shape[-1])


def _where(noise: Noise, condition: Any, a: Any, b: Any) -> Noisy:
    a, b = (noise.used(noise.constant(x, np.where), np.where) for x in (a, b))
    return Noisy(noise, np.where(*_aligned(condition, a, b)))


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
