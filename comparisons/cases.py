"""What the user gave, checked and completed: parameters, input, cotangent, batches, adapters."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from ..adapters.half_precision import widened
from ..adapters.loading import MissingFramework, load
from ..adapters.protocols import Adapter
from ..reference.floats import is_float
from ..reference.protocols import Array, Function, Layer, Loss, Optimizer, Tree
from ..reference.training import is_whole
from ..reference.tree import joined, leaves, split, tree_map
from .formats import FORMATS
from .layouts import dense, dense_tree

DEFAULT_ADAPTERS = ("numpy", "torch", "jax")
AWAY = 0.2  # parameters are drawn this far from their initial values, where bugs hide


class CaseError(ValueError):
    """The case cannot be compared as given; the message says what would be right."""


def check_dtype(dtype: Any, *arrays: Any) -> np.dtype[Any]:
    """The dtype asked for, or that of the first float array, or float64; one of ``FORMATS``."""
    if dtype is None:
        floats = [a.dtype for a in arrays if hasattr(a, "dtype") and is_float(a)]
        dtype = floats[0] if floats else np.float64
    use = f"use {', '.join(FORMATS)}"
    try:
        named = isinstance(dtype, str) and dtype in FORMATS
        known: np.dtype[Any] = FORMATS[dtype].dtype if named else np.dtype(dtype)
    except TypeError as error:
        raise CaseError(f"dtype {dtype!r} is not known: {use}") from error
    if known.name not in FORMATS:
        raise CaseError(f"dtype {known.name} is not compared: {use}")
    return known


_METHODS = {
    "layer": ("init", "forward", "backward"),
    "loss": ("forward", "backward"),
    "optimizer": ("init", "update"),
    "function": ("__call__",),
    "initialiser": ("draw",),
}


def check_spec(spec: Any, kind: str) -> None:
    """CaseError where spec is no layer, loss or optimizer, as kind says."""
    if isinstance(spec, type):
        raise CaseError(f"{spec.__name__} is a class: give an object, {spec.__name__}(...)")
    lacks = [m for m in _METHODS[kind] if not callable(getattr(spec, m, None))]
    if lacks:
        raise CaseError(f"{spec} is no {kind}: it has no {' and no '.join(lacks)}")
    if kind == "loss" and hasattr(spec, "init"):
        raise CaseError(f"{spec} is no loss: it has parameters to init, as a layer has")


def check_array(name: str, value: Any, dtype: np.dtype[Any]) -> Array:
    """The array, or CaseError where it is empty or of another float dtype."""
    try:
        array = dense(value)
    except ValueError as error:
        raise CaseError(f"{name} is no array: {error}") from error
    if array.size == 0:
        raise CaseError(f"{name} is empty: its shape is {array.shape}. Give at least one sample")
    if is_float(array) and array.dtype != dtype:
        raise CaseError(f"{name} is {array.dtype}, the case is {dtype}: give one dtype throughout")
    if array.dtype.kind not in "iub" and not is_float(array):
        raise CaseError(f"{name} is {array.dtype}: give real numbers ({dtype})")
    return array


def check_floats(name: str, value: Any, dtype: np.dtype[Any]) -> Array:
    """Like ``check_array``, for what is differentiated."""
    array = check_array(name, value, dtype)
    if array.dtype != dtype:
        raise CaseError(f"{name} is {array.dtype}, the case is {dtype}: convert it first")
    return array


def check_tree(name: str, value: Any, dtype: np.dtype[Any]) -> Tree:
    """``check_array`` for an array, or for every part of a tuple."""
    if isinstance(value, tuple):
        return tuple(check_tree(f"{name}[{i}]", v, dtype) for i, v in enumerate(value))
    return check_array(name, value, dtype)


def check_integers(network: Layer, params: Tree, name: str, x: Tree, dtype: np.dtype[Any]) -> None:
    """CaseError where x holds integers and the network takes floats: it has a cotangent there."""
    integers = {leaf: a for leaf, a in leaves(x) if not is_float(a)}
    if integers:
        with np.errstate(all="ignore"):
            y, residuals = network.forward(widened(params), widened(x))
            dx, _ = network.backward(residuals, tree_map(np.ones_like, y))
        for leaf in integers.keys() & dict(leaves(dx)).keys():
            check_floats(f"{name}[{leaf}]" if leaf else name, integers[leaf], dtype)


def count(tree: Tree) -> int:
    """How many floats a tree holds."""
    return sum(a.size for _, a in leaves(tree) if is_float(a))


def numbers_in(tree: Tree) -> int:
    """How many floats a tree holds."""
    return sum(a.size for _, a in leaves(tree) if is_float(a))


def draw_params(network: Layer, rng: np.random.Generator, dtype: np.dtype[Any]) -> Tree:
    """Parameters away from their initial values, in dtype."""
    return tree_map(
        lambda w: (w + AWAY * rng.standard_normal(np.shape(w))).astype(dtype), network.init(rng)
    )


def check_params(network: Layer, params: Tree, dtype: np.dtype[Any]) -> Tree:
    """The parameters, or CaseError naming the leaf and both shapes."""
    wanted = dict(leaves(network.init(np.random.default_rng(0))))
    given = dict(leaves(params))
    if wanted.keys() != given.keys():
        lacks, extra = sorted(wanted.keys() - given), sorted(given.keys() - wanted)
        raise CaseError(f"params of {network}: " + "; ".join(
            f"{what} {', '.join(map(repr, names))}"
            for what, names in (("missing", lacks), ("not known", extra)) if names
        ))  # fmt: skip
    for leaf, w in given.items():
        array = check_floats(f"params[{leaf!r}]", w, dtype)
        if array.shape != wanted[leaf].shape:
            raise CaseError(
                f"params[{leaf!r}] has shape {array.shape}, {network} wants {wanted[leaf].shape}"
            )
    return dense_tree(params)


def draw_input(x: Any, rng: np.random.Generator, dtype: np.dtype[Any]) -> Tree:
    """The input as it is, or normal numbers of a shape (a tuple of sizes)."""
    if isinstance(x, tuple) and all(isinstance(n, int | np.integer) for n in x):
        if min(x, default=0) < 0:
            raise CaseError(f"x cannot have the shape {x}: a size is negative")
        return check_floats("x", rng.standard_normal(x).astype(dtype), dtype)
    return check_tree("x", x, dtype)


def forward(spec: Layer | Loss, *args: Any) -> Tree:
    """The reference's output, or CaseError where the reference refuses its input."""
    try:
        with np.errstate(all="ignore"):
            return tree_map(np.asarray, spec.forward(*map(widened, args))[0])
    except (ValueError, IndexError) as error:
        raise CaseError(f"the reference cannot run this case: {error}") from error


