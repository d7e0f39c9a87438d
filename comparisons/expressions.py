"""A spec as the expression that constructs it, and read back without running anything.

``Sequential(Dense(4, 3), Tanh(), Residual(Dense(3, 3)))`` is parsed, not evaluated: only calls of
the classes that are known, by keyword or in order, and constants, may stand in it.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..adapters.loading import UnknownName
from ..reference import discovery

SCALARS = ("float16", "float32", "float64", "int32", "int64")  # np.float32(0.1), say


class ExpressionError(ValueError):
    """The text constructs no spec, or the spec has no such text; the message says where."""


def expression(spec: Any, prefix: str = "", numpy: str = "np") -> str:
    """The text; ``prefix`` ("bp.") stands before the classes of this project.

    What has a default is left out where it is at it. Raises ExpressionError for a spec whose
    constructor's arguments are not its attributes.
    """

    def text(value: Any) -> str:
        if isinstance(value, tuple):
            inside = ", ".join(map(text, value))
            return f"({inside},)" if len(value) == 1 else f"({inside})"
        if isinstance(value, np.generic):
            return f"{numpy}.{value.dtype}({text(value.item())})"
        if isinstance(value, float) and not math.isfinite(value):
            return f'float("{value}")'
        if value is None or isinstance(value, bool | int | float | str):
            return repr(value)
        if callable(value) and not dataclasses.is_dataclass(value):
            raise ExpressionError(f"{spec!r} cannot be written: it holds {value!r}")
        return expression(value, prefix, numpy)

    arguments: list[str] = []
    for parameter, value in constructed_from(spec):
        if parameter.kind is parameter.VAR_POSITIONAL:
            arguments += map(text, value)
        elif parameter.default is parameter.empty and parameter.kind is not parameter.KEYWORD_ONLY:
            arguments.append(text(value))
        elif not _same(value, parameter.default):
            arguments.append(f"{parameter.name}={text(value)}")
    name = type(spec).__name__
    own = discovery.everything().get(name) is type(spec)
    return f"{prefix if own else ''}{name}({', '.join(arguments)})"


def constructed_from(spec: Any) -> Iterator[tuple[inspect.Parameter, Any]]:
    """Each argument of the spec's constructor, and its value; raises ExpressionError."""
    name = type(spec).__name__
    if not dataclasses.is_dataclass(spec) or isinstance(spec, type):
        raise ExpressionError(f"{spec!r} cannot be written: {name} is no dataclass")
    for parameter in inspect.signature(type(spec)).parameters.values():
        if not hasattr(spec, parameter.name):
            raise ExpressionError(
                f"{spec!r} cannot be written: {name} takes {parameter.name}, and has no such field"
            )
        yield parameter, getattr(spec, parameter.name)


def changed(spec: Any, **changes: Any) -> Any:
    """The spec with other values, made by its own constructor; raises what that raises."""
    args, keywords = [], {}
    for parameter, value in constructed_from(spec):
        new = changes.get(parameter.name, value)
        if parameter.kind is parameter.VAR_POSITIONAL:
            args += new
        else:
            keywords[parameter.name] = new
    return type(spec)(*args, **keywords)


def _same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and repr(value) == repr(default)  # -0.0 is not 0.0


def outside(spec: Any) -> dict[str, type[Any]]:
    """The classes in the spec, however deep, that are not of this project, by name."""
    if isinstance(spec, tuple):
        return {k: v for part in spec for k, v in outside(part).items()}
    if not dataclasses.is_dataclass(spec) or isinstance(spec, type):
        return {}
    fields = (getattr(spec, f.name) for f in dataclasses.fields(spec))
    found = outside(tuple(fields))
    name = type(spec).__name__
    own = discovery.everything().get(name) is type(spec)
    return found if own else {**found, name: type(spec)}


def parse(text: str, known: Mapping[str, type[Any]]) -> Any:
    """The spec that the text constructs from the known classes; raises ExpressionError."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
        spec = _value(tree.body, known)
    except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
        if isinstance(error, ExpressionError):
            raise
        raise ExpressionError(f"{_short(text)} is no expression: {error}") from error
    if not isinstance(tree.body, ast.Call) or not hasattr(type(spec), "__dataclass_fields__"):
        raise ExpressionError(f"{_short(text)} is no layer, loss or optimizer")
    return spec


def _value(node: ast.expr, known: Mapping[str, type[Any]]) -> Any:
    match node:
        case ast.Constant(value=None | bool() | int() | float() | str()):
            return node.value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.Tuple(elts=parts):
            return tuple(_value(part, known) for part in parts)
        case ast.Call(func=ast.Name(id="float"), args=[ast.Constant(value=str(word))], keywords=[]):
            return float(word)
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="np"), attr=kind), args=[inner], keywords=[]
        ) if kind in SCALARS:
            return np.dtype(kind).type(_value(inner, known))
        case ast.Call(func=ast.Name(id=name)):
            return _constructed(node, name, known)
    raise ExpressionError(f"{_short(ast.unparse(node))} may not stand in a spec")


def _constructed(node: ast.Call, name: str, known: Mapping[str, type[Any]]) -> Any:
    if name not in known:
        raise ExpressionError(str(UnknownName("spec", name, list(known))))
    if any(keyword.arg is None for keyword in node.keywords):
        raise ExpressionError(f"{_short(ast.unparse(node))}: ** may not stand in a spec")
    args = [_value(arg, known) for arg in node.args]
    keywords = {str(k.arg): _value(k.value, known) for k in node.keywords}
    try:
        return known[name](*args, **keywords)
    except (TypeError, ValueError) as error:
        raise ExpressionError(f"{_short(ast.unparse(node))}: {error}") from error


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}..."
