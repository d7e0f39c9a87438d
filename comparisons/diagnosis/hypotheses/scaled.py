"""The right numbers times a constant, which mostly has a name: 1/N, 2, the upstream cotangent."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ....reference.tree import leaves, tree_map
from ..around import around, around_function
from ..parts import Part
from ..registry import Family, Proposals, hypothesis
from .options import fields

PLAIN = {"-1": -1.0, "2": 2.0, "1/2": 0.5, "0": 0.0}
RARE = {"-2": -2.0, "-1/2": -0.5, "√2": math.sqrt(2), "1/√2": math.sqrt(0.5), "4": 4.0, "1/4": 0.25}


def sizes(part: Part) -> dict[str, int]:
    """The numbers that a constant may come from, by name: of the last call, or hyperparameters."""
    found: dict[str, int] = {}
    call = part.call()
    for name, tree in (("y", call.y), ("x", call.x)) if call else ():
        for leaf, array in leaves(tree):
            found |= _of_shape(f"{name}[{leaf}]" if leaf else name, array.shape)
    for name, value in fields(part.spec) if part.kind != "loop" else ():
        if isinstance(value, int) and not isinstance(value, bool):
            found[name] = value
    return {name: n for name, n in found.items() if n > 1}


def _of_shape(name: str, shape: tuple[int, ...]) -> dict[str, int]:
    if not shape:
        return {}
    sized = {"the batch size": shape[0], f"the last axis of {name}": shape[-1]}
    sized[f"the rows of {name}"] = math.prod(shape[:-1])
    sized[f"the entries of {name}"] = math.prod(shape)
    if len(shape) > 2:
        behind = math.prod(shape[2:])
        sized[f"the second axis of {name}"] = shape[1]
        sized[f"the positions of {name}"] = math.prod(shape[1:-1])
        sized[f"the entries of {name} for one sample"] = math.prod(shape[1:])
        sized[f"the pixels of {name}"] = behind
        sized[f"the batch size times the pixels of {name}"] = shape[0] * behind
    return sized


def constants(part: Part) -> dict[str, float]:
    """Names to values, the likeliest first."""
    named = dict(PLAIN)
    for name, n in sizes(part).items():
        named |= {f"1/{n}, one over {name}": 1 / n, f"{n}, {name}": float(n)}
        if n > 2:
            named |= {f"{n}/{n - 1}, by {name}": n / (n - 1), f"{n - 1}/{n}, by {name}": 1 - 1 / n}
        named[f"√{n}, the root of {name}"] = math.sqrt(n)
        named[f"1/√{n}, one over the root of {name}"] = math.sqrt(1 / n)
    for name, value in fields(part.spec) if part.kind != "loop" else ():
        if isinstance(value, float) and value not in (0, 1):
            named |= {name: value, f"1/{name}": 1 / value, f"1 - {name}": 1 - value,
                      f"1/(1 - {name})": 1 / (1 - value)}  # fmt: skip
    return {name: value for name, value in (named | RARE).items() if value != 1}


def times(c: Any) -> Callable[..., Any]:
    """The hook that multiplies a tree."""
    return lambda tree, *_: tree_map(lambda a: c * a, tree)


@hypothesis("a constant", bits=6.5, of=("layer", "loss"))
def scaled(part: Part) -> Proposals:
    """The gradients, or the output, times a constant."""
    named, name = constants(part), part.type_name

    def family(what: str, hooks: Callable[[Any], dict[str, Any]], more: float = 0) -> Family:
        return Family(
            f"{name}: {what} times", lambda c: f"{name} with its {what} times {c}",
            lambda c: lambda spec: around(spec, **hooks(c)), 1.0, named, more,
        )  # fmt: skip

    yield family("gradient", lambda c: {"dy": times(c)})
    yield family("output", lambda c: {"y": times(c)})
    yield family("output and gradient", lambda c: {"y": times(c), "dy": times(c)}, 1)


@hypothesis("a constant", bits=6.5, of=("function",))
def scaled_value(part: Part) -> Proposals:
    """The value of a schedule or a transform times a constant."""
    yield Family(
        f"{part.type_name}: value times", lambda c: f"{part.type_name} with its value times {c}",
        lambda c: lambda spec: around_function(spec, y=times(c)), 1.0, constants(part),
    )  # fmt: skip
