"""Interval arithmetic: the reference run on boxes of numbers, with bounds that hold everywhere.

``Interval`` is a NumPy duck array of pairs [lo, hi]. An operation gives bounds of every value that
it can take, whatever numbers the operands take in theirs; so a layer's forward and backward, run on
intervals as they stand, bound its output and its gradients over a whole box at once. Bounds are
rounded outward:

    + - * / sqrt        to the next number: IEEE arithmetic is off by half a unit in the last place
    exp log tanh ...    by ELEMENTARY units: NumPy promises no bound; 3.5 were measured at worst
    sum, matmul         by γ_n Σ |terms|, for any order of summation (Higham, 2002, equation 3.5),
                        and for each product the least number there is, lest it underflows
    neg abs max where   not at all

What is zero for certain stays zero. A comparison that the bounds do not decide is both: as a factor
it is [0, 1], and ``np.where`` gives the hull of both branches. So at a kink the bounds hold every
slope between those of either side (Clarke's generalised gradient).

An operand that occurs twice is taken for two: x - x is no zero. The bounds still hold, and are
wider than need be; x * x alone is known for a square. Sources: Moore, "Interval analysis" (1966),
chapter 3; Rump, "Fast and parallel interval arithmetic" (1999), for the products of matrices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...reference.protocols import Array
from ..stack import MOVES, Stacked, aligned

ELEMENTARY = 4  # units in the last place that an elementary function of NumPy may be off by
EPS = float(np.finfo(np.float64).eps)
LEAST = float(np.finfo(np.float64).smallest_subnormal)  # a product below it is off by as much
Ends = tuple[Array, Array]


class Interval(Stacked):
    """An array of closed intervals: ``lo`` and ``hi``, float64, of one shape.

    Raises ValueError where lo > hi or either is NaN.
    """

    __slots__ = ()

    def __init__(self, payload: Array) -> None:
        super().__init__(payload)
        if not np.all(payload[0] <= payload[1]):
            raise ValueError("an interval needs lo <= hi, and no NaN")

    @classmethod
    def of(cls, lo: Any, hi: Any = None) -> Interval:
        """From bounds that broadcast; of one array, its numbers as they are."""
        ends = np.broadcast_arrays(lo, lo if hi is None else hi)
        return cls(np.stack([np.asarray(end, np.float64) for end in ends]))

    @property
    def lo(self) -> Array:
        """The lower bounds."""
        return np.asarray(self.payload[0])

    @property
    def hi(self) -> Array:
        """The upper bounds."""
        return np.asarray(self.payload[1])

    def __repr__(self) -> str:
        return f"Interval({self.lo}, {self.hi})"

    def __bool__(self) -> bool:
        if self.lo != self.hi:
            raise TypeError(f"{self} does not decide a branch: write the layer with np.where")
        return bool(self.lo)

    def __contains__(self, x: Any) -> bool:
        """Whether every number of x is in its interval."""
        return bool(np.all((self.lo <= x) & (x <= self.hi)))

    def sum(self, axis: Any = None, keepdims: bool = False) -> Interval:
        """As NumPy's, in any order of summation."""
        axes = self.axes(axis)
        total = self.payload.sum(axis=axes, keepdims=keepdims)
        error = _gamma(self.size // max(total[0].size, 1)) * np.abs(self.payload).sum(
            axis=axes, keepdims=keepdims
        )
        return _outward(total[0] - error[0], total[1] + error[1], error == 0)

    def compute(self, ufunc: np.ufunc, inputs: tuple[Any, ...]) -> Interval:
        """Bounds of its values; raises TypeError for one without an interval form."""
        if ufunc not in _UFUNCS:
            raise TypeError(f"np.{ufunc.__name__} has no interval form")
        if ufunc is np.multiply and inputs[0] is inputs[1]:
            ufunc, inputs = np.square, inputs[:1]
        with np.errstate(all="ignore"):
            ends = ((p[0], p[-1]) for p in aligned(*inputs))
            return _UFUNCS[ufunc](*((_number(lo), _number(hi)) for lo, hi in ends))

    def functions(self) -> dict[Any, Callable[..., Any]]:
        """Those with an arithmetic of their own."""
        return _FUNCTIONS


def hull(*parts: Interval) -> Interval:
    """The smallest interval that holds all of them."""
    lo, hi = (np.stack([getattr(p, end) for p in parts]) for end in ("lo", "hi"))
    return Interval.of(lo.min(axis=0), hi.max(axis=0))


def _number(x: Array) -> Array:
    return x.astype(np.float64) if x.dtype.kind in "biu" else x


def _gamma(n: int) -> float:
    """γ_n with room for the rounding of the bound itself."""
    return (n + 4) * EPS


