"""A changed case made whole again: arrays cut to their shapes, sizes that follow from others."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from ...reference.protocols import Array, Layer, Tree
from ...reference.tree import leaves, tree_map, unflatten
from ..case import Case
from ..expressions import changed
from .nodes import children, renamed, tried, whole_numbers

SIZES = ("n_in", "n")  # fields that say how many features a layer is given


def refit(case: Case, specs: dict[str, Any], arrays: dict[str, Tree]) -> Case | None:
    """The case with these specs and arrays, everything else cut to what they ask for.

    None where the reference cannot run it. Only specs and arrays that changed need be given.
    """
    specs, arrays = {**case.specs, **specs}, {**case.arrays, **arrays}
    make = {"training": _training, "optimizer": _optimizer, "function": _function}
    fit = make.get(case.kind, _loss if "loss" in specs else _network)
    try:
        with np.errstate(all="ignore"):
            specs, arrays = fit(specs, arrays, np.dtype(case.dtype))
        return case.replace(specs=specs, arrays=arrays)
    except Exception:  # whatever the reference says to a case that makes no sense
        return None


Parts = tuple[dict[str, Any], dict[str, Tree]]


def _network(specs: dict[str, Any], arrays: dict[str, Tree], dtype: np.dtype[Any]) -> Parts:
    network = fitted(specs["network"], arrays["x"])
    params = _params(network, arrays["params"], dtype)
    y, _ = network.forward(params, arrays["x"])
    dy = cut_tree(arrays["dy"], y)
    return {"network": network}, {"params": params, "x": arrays["x"], "dy": dy}


def _loss(specs: dict[str, Any], arrays: dict[str, Tree], dtype: np.dtype[Any]) -> Parts:
    value, _ = specs["loss"].forward(arrays["x"], arrays["target"])
    return specs, {**arrays, "dy": cut_tree(arrays["dy"], np.asarray(value))}


def _optimizer(specs: dict[str, Any], arrays: dict[str, Tree], dtype: np.dtype[Any]) -> Parts:
    params = arrays["params"]
    state = tree_map(specs["optimizer"].init, params)
    if not list(leaves(params)) or state is None:
        raise ValueError("no weights are left")
    return specs, {"params": params, "grads": tuple(cut_tree(g, params) for g in arrays["grads"])}


def _function(specs: dict[str, Any], arrays: dict[str, Tree], dtype: np.dtype[Any]) -> Parts:
    specs["function"](arrays["x"])
    return specs, arrays


def _training(specs: dict[str, Any], arrays: dict[str, Tree], dtype: np.dtype[Any]) -> Parts:
    network = fitted(specs["network"], arrays["batches"][0][0])
    params = _params(network, arrays["params"], dtype)
    batches = []
    for x, target in arrays["batches"]:
        y, _ = network.forward(params, x)
        batches.append((x, _target(specs["loss"], y, target)))
    return {**specs, "network": network}, {"params": params, "batches": tuple(batches)}


def _target(loss: Any, y: Tree, target: Tree) -> Tree:
    """The target as it is, or cut to what the loss takes with this prediction."""
    like_y = tree_map(lambda a: cut(a, y.shape), target)
    labels = tree_map(lambda a: cut(a, y.shape[:-1]) % y.shape[-1], target)
    for candidate in (target, like_y, labels):
        try:
            loss.forward(y, candidate)
        except (ValueError, IndexError):
            continue
        return candidate
    raise ValueError("no target fits")


def _params(network: Layer, params: Tree, dtype: np.dtype[Any]) -> Tree:
    like = network.init(np.random.default_rng(0))
    return tree_map(lambda w: np.asarray(w, dtype), cut_tree(params, like))


def fitted(layer: Any, x: Tree) -> Any:
    """The layer with the sizes that x asks for, where its own do not fit."""
    if _output(layer, x) is not None:
        return layer
    inside = list(children(layer))
    if type(layer).__name__ == "Sequential":
        layers = []
        for _, child in inside:
            layers.append(fitted(child, x))
            x = _output(layers[-1], x)
        return changed(layer, layers=tuple(layers))
    first = x[0] if isinstance(x, tuple) else x
    sizes = dict.fromkeys((first.shape[-1], *first.shape[1:]))
    others = (tried(changed, layer, **{name: size}) for size in sizes for name in SIZES
              if type(getattr(layer, name, None)) is int)  # fmt: skip
    renames = (renamed(layer, old, size) for size in sizes for old in whole_numbers(layer))
    for other in itertools.chain(others, renames):
        if _output(other, x) is not None:
            return other
    return layer


def _output(layer: Layer, x: Tree) -> Tree:
    """y with any parameters, or None where x does not fit."""
    return tried(lambda: layer.forward(layer.init(np.random.default_rng(0)), x)[0])


def cut(array: Array, shape: tuple[int, ...]) -> Array:
    """The first entries along every axis; repeated where there are not enough."""
    if array.ndim == len(shape) and all(n <= m for n, m in zip(shape, array.shape, strict=True)):
        return array[tuple(slice(n) for n in shape)]
    return np.resize(array, shape)


def cut_tree(tree: Tree, like: Tree) -> Tree:
    """A tree with the paths and shapes of ``like``, its numbers those of ``tree`` where it has any.

    A leaf that only ``like`` has stays as it is there.
    """
    old = dict(leaves(tree))
    values = (cut(old[path], np.shape(w)) if path in old else w for path, w in leaves(like))
    return unflatten(like, values)


def resized(tree: Tree, change: Callable[[str, Array], Array]) -> Tree:
    """The tree with a function of path and array applied to every array."""
    values = [change(path, array) for path, array in leaves(tree)]
    return unflatten(tree, iter(values))
