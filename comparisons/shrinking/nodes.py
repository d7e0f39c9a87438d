"""A network as a tree of layers, each with the part of the parameters that is its own."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator
from inspect import Parameter
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ...reference.protocols import Layer, Tree
from ...reference.tree import leaves
from ..expressions import changed, constructed_from

T = TypeVar("T")


class Place(NamedTuple):
    """Where in its parent a layer is: a field, and the number in it where that is a tuple."""

    field: str
    number: int | None


class Part(NamedTuple):
    """One use of a layer inside another, and what it was given there."""

    layer: Layer
    params: Tree
    x: Tree
    dy: Tree


def is_layer(value: Any) -> bool:
    """Whether the value is a layer, and no class."""
    return hasattr(value, "backward") and hasattr(value, "init") and not isinstance(value, type)


def children(spec: Any) -> Iterator[tuple[Place, Layer]]:
    """The layers directly inside a layer."""
    for field in dataclasses.fields(spec) if dataclasses.is_dataclass(spec) else ():
        value = getattr(spec, field.name)
        if is_layer(value):
            yield Place(field.name, None), value
        elif isinstance(value, tuple):
            yield from ((Place(field.name, i), v) for i, v in enumerate(value) if is_layer(v))


def count(spec: Any) -> int:
    """How many layers that hold no other are in the spec; an empty container counts as one."""
    inside = sum(count(layer) for _, layer in children(spec))
    return inside or 1


def nodes(spec: Any) -> int:
    """How many layers are in the spec, containers included."""
    return 1 + sum(nodes(layer) for _, layer in children(spec))


def params_of(spec: Any, params: Tree, place: Place) -> Tree:
    """The parameters of the layer at that place, of those of its parent."""
    if place.number is not None and isinstance(params, tuple):
        return params[place.number]
    if isinstance(params, dict) and place.field in params:
        return params[place.field]
    return params  # handed through, as Residual does


def owner(spec: Any, leaf: str) -> tuple[str, str]:
    """The name of the innermost layer that a parameter belongs to, and the rest of its path."""
    for place, layer in children(spec):
        prefix = place.field if place.number is None else str(place.number)
        head, _, rest = leaf.partition(".")
        if head == prefix:
            return owner(layer, rest)
    inside = [layer for place, layer in children(spec) if place.number is None]
    if len(inside) == 1 and _paths(inside[0]) == _paths(spec):
        return owner(inside[0], leaf)  # as Residual does
    return type(spec).__name__, leaf


def _paths(layer: Layer) -> list[str]:
    return [path for path, _ in leaves(layer.init(np.random.default_rng(0)))]


def arguments(spec: Any) -> list[tuple[Parameter, Any]]:
    """The arguments that construct the spec, or none where these cannot be told."""
    return tried(lambda: list(constructed_from(spec))) or []


def tried(make: Callable[..., T], *args: Any, **keywords: Any) -> T | None:
    """What ``make`` gives, or None where it raises: a constructor may refuse what is tried."""
    try:
        return make(*args, **keywords)
    except Exception:
        return None


def with_layer(
    spec: Any, params: Tree, place: Place, layer: Layer | None, own: Tree
) -> tuple[Any, Tree]:
    """The spec and its parameters with another layer at that place, or with none."""
    field, i = place
    if i is None:
        new = {**params, field: own} if isinstance(params, dict) and field in params else own
        return changed(spec, **{field: layer}), new
    kept = () if layer is None else (layer,)
    value = getattr(spec, field)
    spec = changed(spec, **{field: value[:i] + kept + value[i + 1 :]})
    return spec, (params[:i] + ((own,) if kept else ()) + params[i + 1 :])


def whole_numbers(spec: Any) -> Iterator[int]:
    """Every integer above 1 among the fields of a spec, and the lengths of its tuples."""
    if isinstance(spec, tuple):
        if spec and not any(map(dataclasses.is_dataclass, spec)):
            yield len(spec)
        for part in spec:
            yield from whole_numbers(part)
    elif dataclasses.is_dataclass(spec):
        for field in dataclasses.fields(spec):
            yield from whole_numbers(getattr(spec, field.name))
    elif type(spec) is int and spec > 1:
        yield spec


def renamed(spec: Any, old: int, new: int) -> Any:
    """The spec with one number in place of another, and tuples of so many numbers cut to it."""
    if isinstance(spec, tuple):
        parts = tuple(renamed(part, old, new) for part in spec)
        plain = all(isinstance(part, int | float) for part in parts)
        return parts[:new] if plain and len(parts) == old else parts
    if dataclasses.is_dataclass(spec) and not isinstance(spec, type):
        fields = {p.name: renamed(value, old, new) for p, value in arguments(spec)}
        other = tried(changed, spec, **fields)
        return spec if other is None else other
    return new if type(spec) is int and spec == old else spec


def edits(spec: Any, params: Tree) -> Iterator[tuple[Any, Tree]]:
    """The spec with one layer fewer, in every way: left out, or replaced by what is inside it."""
    for place, layer in children(spec):
        yield layer, params_of(spec, params, place)
        if place.number is not None and isinstance(params, tuple):
            without = tried(with_layer, spec, params, place, None, ())
            yield from [without] if without else []
    for place, layer in children(spec):
        for smaller, own in edits(layer, params_of(spec, params, place)):
            edited = tried(with_layer, spec, params, place, smaller, own)
            yield from [edited] if edited else []


def parts(spec: Layer, params: Tree, x: Tree, dy: Tree) -> list[Part]:
    """What every layer directly inside is given when the reference runs this VJP.

    Empty where the reference cannot be run with its layers observed.
    """
    seen: list[dict[str, Any]] = []
    observed = copy.copy(spec)
    for place, layer in children(spec):
        value: Any = _observed(layer, seen)
        if place.number is not None:
            i, whole = place.number, getattr(observed, place.field)
            value = (*whole[:i], value, *whole[i + 1 :])
        object.__setattr__(observed, place.field, value)
    try:
        with np.errstate(all="ignore"):
            _, residuals = observed.forward(params, x)
            observed.backward(residuals, dy)
    except Exception:
        return []
    return [Part(**use) for use in seen if "dy" in use]


def _observed(layer: Any, seen: list[dict[str, Any]]) -> Any:
    """A copy of the layer that writes down what it is given."""
    kind: Any = type(layer)

    class Observed(kind):  # type: ignore[misc]
        def forward(self, params: Tree, x: Tree) -> Any:
            y, residuals = kind.forward(layer, params, x)
            seen.append({"layer": layer, "params": params, "x": x})
            return y, (residuals, len(seen) - 1)

        def backward(self, residuals: Any, dy: Tree) -> Any:
            kept, number = residuals
            seen[number]["dy"] = dy
            return kind.backward(layer, kept, dy)

    other = copy.copy(layer)
    object.__setattr__(other, "__class__", Observed)
    return other
