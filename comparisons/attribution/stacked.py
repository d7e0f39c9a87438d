"""A duck array of several arrays of one shape, stacked along an axis that nobody else sees.

``Stacked`` does what moves numbers about and computes nothing: reshape, transpose, index, join,
pad. What a subclass adds is the arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ...reference.protocols import Array


class Stacked(NDArrayOperatorsMixin):
    """Its ``payload`` has one axis more than it shows, the first."""

    __slots__ = ("payload",)

    def __init__(self, payload: Array) -> None:
        self.payload = payload

    @property
    def shape(self) -> tuple[int, ...]:
        """That of one of the arrays."""
        return self.payload.shape[1:]

    @property
    def ndim(self) -> int:
        """How many axes that is."""
        return self.payload.ndim - 1

    @property
    def size(self) -> int:
        """How many entries."""
        return int(np.prod(self.shape))

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of the payload."""
        return self.payload.dtype

    @property
    def T(self) -> Self:
        """All axes reversed."""
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
        """As NumPy's."""
        order = axes or tuple(reversed(range(self.ndim)))
        return self.like(self.payload.transpose(0, *(a % self.ndim + 1 for a in order)))

    def swapaxes(self, a: int, b: int) -> Self:
        """As NumPy's."""
        return self.like(self.payload.swapaxes(a % self.ndim + 1, b % self.ndim + 1))

    def reshape(self, *shape: Any) -> Self:
        """As NumPy's."""
        wanted = shape[0] if isinstance(shape[0], tuple) else shape
        return self.like(self.payload.reshape(len(self.payload), *wanted))

    def copy(self) -> Self:
        """As NumPy's."""
        return self.like(self.payload.copy())

    def __getitem__(self, index: Any) -> Self:
        return self.like(self.payload[(slice(None), *_index(index))])

    def __setitem__(self, index: Any, value: Any) -> None:
        new = value.payload if isinstance(value, Stacked) else np.asarray(value)[None]
        self.payload[(slice(None), *_index(index))] = new

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        found = {**_MOVES, **self.functions()}.get(func)
        if found is None:
            raise TypeError(f"np.{func.__name__} has no form for a {type(self).__name__}")
        return found(self, *args, **kwargs)

    def functions(self) -> dict[Any, Callable[..., Any]]:
        """What a subclass adds to the functions here: each takes an array of its kind first."""
        return {}


def _index(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)


def payload(x: Any) -> Array:
    """The payload; for a plain array, which is the same everywhere, one of length 1."""
    return x.payload if isinstance(x, Stacked) else np.asarray(x)[None]


def aligned(*inputs: Any) -> list[Array]:
    """Payloads that broadcast as the arrays do: with as many axes after the first."""
    found = [payload(i) for i in inputs]
    ndim = max(p.ndim for p in found)
    return [p.reshape(len(p), *(1,) * (ndim - p.ndim), *p.shape[1:]) for p in found]


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


_MOVES: dict[Any, Callable[..., Any]] = {
    np.concatenate: _join(np.concatenate),
    np.stack: _join(np.stack),
    np.pad: _pad,
    np.zeros_like: _zeros,
    np.ones_like: lambda like, x: like.like(np.ones_like(x.payload)),
    np.transpose: lambda like, x, axes=None: x.transpose(*(axes or ())),
    np.swapaxes: lambda like, x, a, b: x.swapaxes(a, b),
    np.reshape: lambda like, x, shape: x.reshape(shape),
    np.ndim: lambda like, x: x.ndim,
    np.shape: lambda like, x: x.shape,
}
