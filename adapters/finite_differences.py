"""Two oracles that know only the forward: central differences, and the complex step.

Both give d<dy, y>/dv for one number v at a time, of x or of a parameter, by running the layer's
forward on numbers wider than float64 where the platform has them. They never see a backward, so
they judge the hand-derived one independently.

Central differences. Taylor's series at v + h and at v - h, subtracted, leave

    D(h) = (f(v + h) - f(v - h)) / 2h = f' + h² f'''/6 + h⁴ f'''''/120 + ...

whose error falls with h², while the rounding of f, divided by h, grows as u |f| / h: at best about
u^(2/3) is lost. Richardson extrapolation removes one term of the series after another:

    D_0(h) = D(h),    D_j(h) = D_j-1(h) + (D_j-1(h) - D_j-1(q h)) / (q^2j - 1)  =  f' + O(h^(2j+2))

Ridders' method starts at a large h, divides it by q = 8 again and again, and keeps the D_j that
differs least from its two neighbours in the table; that difference plus the rounding is the error
it claims. The rounding of f is measured: once, the forward runs one precision lower, too. Steps
are powers of two, so v ± h is exact. At a kink the answer is the mean of both slopes, and so it is
where a kink is nearer to v than the smallest step.

Complex step. For an f that is analytic (given by its power series), a step along i gives

    f(v + ih) = f + ih f' - h² f''/2 - ih³ f'''/6 + ...    so  Im f(v + ih) / h = f' - h² f'''/6

Nothing is subtracted, so h can be so small (2^-100) that truncation lies far below rounding.
A comparison takes the branch that v itself takes. max, min and |.| are not analytic where they
tie: there the sign of the imaginary part decides. h is negative, so that is the slope to the left
of v: 0 for max(x, 0), as everyone's ReLU has it.

Sources: Ridders, "Accurate computation of F'(x) and F'(x)F''(x)" (1982); Squire and Trapp, "Using
complex variables to estimate derivatives of real functions" (1998), equation 3; Martins, Sturdza
and Alonso, "The complex-step derivative approximation" (2003), sections 2 and 3.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ..reference.floats import is_float
from ..reference.protocols import Array, Function, Initialiser, Layer, Loss, Optimizer, Tree
from ..reference.training import Step
from ..reference.tree import joined, leaves, tree_map
from .half_precision import finfo
from .protocols import VJP, Batch, Start, Unsupported, Updated

WIDE: Any = np.longdouble  # as wide as float64 or wider, whatever the platform
NARROW: Any = np.float64 if np.finfo(WIDE).eps < np.finfo(np.float64).eps else np.float32
MOST = 20_000  # entries of x and params together; beyond this a run takes minutes
LEVELS, RATIO = 8, 8  # at most 8 steps, from an eighth of the entry's size down to 2^-24 of it
ROUNDINGS = 8  # of y, in units of u |y|, at the least: an elementary function is off by 1 to 6
COMPLEX_STEP = -(2.0**-100)  # its square is below every rounding, and times 1e-300 it is not yet 0

Along = Callable[[Any], Array]  # y as a function of one entry, all others held


class _Oracle:
    """Every entry of x and of params, one after the other; subclasses give the slope of one."""

    name: str
    evaluations: int  # of the forward, for each entry

    def slope(self, f: Along, v: Any, scale: Any, dy: Array, u: Any) -> tuple[Any, Any]:
        """d<dy, f(v)>/dv and its uncertainty; f itself is off by u max|f|."""
        raise NotImplementedError

    def vjp(self, network: Layer, params: Tree, x: Tree, dy: Tree) -> VJP:
        """y, dx and dparams from the forward alone."""
        given = (params, x)

        def f(values: list[Array]) -> Tree:
            return network.forward(*_with_floats(given, values))[0]

        y, slopes, doubts = self._all(f, _floats(given), dy)
        (dparams, dx), (uncertain, doubt) = (
            _with_floats(given, part, rest=None) for part in (slopes, doubts)
        )
        return VJP(y, dx, dparams, (doubt, uncertain))

    def loss_vjp(self, loss: Loss, prediction: Tree, target: Tree, dloss: Array) -> VJP:
        """The loss and the prediction's cotangent from the forward alone."""
        wide = tree_map(lambda a: a.astype(WIDE) if is_float(a) else a, target)

        def f(values: list[Array]) -> Tree:
            return loss.forward(_with_floats(prediction, values), wide)[0]

        y, slopes, doubts = self._all(f, _floats(prediction), dloss)
        dx, doubt = (_with_floats(prediction, part, rest=None) for part in (slopes, doubts))
        return VJP(y, dx, {}, (doubt, {}))

    def optimize(
        self, optimizer: Optimizer, params: Tree, grads: Iterable[Tree]
    ) -> Iterator[Updated]:
        """Unsupported: there is nothing to differentiate in an update."""
        raise Unsupported(f"{self.name} gives gradients only: an update is not differentiated")

    def evaluate(self, function: Function, x: Tree, dtype: np.dtype[Any]) -> Tree:
        """Unsupported: a schedule or a transform is compared, not differentiated."""
        raise Unsupported(f"{self.name} gives gradients only: this is not differentiated")

    def draw(
        self, initialiser: Initialiser, shape: tuple[int, ...], count: int,
        dtype: np.dtype[Any], seed: int,
    ) -> Array:  # fmt: skip
        """Unsupported: a distribution is not differentiated."""
        raise Unsupported(f"{self.name} gives gradients only: a distribution has none")

    def train(
        self, network: Layer, loss: Loss, optimizer: Optimizer, params: Tree,
        batches: Iterable[Batch], starts: Iterable[Start] | None = None,
    ) -> Iterator[Step]:  # fmt: skip
        """Unsupported: it has no optimizer of its own, and every step would take many forwards."""
        raise Unsupported(f"{self.name} gives gradients only: it has no optimizer to train with")

    def _all(
        self, run: Callable[[list[Array]], Tree], values: list[Array], dy: Tree
    ) -> tuple[Tree, list[Array], list[Array]]:
        dtype, n = values[0].dtype, sum(v.size for v in values)
        if n > MOST:
            raise Unsupported(
                f"{self.name} would run the forward {n * self.evaluations:,} times: "
                f"{n:,} entries, {MOST:,} allowed. Compare a smaller network or batch"
            )
        values, shape, dy = [v.astype(WIDE) for v in values], dy, joined(dy).astype(WIDE)

        def f(values: list[Array]) -> Array:
            return joined(run(values))

        slopes = [np.empty(v.shape, dtype) for v in values]
        doubts = [np.empty(v.shape) for v in values]
        scales = [np.sqrt(np.mean(np.square(v))) for v in values]
        with np.errstate(all="ignore"):  # what is not finite gets a verdict
            y = np.asarray(f(values))
            u = _relative_rounding(y, f([v.astype(NARROW) for v in values]))
            for i, index in ((i, j) for i, v in enumerate(values) for j in np.ndindex(v.shape)):

                def along(v: Any, i: int = i, index: Any = index) -> Array:
                    moved = _moved(values[i], index, v)
                    return np.asanyarray(f([*values[:i], moved, *values[i + 1 :]]))

                slope, doubt = self.slope(along, values[i][index], scales[i], dy, u)
                slopes[i][index] = slope
                doubts[i][index] = doubt + float(finfo(dtype).eps) / 2 * abs(slope)  # cast to dtype
        ends = np.cumsum([part.size for _, part in leaves(shape)])
        parts = iter(np.split(y.astype(dtype), ends[:-1]))
        return tree_map(lambda part: next(parts).reshape(part.shape), shape), slopes, doubts