def evaluate(function: Function, x: Tree) -> Tree:
    """The function's value, or CaseError where it refuses its input."""
    try:
        with np.errstate(all="ignore"):
            return function(widened(x))
    except (ValueError, IndexError) as error:
        raise CaseError(f"the reference cannot run this case: {error}") from error


def check_pairs(batches: list[Any]) -> list[tuple[Any, Any]]:
    """The batches as pairs; CaseError where there are none, or one is no pair."""
    if not batches:
        raise CaseError("there are no batches: give at least one (x, target)")
    for t, batch in enumerate(batches, start=1):
        if not (isinstance(batch, tuple | list) and len(batch) == 2):
            raise CaseError(f"batch {t} is no pair: give (x, target)")
    return [(x, target) for x, target in batches]


def check_batches(pairs: list[tuple[Any, Any]], dtype: np.dtype[Any]) -> list[tuple[Tree, Tree]]:
    """The batches as arrays; CaseError where one is empty or of another dtype."""
    return [
        (check_tree(f"x of batch {t}", x, dtype), check_tree(f"target of batch {t}", y, dtype))
        for t, (x, y) in enumerate(pairs, start=1)
    ]


def check_weights(params: Tree, dtype: Any) -> tuple[np.dtype[Any], Tree]:
    """The dtype, and an optimizer's weights as arrays of it."""
    given = list(leaves(params))
    if not given:
        raise CaseError("params hold no weights: give at least one array")
    dtype = check_dtype(dtype, *(w for _, w in given))
    for leaf, w in given:
        check_floats(f"params[{leaf!r}]", w, dtype)
    return dtype, dense_tree(params)


def draw_grads(
    optimizer: Optimizer, params: Tree, steps: int, scale: float, rng: np.random.Generator
) -> list[Tree]:
    """Gradients of that scale, a tree for each step: normal numbers, one in eight exactly zero.

    A rule for the whole network reads curvature off them: it gets those of a noisy bowl.
    """
    if is_whole(optimizer):
        return _down_a_bowl(optimizer, params, steps, scale, rng)

    def draw(w: Array) -> Array:
        alive = rng.random(w.shape) < 7 / 8  # the rest is as behind a ReLU that is off
        return (scale * alive * rng.standard_normal(w.shape)).astype(w.dtype)

    return [tree_map(draw, params) for _ in range(steps)]