def _below(x: Array, exact: Any = np.False_, units: int = 1) -> Array:
    """A bound below what x stands for, which it may be off from by so many units."""
    off = x - (units - 1) * np.spacing(np.abs(x)) if units > 1 else x
    down = np.where(np.isnan(off), -np.inf, np.nextafter(off, -np.inf))
    return np.where(exact & ~np.isnan(x), x, down)


def _above(x: Array, exact: Any = np.False_, units: int = 1) -> Array:
    return -_below(-x, exact, units)


def _outward(lo: Array, hi: Array, exact: Any = (np.False_, np.False_), units: int = 1) -> Interval:
    return Interval.of(_below(lo, exact[0], units), _above(hi, exact[1], units))


def _add(a: Ends, b: Ends) -> Interval:
    exact = tuple((x == 0) | (y == 0) for x, y in zip(a, b, strict=True))
    return _outward(a[0] + b[0], a[1] + b[1], exact)


def _negative(a: Ends) -> Interval:
    return Interval.of(-a[1], -a[0])


def _multiply(a: Ends, b: Ends) -> Interval:
    def product(x: Array, y: Array) -> tuple[Array, Any]:
        zero = (x == 0) | (y == 0)  # 0 times an end at infinity is 0: the end is no number
        return np.where(zero, 0.0, x * y), zero | (np.abs(x) == 1) | (np.abs(y) == 1)

    return _extremes([product(x, y) for x in a for y in b])


def _divide(a: Ends, b: Ends) -> Interval:
    def quotient(x: Array, y: Array) -> tuple[Array, Any]:
        return np.where(x == 0, 0.0, x / y), (x == 0) | (np.abs(y) == 1)

    found = _extremes([quotient(x, y) for x in a for y in b])
    through = (b[0] <= 0) & (b[1] >= 0)  # anything can come of a division by 0
    return Interval.of(np.where(through, -np.inf, found.lo), np.where(through, np.inf, found.hi))


def _extremes(values: list[tuple[Array, Any]]) -> Interval:
    """From the least to the largest of some numbers, each with whether it is exact."""
    lo, hi = (np.broadcast_arrays(*(bound(*v) for v in values)) for bound in (_below, _above))
    return Interval.of(np.min(lo, axis=0), np.max(hi, axis=0))


def _square(a: Ends) -> Interval:
    small = np.where((a[0] <= 0) & (a[1] >= 0), 0.0, np.minimum(np.abs(a[0]), np.abs(a[1])))
    large = np.maximum(np.abs(a[0]), np.abs(a[1]))
    lo, hi = small * small, large * large
    return _outward(lo, hi, (small == 0, large == 0))


def _absolute(a: Ends) -> Interval:
    small = np.where((a[0] <= 0) & (a[1] >= 0), 0.0, np.minimum(np.abs(a[0]), np.abs(a[1])))
    return Interval.of(small, np.maximum(np.abs(a[0]), np.abs(a[1])))


def _power(a: Ends, n: Ends) -> Interval:
    """To a power that is one number: whole, or of a base that is not negative."""
    (exponent,) = set(np.ravel(n[0])) | set(np.ravel(n[1]))  # ValueError for more than one
    if exponent < 0:
        below = _power(a, (-n[0], -n[1]))
        return _divide((np.ones(()), np.ones(())), (below.lo, below.hi))
    if not float(exponent).is_integer():
        a = np.maximum(a[0], 0), np.maximum(a[1], 0)
    elif exponent % 2 == 0:
        size = _absolute(a)
        a = size.lo, size.hi
    lo, hi = (np.power(x, exponent) for x in a)
    return _outward(lo, hi, (a[0] == 0, a[1] == 0), ELEMENTARY)


def _rising(
    ufunc: np.ufunc, least: float = -np.inf, units: int = ELEMENTARY
) -> Callable[[Ends], Interval]:
    """A function that rises everywhere, with a value that it never goes below; f(0) is exact."""

    def bounds(a: Ends) -> Interval:
        lo, hi = ufunc(a[0]), ufunc(a[1])
        found = _outward(lo, hi, (a[0] == 0, a[1] == 0), units)
        return Interval.of(np.maximum(found.lo, least), found.hi)

    return bounds


def _root(a: Ends) -> Interval:
    return _rising(np.sqrt, least=0.0, units=1)((np.maximum(a[0], 0), np.maximum(a[1], 0)))


def _decided(certain: Any, possible: Any) -> Interval:
    """1 where it is certain, 0 where it is not even possible, [0, 1] otherwise."""
    return Interval.of(certain, possible)


