"""A network written down as array operations, so that a page can work its numbers out by itself.

The reference's own code runs on ``Traced`` arrays, which note every operation that NumPy is asked
for. What comes out is a list without any derivation of its own: change what is given, run it
again, and it is the reference's forward pass, backward pass and update on other numbers.

All that only lays numbers out differently (transposes, slices, broadcasts) is one kind of
operation, ``view``, an offset with strides into the array that it looks at, as in NumPy itself;
all that writes into a part of an array is ``put``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ...reference.protocols import Array

MATMUL, WHERE, VIEW, PUT, GIVEN, CONSTANT = "matmul", "where", "view", "put", "given", "constant"
REDUCTIONS: dict[str, Callable[..., Any]] = {"sum": np.sum, "max": np.max, "min": np.min}
SHARED = 16  # a constant of at most so many numbers is written down once


class NotTraceable(TypeError):
    """The network asks for something that a tape has no word for."""


@dataclass(frozen=True)
class Operation:
    """One array: what makes it, from which earlier ones, its shape, and what else there is to say.

    ``view`` and ``put`` have an ``offset`` and ``strides``, or an ``index`` into the flat array; a
    reduction its ``axes``; what is given its ``name`` and, as a constant, its ``numbers``.
    """

    name: str
    inputs: tuple[int, ...]
    shape: tuple[int, ...]
    more: dict[str, Any] = field(default_factory=dict)


@dataclass
class Tape:
    """The operations in the order they ran; an array is known by its place among them."""

    operations: list[Operation] = field(default_factory=list)
    constants: dict[Any, Traced] = field(default_factory=dict)

    def given(self, name: str, value: Array) -> Traced:
        """An array that may be changed before the tape is run again."""
        return self.add(GIVEN, (), np.array(value), name=name, numbers=numbers_of(value))

    def add(self, op: str, inputs: tuple[Any, ...], payload: Any, **more: Any) -> Traced:
        """What an operation on arrays, traced or not, has made."""
        used = tuple(self.of(i).var for i in inputs)
        payload = np.asarray(payload)
        self.operations.append(Operation(op, used, payload.shape, more))
        return Traced(self, payload, len(self.operations) - 1)

    def of(self, value: Any) -> Traced:
        """The value itself, or a constant."""
        if isinstance(value, Traced):
            return value
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise NotTraceable(f"{array.dtype} is no kind of number that a page can work with")
        key = (array.shape, array.tobytes(), array.dtype.str) if array.size <= SHARED else id(array)
        if key not in self.constants:
            made = self.add(CONSTANT, (), array, numbers=numbers_of(array))
            made.origin = array  # held, so that its id is not used again
            self.constants[key] = made
        return self.constants[key]

    def needed(self, wanted: list[int]) -> list[int]:
        """The places of all operations that these arrays are made from, in order."""
        found, waiting = set(), list(wanted)
        while waiting:
            var = waiting.pop()
            if var not in found:
                found.add(var)
                waiting += self.operations[var].inputs
        return sorted(found)


class Traced(NDArrayOperatorsMixin):
    """An array whose operations are noted; to NumPy's functions it is an array."""

    __slots__ = ("origin", "payload", "tape", "var")

    def __init__(self, tape: Tape, payload: Array, var: int) -> None:
        self.tape, self.payload, self.var = tape, payload, var
        self.origin: Array | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.payload.shape

    @property
    def ndim(self) -> int:
        return self.payload.ndim

    @property
    def size(self) -> int:
        return self.payload.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.payload.dtype

    @property
    def T(self) -> Traced:
        return self.transpose()

    def __len__(self) -> int:
        return len(self.payload)

    def __bool__(self) -> bool:
        raise NotTraceable("the way that its program takes depends on the numbers")

    def __array__(self, *_: Any, **__: Any) -> Array:
        raise NotTraceable("it writes into an array of np.zeros, which np.zeros_like(a, shape=...) "
                           "of an array that was given would note")  # fmt: skip

    def copy(self) -> Traced:
        return Traced(self.tape, self.payload.copy(), self.var)

    def astype(self, dtype: Any) -> Traced:
        if self.payload.dtype.kind == "f" and np.dtype(dtype).kind in "iu":
            raise NotTraceable("numbers are rounded to integers")
        return Traced(self.tape, self.payload.astype(dtype), self.var)

    def laid_out(self, how: Callable[[Array], Any]) -> Traced:
        """The same numbers, or some of them, in another layout."""
        return self.tape.add(VIEW, (self,), how(self.payload), **_places(how, self.shape))

    def transpose(self, *axes: Any) -> Traced:
        return self.laid_out(lambda a: a.transpose(*axes))

    def swapaxes(self, a: int, b: int) -> Traced:
        return self.laid_out(lambda x: x.swapaxes(a, b))

    def reshape(self, *shape: Any) -> Traced:
        return self.laid_out(lambda a: a.reshape(*shape))

    def ravel(self) -> Traced:
        return self.reshape(-1)

    def __getitem__(self, index: Any) -> Traced:
        _check_index(index)
        return self.laid_out(lambda a: a[index])

    def __setitem__(self, index: Any, value: Any) -> None:
        _check_index(index)
        self.payload = self.payload.copy()
        shape = self.payload[index].shape
        part = self.tape.of(value).laid_out(lambda a: np.broadcast_to(a, shape))
        self.payload[index] = part.payload
        places = _places(lambda a: a[index], self.shape)
        self.var = self.tape.add(PUT, (self, part), self.payload, **places).var

    def _reduced(self, name: str, axis: Any, keepdims: bool) -> Traced:
        payload = REDUCTIONS[name](self.payload, axis=axis, keepdims=keepdims)
        axes = range(self.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        return self.tape.add(name, (self,), payload, axes=sorted(a % self.ndim for a in axes))

    def sum(self, axis: Any = None, keepdims: bool = False) -> Traced:
        return self._reduced("sum", axis, keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Traced:
        return self._reduced("max", axis, keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Traced:
        return self._reduced("min", axis, keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        total = self.sum(axis, keepdims)
        return total / (self.size / max(total.size, 1))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", None)
        if method != "__call__" or kwargs:
            raise NotTraceable(f"np.{ufunc.__name__} with {method} or {', '.join(kwargs)}")
        arrays = [self.tape.of(i) for i in inputs]
        if ufunc is np.matmul and min(a.ndim for a in arrays) < 2:
            raise NotTraceable("a product with a vector")
        with np.errstate(all="ignore"):
            payload = ufunc(*(a.payload for a in arrays))
        result = self.tape.add(ufunc.__name__, tuple(arrays), payload)
        if out is None:
            return result
        (target,) = out
        target.payload, target.var = result.payload, result.var
        return target

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func not in _FUNCTIONS:
            raise NotTraceable(f"np.{func.__name__} is none of the operations that it knows")
        return _FUNCTIONS[func](self.tape, *args, **kwargs)


def numbers_of(array: Array) -> list[float]:
    """An array's numbers in one list; true is 1."""
    return [float(v) for v in np.ravel(array)]


def _check_index(index: Any) -> None:
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, Traced) for part in parts):
        raise NotTraceable("which numbers are looked up depends on the numbers")


def _places(how: Callable[[Array], Any], shape: tuple[int, ...]) -> dict[str, Any]:
    """Where in the flat array of that shape the numbers of a layout are."""
    probe = np.arange(int(np.prod(shape))).reshape(shape)
    seen = np.asarray(how(probe))
    if not np.may_share_memory(seen, probe):
        return {"index": seen.ravel().tolist(), "region": list(seen.shape)}
    offset = int(seen.flat[0]) if seen.size else 0
    strides = [s // probe.itemsize for s in seen.strides]
    return {"offset": offset, "strides": strides, "region": list(seen.shape)}


def _where(tape: Tape, condition: Any, a: Any, b: Any) -> Traced:
    arrays = tuple(tape.of(v) for v in (condition, a, b))
    return tape.add(WHERE, arrays, np.where(*(v.payload for v in arrays)))


def _filled(tape: Tape, shape: tuple[int, ...], value: float) -> Traced:
    return tape.of(float(value)).laid_out(lambda a: np.broadcast_to(a, shape))


def _zeros_like(tape: Tape, x: Traced, shape: tuple[int, ...] | None = None) -> Traced:
    return _filled(tape, x.shape if shape is None else shape, 0)


def _join(join: Callable[..., Array]) -> Callable[..., Traced]:
    def joined(tape: Tape, arrays: Any, axis: int = 0) -> Traced:
        parts = [tape.of(a) for a in arrays]
        whole = join([p.payload for p in parts], axis=axis)
        made, start = _filled(tape, whole.shape, 0.0), 0
        for part in parts:
            width = 1 if join is np.stack else part.shape[axis]
            index = [slice(None)] * whole.ndim
            index[axis] = slice(start, start + width)
            region = whole[tuple(index)].shape
            made[tuple(index)] = part.reshape(region)
            start += width
        return made

    return joined


def _pad(tape: Tape, x: Traced, width: Any, mode: str = "constant", **how: Any) -> Traced:
    if mode != "constant":
        raise NotTraceable(f"np.pad with {mode}")
    whole = np.pad(x.payload, width, mode="constant", **how)
    made = _filled(tape, whole.shape, how.get("constant_values", 0.0))
    pairs = np.broadcast_to(width, (x.ndim, 2))
    inside = tuple(slice(p, p + n) for (p, _), n in zip(pairs, x.shape, strict=True))
    made[inside] = x
    return made


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.where: _where,
    np.concatenate: _join(np.concatenate),
    np.stack: _join(np.stack),
    np.pad: _pad,
    np.zeros_like: _zeros_like,
    np.ones_like: lambda tape, x: _filled(tape, x.shape, 1),
    np.sum: lambda tape, x, **kw: x.sum(**kw),
    np.mean: lambda tape, x, **kw: x.mean(**kw),
    np.max: lambda tape, x, **kw: x.max(**kw),
    np.min: lambda tape, x, **kw: x.min(**kw),
    np.transpose: lambda tape, x, axes=None: x.transpose(axes),
    np.swapaxes: lambda tape, x, a, b: x.swapaxes(a, b),
    np.moveaxis: lambda tape, x, a, b: x.laid_out(lambda p: np.moveaxis(p, a, b)),
    np.broadcast_to: lambda tape, x, shape: x.laid_out(lambda p: np.broadcast_to(p, shape)),
    np.reshape: lambda tape, x, shape: x.reshape(shape),
    np.ndim: lambda tape, x: x.ndim,
    np.shape: lambda tape, x: x.shape,
}