def _floats(tree: Tree) -> list[Array]:
    return [a for _, a in leaves(tree) if is_float(a)]


def _with_floats(tree: Tree, values: Iterable[Array], rest: Any = ...) -> Any:
    """The tree with its float arrays replaced in order; and all else by ``rest``, if given."""
    found = iter(values)
    return tree_map(lambda a: next(found) if is_float(a) else a if rest is ... else rest, tree)


def _relative_rounding(y: Array, narrow: Array) -> Any:
    """How far y may be off, in units of max |y|; four times what one run in NARROW shows of it."""
    lost = np.max(np.abs(y - narrow)) / np.max(np.abs(y)) / np.finfo(NARROW).eps
    return np.finfo(WIDE).eps * np.fmax(ROUNDINGS / 2, 4 * lost)  # fmax: not NaN, where y is 0


def _moved(array: Array, index: tuple[int, ...], v: Any) -> Array:
    moved = array.astype(np.result_type(array, v))
    moved[index] = v
    return moved.view(_Complex) if moved.dtype.kind == "c" else moved


class FiniteDifferences(_Oracle):
    """Central differences, extrapolated as Ridders does."""

    name = "finite_differences"
    evaluations = 2 * LEVELS

    def slope(self, f: Along, v: Any, scale: Any, dy: Array, u: Any) -> tuple[Any, Any]:
        """The best entry of the table, and how far it may be off."""
        h = np.exp2(np.floor(np.log2(max(abs(v), scale) or WIDE(1)))) / RATIO
        best, error = WIDE("nan"), WIDE("inf")
        above: list[Any] = []
        for _ in range(LEVELS):
            plus, minus = f(v + h), f(v - h)
            row = [np.sum(dy * (plus - minus)) / (2 * h)]
            # Entries that v does not reach are equal to the last bit and bring no error. But if
            # all of them are equal, v may reach them still, by less than a last bit.
            moved = plus != minus
            moved, unit = (moved, u) if moved.any() else (~moved, np.finfo(WIDE).eps)
            size = np.maximum(np.abs(plus), np.abs(minus)) * moved
            rounding = unit * np.max(size) * np.sum(np.abs(dy) * moved) / h
            for j, previous in enumerate(above, start=1):
                row.append(row[-1] + (row[-1] - previous) / (RATIO ** (2 * j) - 1))
                apart = max(abs(row[j] - row[j - 1]), abs(row[j] - previous)) + rounding
                if apart < error:  # NaN is not
                    best, error = row[j], apart
            if error <= 2 * rounding:
                break
            above, h = row, h / RATIO
        return best, error


