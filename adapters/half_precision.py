"""Arithmetic of 16 bits for the NumPy reference: computed in float32, rounded after each operation.

NumPy itself has no bfloat16, and ml_dtypes' arrays turn to float32 as soon as they meet a Python
number. So the reference runs on float32 arrays whose values always fit the narrow format: sums and
matrix products are accumulated in float32 and rounded once, as torch and XLA do it on a CPU.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..reference.floats import is_float
from ..reference.protocols import Tree
from ..reference.tree import tree_map


class Rounded(np.ndarray[Any, Any]):
    """A float32 array that is rounded to ``narrow`` after every operation."""

    narrow: Any

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: Any, *inputs: Any, out: Any = None, **kwargs: Any
    ) -> Any:
        result = getattr(ufunc, method)(*map(_plain, inputs), **kwargs)
        if isinstance(result, tuple) or not is_float(result):
            return result
        rounded = np.asarray(result).astype(self.narrow).astype(np.float32).view(type(self))
        if out is None:
            return rounded
        out[0][...] = rounded
        return out[0]

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        result = super().__array_function__(func, types, args, kwargs)
        return result.view(type(self)) if _is_wide(result) else result


class Float16(Rounded):
    """IEEE's format of 16 bits: 11 of precision."""

    narrow = np.float16


class BFloat16(Rounded):
    """The upper half of a float32: 8 bits of precision; needs ml_dtypes."""

    @property
    def narrow(self) -> Any:
        """The format, imported when it is needed."""
        import ml_dtypes

        return ml_dtypes.bfloat16


_OF = {"float16": Float16, "bfloat16": BFloat16}


def widened(tree: Tree) -> Tree:
    """The tree with its arrays of 16 bits as ``Rounded``, and all others as they are."""

    def widen(a: Any) -> Any:
        of = _OF.get(a.dtype.name)
        return a.astype(np.float32).view(of) if of else a

    return tree_map(widen, tree)


def narrowed(tree: Tree) -> Tree:
    """The tree with its ``Rounded`` arrays in their own formats again."""
    return tree_map(lambda a: _plain(a).astype(a.narrow) if isinstance(a, Rounded) else a, tree)


def finfo(dtype: Any) -> Any:
    """``np.finfo``, of bfloat16 too."""
    if np.dtype(dtype).kind == "f":
        return np.finfo(dtype)
    import ml_dtypes

    return ml_dtypes.finfo(dtype)  # type: ignore[no-untyped-call]


def _plain(a: Any) -> Any:
    return a.view(np.ndarray) if isinstance(a, Rounded) else a


def _is_wide(result: Any) -> bool:
    return type(result) is np.ndarray and result.dtype == np.float32
