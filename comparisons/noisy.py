"""The duck array of Monte Carlo arithmetic: replicas of an array that NumPy's functions accept.

What an operation rounds, and by how much, is said in ``noise``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

import numpy as np

from ..reference.protocols import Array
from .stack import MOVES, Stacked, aligned, lifted, payload

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


class Noisy(Stacked):
    """R replicas of an array. Its shape and axes are those of one replica."""

    __slots__ = ("noise",)

    def __init__(self, noise: Noise, payload: Array) -> None:
        self.noise, self.payload = noise, payload

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.noise.seen

    @property
    def base(self) -> Array:
        """Replica 0, free of noise."""
        return np.asarray(self.payload[0])

    def __bool__(self) -> bool:
        return bool(self.payload[0])

    def __float__(self) -> float:
        return float(self.payload[0])

    def __array__(self, *_: Any, **__: Any) -> Array:
        raise TypeError(
            "a noisy array written into a plain one would lose its noise: make that one with "
            "np.zeros_like(a, shape=...) of an array that was given"
        )

    def like(self, payload: Array) -> Self:
        return type(self)(self.noise, payload)

    transpose = _watched(Stacked.transpose)
    swapaxes = _watched(Stacked.swapaxes)
    mean = _watched(Stacked.mean)
    max = _watched(Stacked.max)
    min = _watched(Stacked.min)

    @_watched
    def sum(self, axis: Any = None, keepdims: bool = False) -> Self:
        axes, x = self.axes(axis), self.payload
        y = np.sum(x, axis=axes, keepdims=keepdims)
        n = self.size // max(int(np.prod(y.shape[1:])), 1)
        square = np.sum(np.square(x[:1]), axis=axes, keepdims=keepdims)
        return self.like(self.noise.perturb(y, self.noise.sigma_of_sum(y, square, n)))

    def compute(self, ufunc: np.ufunc, inputs: tuple[Any, ...]) -> Any:
        watch = self.noise.watch
        result = watch(ufunc.__name__, inputs, {}) if watch else None
        if result is not None:
            return result
        if ufunc is np.matmul:
            return self.like(_matmul(self.noise, *map(payload, inputs)))
        if ufunc in _EXACT:
            inputs = tuple(self.noise.constant(i, ufunc) for i in inputs)
        if not self.noise.format.half or any(np.ndim(i) for i in inputs):
            inputs = tuple(self.noise.used(i, ufunc) for i in inputs)
        return self.like(_elementwise(self.noise, ufunc, aligned(*inputs)))

    def functions(self) -> dict[Any, Callable[..., Any]]:
        return _FUNCTIONS

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        watch = self.noise.watch if func in _FUNCTIONS else None
        other = watch(func.__name__, args, kwargs) if watch else None
        return super().__array_function__(func, types, args, kwargs) if other is None else other


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
        a, b = lifted(a, ndim), lifted(b, ndim)
        y, square = a @ b, np.square(a[:1]) @ np.square(b[:1])
    return noise.perturb(y, noise.sigma_of_sum(y, square, a.shape[-1], product=True))


def _stacked(a: Array, b: Array) -> Array:
    product: Array = a.reshape(-1, a.shape[-1]) @ b[0]
    return product.reshape(*a.shape[:-1], b.shape[-1])


def _where(like: Noisy, condition: Any, a: Any, b: Any) -> Noisy:
    noise = like.noise
    a, b = (noise.used(noise.constant(x, np.where), np.where) for x in (a, b))
    return like.like(np.where(*aligned(condition, a, b)))


_FUNCTIONS: dict[Any, Callable[..., Any]] = MOVES | {np.where: _where}