_UFUNCS: dict[np.ufunc, Callable[..., Interval]] = {
    np.add: _add, np.subtract: lambda a, b: _add(a, (-b[1], -b[0])), np.multiply: _multiply,
    np.divide: _divide, np.negative: _negative, np.positive: lambda a: Interval.of(*a),
    np.square: _square, np.power: _power, np.sqrt: _root, np.absolute: _absolute,
    np.reciprocal: lambda a: _divide((np.ones(()), np.ones(())), a),
    np.exp: _rising(np.exp, least=0.0), np.expm1: _rising(np.expm1, least=-1.0),
    np.log: _rising(np.log), np.log1p: _rising(np.log1p), np.tanh: _rising(np.tanh, least=-1.0),
    np.arctan: _rising(np.arctan), np.sign: lambda a: Interval.of(*map(np.sign, a)),
    np.maximum: lambda a, b: Interval.of(np.maximum(a[0], b[0]), np.maximum(a[1], b[1])),
    np.minimum: lambda a, b: Interval.of(np.minimum(a[0], b[0]), np.minimum(a[1], b[1])),
    np.greater: lambda a, b: _decided(a[0] > b[1], a[1] > b[0]),
    np.greater_equal: lambda a, b: _decided(a[0] >= b[1], a[1] >= b[0]),
    np.less: lambda a, b: _decided(a[1] < b[0], a[0] < b[1]),
    np.less_equal: lambda a, b: _decided(a[1] <= b[0], a[0] <= b[1]),
    np.equal: lambda a, b: _decided(
        (a[0] == b[1]) & (a[1] == b[0]), (a[0] <= b[1]) & (b[0] <= a[1])
    ),
    np.not_equal: lambda a, b: _decided(
        (a[0] > b[1]) | (b[0] > a[1]), ~((a[0] == b[1]) & (a[1] == b[0]))
    ),
    np.isfinite: lambda a: _decided(np.isfinite(a[0]) & np.isfinite(a[1]), np.ones_like(a[0])),
}  # fmt: skip
for _both, _ends in (
    ((np.logical_and, np.bitwise_and), np.minimum), ((np.logical_or, np.bitwise_or), np.maximum)
):  # fmt: skip
    for _ufunc in _both:
        _UFUNCS[_ufunc] = _UFUNCS[_ends]
_UFUNCS[np.logical_not] = _UFUNCS[np.invert] = lambda a: Interval.of(1 - a[1], 1 - a[0])


def _matmul(a: Ends, b: Ends) -> Interval:
    """Products of matrices: by signs where one of them is plain numbers, else by midpoints."""
    n = a[0].shape[-1]
    if np.array_equal(*b):
        return _by_signs(a, b[0], n)
    if np.array_equal(*a):
        lo, hi = (end.swapaxes(-1, -2) for end in b)
        turned = _by_signs((lo, hi), a[0].swapaxes(-1, -2), n)
        return turned.swapaxes(-1, -2)
    (ma, ra), (mb, rb) = _middle(a), _middle(b)
    middle, size = ma @ mb, np.abs(ma) @ np.abs(mb)
    radius = np.abs(ma) @ rb + ra @ (np.abs(mb) + rb)
    none = (1.0 * (np.abs(ma) + ra > 0)) @ (1.0 * (np.abs(mb) + rb > 0)) == 0
    error = np.where(none, 0.0, radius + _gamma(n) * (size + radius) + 4 * n * LEAST)
    return _outward(middle - error, middle + error, (none, none))


def _by_signs(a: Ends, w: Array, n: int) -> Interval:
    """[lo, hi] W: a positive weight takes the same end, a negative one the other."""
    positive, negative = np.maximum(w, 0), np.maximum(-w, 0)
    ends = []
    for first, second, sign in ((a[0], a[1], -1), (a[1], a[0], 1)):
        value = first @ positive - second @ negative
        size = np.abs(first) @ positive + np.abs(second) @ negative
        terms = 1.0 * (first != 0) @ (1.0 * (w > 0)) + 1.0 * (second != 0) @ (1.0 * (w < 0))
        error = np.where(terms == 0, 0.0, _gamma(n) * size + 2 * n * LEAST)
        ends.append((value + sign * error, terms == 0))
    (lo, no_lo), (hi, no_hi) = ends
    return _outward(lo, hi, (no_lo, no_hi))


def _middle(a: Ends) -> Ends:
    """Midpoint and radius; the radius is rounded up."""
    middle = (a[0] + a[1]) / 2
    radius = np.maximum(a[1] - middle, middle - a[0])
    return middle, np.where(a[0] == a[1], 0.0, np.nextafter(radius, np.inf))


_UFUNCS[np.matmul] = _matmul


def _where(like: Interval, condition: Any, a: Any, b: Any) -> Interval:
    """One branch where the condition is decided, the hull of both where it is not."""
    c, x, y = ((p[0], p[-1]) for p in aligned(condition, a, b))
    yes, no = c[0] != 0, c[1] == 0
    either = np.minimum(x[0], y[0]), np.maximum(x[1], y[1])
    return Interval.of(*(np.where(yes, x[i], np.where(no, y[i], either[i])) for i in (0, 1)))


_FUNCTIONS: dict[Any, Callable[..., Any]] = MOVES | {np.where: _where}
