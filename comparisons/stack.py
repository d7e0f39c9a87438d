"""A duck array of several arrays of one shape, stacked along an axis that nobody else sees.

``Stacked`` does what moves numbers about and computes nothing: reshape, transpose, index, join,
pad, max. What a subclass adds is the arithmetic: ``sum``, ``compute``, and functions of its own.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..reference.protocols import Array


class Stacked(NDArrayOperatorsMixin):
    """Its ``payload`` has one axis more than it shows, the first."""

    __slots__ = ("payload",)

    def __init__(self, payload: Array) -> None:
        self.payload = payload

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
        return self.payload.dtype

    @property
    def T(self) -> Self:
        return self.transpose()

    def __len__(self) -> int:
        return self.shape[0]

    def like(self, payload: Array) -> Self:
        """Another of its kind."""
        return type(self)(payload)

    def axes(self, axis: Any) -> tuple[int, ...]:
        """Axes of the payload, for those that it shows; None is all."""
        if axis is None:
            return tuple(range(1, self.payload.ndim))
        given = axis if isinstance(axis, tuple) else (axis,)
        return tuple(a if a < 0 else a + 1 for a in given)

    def transpose(self, *axes: int) -> Self:
        order = axes or tuple(reversed(range(self.ndim)))
        return self.like(self.payload.transpose(0, *(a % self.ndim + 1 for a in order)))

    def swapaxes(self, a: int, b: int) -> Self:
        return self.like(self.payload.swapaxes(a % self.ndim + 1, b % self.ndim + 1))

    def reshape(self, *shape: Any) -> Self:
        wanted = shape[0] if isinstance(shape[0], tuple) else shape
        return self.like(self.payload.reshape(len(self.payload), *wanted))

    def copy(self) -> Self:
        return self.like(self.payload.copy())

    def __getitem__(self, index: Any) -> Self:
        return self.like(self.payload[(slice(None), *_index(index))])

    def __setitem__(self, index: Any, value: Any) -> None:
        new = payload(value)
        if len(new) > len(self.payload):
            self.payload = np.repeat(self.payload, len(new), axis=0)
        self.payload[(slice(None), *_index(index))] = new

    # Reductions.
    @abstractmethod
    def sum(self, axis: Any = None, keepdims: bool = False) -> Self: ...

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        total = self.sum(axis, keepdims)
        return total / (self.size / max(total.size, 1))

    def max(self, axis: Any = None, keepdims: bool = False) -> Self:
        return self.like(self.payload.max(axis=self.axes(axis), keepdims=keepdims))

    def min(self, axis: Any = None, keepdims: bool = False) -> Self:
        return self.like(self.payload.min(axis=self.axes(axis), keepdims=keepdims))

    # NumPy's protocols.
    @abstractmethod
    def compute(self, ufunc: np.ufunc, inputs: tuple[Any, ...]) -> Any:
        """A ufunc of operands of which one at least is of its kind."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", None)
        if method != "__call__" or kwargs:
            return NotImplemented
        result = self.compute(ufunc, inputs)
        if out is None:
            return result
        (target,) = out
        target.payload = result.payload
        return target

    def functions(self) -> dict[Any, Callable[..., Any]]:
        """Functions of NumPy in its form: each takes an array of its kind, then its arguments."""
        return MOVES

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        found = self.functions().get(func)
        if found is None:
            raise TypeError(
                f"np.{func.__name__} has no {type(self).__name__.lower()} form: write the layer "
                "with ufuncs, @, sum, mean, max, reshape, where, pad, stack and concatenate, or "
                "add it to comparisons/stack.py"
            )
        return found(self, *args, **kwargs)


def _index(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)


def payload(x: Any) -> Array:
    """The payload; for a plain array, which is the same everywhere, one of length 1."""
    return x.payload if isinstance(x, Stacked) else np.asarray(x)[None]


def lifted(found: Array, ndim: int) -> Array:
    """The payload with unit axes after the first, so that payloads broadcast as arrays do."""
    missing = ndim - (found.ndim - 1)
    if not missing:
        return found
    return found.reshape(len(found), *(1,) * missing, *found.shape[1:])


def aligned(*inputs: Any) -> list[Array]:
    """Payloads with as many axes after the first."""
    found = [payload(i) for i in inputs]
    ndim = max(p.ndim for p in found) - 1
    return [lifted(p, ndim) for p in found]


def _join(join: Callable[..., Array]) -> Callable[..., Stacked]:
    def joined(like: Stacked, arrays: Any, axis: int = 0) -> Stacked:
        found = [payload(a) for a in arrays]
        count = max(map(len, found))
        same = [np.broadcast_to(p, (count, *p.shape[1:])) for p in found]
        return like.like(join(same, axis=axis if axis < 0 else axis + 1))

    return joined


def _pad(like: Stacked, x: Stacked, width: Any, mode: Any = "constant", **how: Any) -> Stacked:
    return like.like(np.pad(x.payload, ((0, 0), *width), mode=mode, **how))


def _zeros(like: Stacked, x: Stacked, shape: tuple[int, ...] | None = None) -> Stacked:
    whole = None if shape is None else (len(x.payload), *shape)
    return like.like(np.zeros_like(x.payload, shape=whole))


MOVES: dict[Any, Callable[..., Any]] = {
    np.concatenate: _join(np.concatenate),
    np.stack: _join(np.stack),
    np.pad: _pad,
    np.zeros_like: _zeros,
    np.ones_like: lambda like, x: like.like(np.ones_like(x.payload)),
    np.sum: lambda like, x, **kw: x.sum(**kw),
    np.mean: lambda like, x, **kw: x.mean(**kw),
    np.max: lambda like, x, **kw: x.max(**kw),
    np.min: lambda like, x, **kw: x.min(**kw),
    np.transpose: lambda like, x, axes=None: x.transpose(*(axes or ())),
    np.swapaxes: lambda like, x, a, b: x.swapaxes(a, b),
    np.reshape: lambda like, x, shape: x.reshape(shape),
    np.ndim: lambda like, x: x.ndim,
    np.shape: lambda like, x: x.shape,
}