def _down_a_bowl(
    optimizer: Optimizer, params: Tree, steps: int, scale: float, rng: np.random.Generator
) -> list[Tree]:
    """The gradients h (w - c) + noise/2 that the reference meets on its own way down."""
    w = joined(params).astype(np.float64)
    h, c, state = np.exp(rng.uniform(-1, 1, w.size)), rng.standard_normal(w.size), optimizer.init(w)
    grads = []
    for t in range(1, steps + 1):
        g = scale * (h * (w - c) + rng.standard_normal(w.size) / 2)
        grads.append(tree_map(lambda p, part: part.astype(p.dtype), params, split(params, g)))
        w, state = optimizer.update(g, state, w, t)
    return grads


def check_grads(grads: list[Tree], params: Tree, dtype: np.dtype[Any]) -> list[Tree]:
    """The gradients as arrays; CaseError where one is not shaped as the weights are."""
    if not grads:
        raise CaseError("there are no gradients: give one tree for each step")
    shapes = {leaf: w.shape for leaf, w in leaves(params)}
    for t, g in enumerate(grads, start=1):
        given = {leaf: np.shape(a) for leaf, a in leaves(g)}
        if given != shapes:
            raise CaseError(f"gradient {t} has leaves {given}, the weights have {shapes}")
        for leaf, a in leaves(g):
            check_floats(f"gradient {t} {leaf!r}", a, dtype)
    return [tree_map(lambda _, a: dense(a), params, g) for g in grads]  # in params' order


Named = Iterator[tuple[str, Array, int]]  # name, array, the first step that sees it


def named_params(params: Tree) -> Named:
    """Every parameter, named as the messages name it."""
    return ((f"params[{leaf!r}]", w, 0) for leaf, w in leaves(params))


def named_grads(grads: list[Tree]) -> Named:
    """Every gradient, named as the messages name it."""
    return (
        (f"gradient {t} {leaf!r}", a, t) for t, g in enumerate(grads, 1) for leaf, a in leaves(g)
    )


def named_tree(name: str, tree: Tree, step: int = 0) -> Named:
    """Every array of an input or a cotangent, named as the messages name it."""
    return ((f"{name}[{leaf}]" if leaf else name, a, step) for leaf, a in leaves(tree))


def named_batches(batches: list[tuple[Tree, Tree]]) -> Named:
    """Every batch, named as the messages name it."""
    for t, (x, target) in enumerate(batches, start=1):
        yield from named_tree(f"x of batch {t}", x, t)
        yield from named_tree(f"target of batch {t}", target, t)


def non_finite(named: Iterable[tuple[str, Array, int]]) -> tuple[str, int]:
    """Where the first NaN or inf of what was given stands, or "", and the first step to see it."""
    for name, array, step in named:
        if is_float(array) and not np.isfinite(array).all():
            where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
            return f"{name} holds {array[where]} at {where}", step
    return "", 0


Loaded = tuple[str, Adapter | None, str]  # name, the adapter, or why there is none


def load_adapters(adapters: Sequence[str | Adapter] | None) -> list[Loaded]:
    """Adapters from names and objects.

    Without any, the default three, of which a missing framework is reported and not raised.
    """
    if adapters is not None:
        return _chosen([adapters] if isinstance(adapters, str) else list(adapters))
    found: list[Loaded] = []
    for name in DEFAULT_ADAPTERS:
        try:
            found.append((name, load(name), ""))
        except MissingFramework as error:
            found.append((name, None, str(error)))
    return found


def _chosen(adapters: list[str | Adapter]) -> list[Loaded]:
    if not adapters:
        raise CaseError("no adapters: name at least one")
    chosen: list[Loaded] = []
    for given in adapters:
        adapter = load(given) if isinstance(given, str) else given
        name = given if isinstance(given, str) else getattr(given, "name", None)
        if not isinstance(name, str):
            raise CaseError(f"{given!r} is no adapter: give a name, or an object such as Candidate")
        if any(name == other for other, _, _ in chosen):
            raise CaseError(f"two adapters are named {name!r}: give each a name of its own")
        chosen.append((name, adapter, ""))
    return chosen


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for BLAS and OpenMP inside the block: the same bits in every run."""
    with _libraries(len(sys.modules)).limit(limits=1):
        yield


@lru_cache(maxsize=1)
def _libraries(modules: int) -> ThreadpoolController:
    """The libraries loaded so far: looked for again, which takes 2 ms, after further imports."""
    return ThreadpoolController()