class ComplexStep(_Oracle):
    """The complex step, for layers made of the analytic and piecewise analytic ``_KNOWN``."""

    name = "complex_step"
    evaluations = 1

    def slope(self, f: Along, v: Any, scale: Any, dy: Array, u: Any) -> tuple[Any, Any]:
        """Im <dy, f(v + ih)> / h, which is rounded as f is."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", np.exceptions.ComplexWarning)
                y = f(v + np.result_type(WIDE, 1j).type(1j) * WIDE(COMPLEX_STEP))
        except (TypeError, np.exceptions.ComplexWarning) as error:
            raise Unsupported(f"complex_step cannot run this forward: {error}") from error
        if y.dtype.kind == "c" and not isinstance(y, _Complex):
            raise Unsupported("complex_step cannot run this forward: it made a plain array of x")
        terms = dy * (y.view(np.ndarray).imag / COMPLEX_STEP)
        return np.sum(terms), u * np.sum(np.abs(terms))


def moved_along(tree: Tree, tangents: Tree) -> Tree:
    """The tree a complex step away: tree + i h tangents, where a tangent is not None."""

    def move(a: Array, tangent: Any) -> Array:
        return a if tangent is None else (a + 1j * COMPLEX_STEP * tangent).view(_Complex)

    return tree_map(move, tree, tangents)


def rate(value: Any) -> Array:
    """How fast a value moves that was computed from ``moved_along``: its derivative along it."""
    moved = np.asarray(value).view(np.ndarray)
    return moved.imag / COMPLEX_STEP if moved.dtype.kind == "c" else np.zeros_like(moved)


_BRANCH = {np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal, np.sign,
           np.isfinite, np.isnan, np.signbit}  # fmt: skip
# NumPy's complex maximum and minimum look at the real parts, and at a tie at the imaginary ones.
_KNOWN = {np.add, np.subtract, np.multiply, np.divide, np.negative, np.positive, np.matmul, np.exp,
          np.expm1, np.log, np.log1p, np.sqrt, np.square, np.reciprocal, np.power, np.sin, np.cos,
          np.tan, np.sinh, np.cosh, np.tanh, np.arctan, np.maximum, np.minimum}  # fmt: skip
_MOVES: set[Any] = {
    np.where, np.concatenate, np.stack, np.pad, np.reshape, np.ravel, np.transpose, np.swapaxes,
    np.moveaxis, np.squeeze, np.expand_dims, np.broadcast_to, np.flip, np.roll, np.split, np.take,
    np.empty_like, np.copyto,  # which zeros_like is made of
    np.zeros_like, np.ones_like, np.shape, np.ndim, np.sum, np.mean, np.max, np.min, np.einsum,
    np.tensordot, np.dot,
}  # fmt: skip


class _Complex(np.ndarray[Any, Any]):
    """A complex array that branches as its real part does; what it does not know it refuses."""

    def __array_finalize__(self, obj: Any) -> None:
        if self.dtype.kind != "c":
            raise Unsupported("complex_step cannot run this forward: it takes x apart (a real "
                              "part, a conversion to float, or var and std, which do)")  # fmt: skip

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: Any, *inputs: Any, out: Any = None, **kwargs: Any
    ) -> Any:
        raw = [i.view(np.ndarray) if isinstance(i, _Complex) else i for i in inputs]
        if ufunc in _BRANCH:
            return getattr(ufunc, method)(*map(np.real, raw), **kwargs)
        if ufunc is np.absolute:
            (x,) = raw
            negative = (x.real < 0) | ((x.real == 0) & (x.imag < 0))
            return np.where(negative, -x, x).view(_Complex)
        if ufunc not in _KNOWN:
            raise Unsupported(f"complex_step has no np.{ufunc.__name__}: it is not known analytic")
        if out is not None:
            kwargs["out"] = tuple(o.view(np.ndarray) for o in out)
        if ufunc is np.log1p:  # NumPy's complex one takes the logarithm of the rounded 1 + x
            (x,) = raw
            turn = x.imag / (1 + x.real)
            result = np.log1p(x.real) + np.log1p(turn * turn) / 2 + 1j * np.arctan(turn)
        else:
            result = np.asarray(getattr(ufunc, method)(*raw, **kwargs))
        return result.view(_Complex) if out is None else out[0]

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func not in _MOVES:
            raise Unsupported(f"complex_step has no np.{func.__name__}: it is not known analytic")
        result = super().__array_function__(func, types, args, kwargs)
        return result.view(_Complex) if isinstance(result, np.ndarray) else result
