"""One operation of the reference does something else: a term left out, a mean for a sum.

These need no catalogue. The reference tells which operations it does (``operations``), and for
each a few others are tried in its place, in the words of its own source.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from ...noisy import Noisy
from ..operations import Done, Operation, operations, source_file, varied_at
from ..parts import Part
from ..registry import Proposal, Proposals, hypothesis
from .cotangents import portions

Variant = Callable[..., Any]
Told = Iterator[tuple[str, Variant, float]]  # what is different, in words; how; at which cost


@hypothesis("one operation", bits=9, of=("layer", "loss", "optimizer", "function"))
def another_operation(part: Part) -> Proposals:
    """Every operation of a part, with others in its place."""
    for at, done in of_part(part):
        for difference, variant, more in variants(at, done.operands, done.how):
            yield Proposal(
                f"{at.function}: {difference}",
                f"{part.type_name} with {difference}",
                partial(varied_at, at=at, variant=variant),
                more,
            )


@hypothesis("another variable", bits=12, of=("layer", "loss", "optimizer", "function"))
def another_variable(part: Part) -> Proposals:
    """Every operand of a part's operations, with another variable of its shape in its place."""
    for at, done in of_part(part):
        if at.name not in (*_BINARY, "matmul", "sum", "mean"):
            continue
        for i, (operand, text) in enumerate(zip(done.operands, at.operands, strict=False)):
            for name, shape in done.scope.items():
                if shape != np.shape(operand) or name == text.replace("'", '"'):
                    continue
                difference = f"`{name}` in the place of `{text}` in {_quoted(at)}"
                yield Proposal(
                    f"{at.function}: {difference}",
                    f"{part.type_name} with {difference}",
                    partial(_with_variable, at=at, operand=(i, name)),
                )


def _with_variable(spec: Any, at: Operation, operand: tuple[int, str]) -> Any:
    return varied_at(spec, at, partial(_again, at.name), operand)


def _again(name: str, *operands: Any, **how: Any) -> Any:
    """The same operation on other operands."""
    if name in ("sum", "mean"):
        return getattr(operands[0], name)(*operands[1:], **how)
    return getattr(np, name)(*operands)


def of_part(part: Part) -> Iterator[tuple[Operation, Done]]:
    """The operations of a part, those of its own file if it has parts itself; each place once."""
    own = (source_file(part.spec), "branches.py")
    seen = set()
    if "operations" not in part.memo:
        part.memo["operations"] = operations(part.spec, part.rerun).found
    for at, done in part.memo["operations"].items():
        if (part.composed and not at.file.endswith(own)) or (at.file, at.span) in seen:
            continue
        seen.add((at.file, at.span))  # a mean is a sum and a division: told once
        yield at, done


def variants(at: Operation, operands: tuple[Any, ...], how: dict[str, Any]) -> Told:
    """What might be done instead of an operation."""
    if at.name == "add":
        yield from _small_constant(at, *operands)
    if at.name in _BINARY:
        a, b = at.operands if len(at.operands) == 2 else ("the first operand", "the second")
        for words, variant, more in _BINARY[at.name]:
            yield f"{words.format(a=a, b=b)} in {_quoted(at)}", _broadcast(variant), more
    elif at.name in ("sum", "mean"):
        yield from _reductions(at, operands, how)
    elif at.name == "matmul":
        yield from _products(at, *operands)
    elif at.name in _UNARY:
        for words, variant, more in _UNARY[at.name]:
            yield f"{words} in {_quoted(at)}", variant, more
    elif at.name in ("transpose", "swapaxes"):
        x, *axes = operands
        if getattr(x, at.name)(*axes).shape == x.shape:
            yield f"the transpose missing in {_quoted(at)}", lambda x, *axes: x.copy(), 0


def _small_constant(at: Operation, x: Any, c: Any) -> Told:
    """ε inside a root, outside of it, squared: where a number is added to an array."""
    if np.ndim(c) or not np.ndim(x):
        return
    name = at.operands[1] if len(at.operands) == 2 else "the number"
    ways: list[tuple[str, Variant]] = [
        (f"`{name}` inside the root", lambda x, c: np.sqrt(x * x + c)),
        (f"`{name}`² inside the root", lambda x, c: np.sqrt(x * x + c * c)),
        (f"`{name}` outside the root", lambda x, c: (np.sqrt(x) + c) * (np.sqrt(x) + c)),
        (f"`{name}` squared", lambda x, c: x + c * c),
        (f"the larger of it and `{name}`, not the sum,", np.maximum),
    ]
    for words, way in ways:
        yield f"{words} in {_quoted(at)}", _broadcast(way), 0


def _quoted(at: Operation) -> str:
    text = at.expression
    short = text if len(text) <= 70 else f"{text[:67]}..."
    nth = f", number {at.nth} of those that look so" if at.nth > 1 else ""
    return f"`{short}` ({at.function}{nth})"


def _broadcast(variant: Variant) -> Variant:
    """The variant of a binary operation, in the shape that the right result has."""

    def broad(a: Any, b: Any) -> Noisy:
        noise = next(o.noise for o in (a, b) if isinstance(o, Noisy))
        shape = np.broadcast_shapes(np.shape(a), np.shape(b))
        got = variant(_float(noise, a), _float(noise, b))
        payload = got.payload.reshape(len(got.payload), *(1,) * (len(shape) - got.ndim), *got.shape)
        return Noisy(noise, np.array(np.broadcast_to(payload, (len(payload), *shape))))

    return broad


def _float(noise: Any, operand: Any) -> Noisy:
    return operand if isinstance(operand, Noisy) else noise.array(np.asarray(operand, noise.work))


_LEFT_OUT = ("`{b}` left out", lambda a, b: a, 0.0)
_ALONE = ("`{a}` left out", lambda a, b: b, 0.0)
_BINARY: dict[str, list[tuple[str, Variant, float]]] = {
    "add": [
        _LEFT_OUT, _ALONE,
        ("`{b}` subtracted", lambda a, b: a - b, 0),
        ("`{b}` twice", lambda a, b: a + b + b, 2),
        ("`{a}` twice", lambda a, b: a + a + b, 2),
    ],
    "subtract": [
        _LEFT_OUT, ("`{a}` left out", lambda a, b: -b, 0),
        ("`{b}` added", lambda a, b: a + b, 0),
        ("the sign turned", lambda a, b: b - a, 0),
        ("`{b}` twice", lambda a, b: a - b - b, 2),
    ],
    "multiply": [
        ("the factor `{b}` missing", lambda a, b: a, 0),
        ("the factor `{a}` missing", lambda a, b: b, 0),
        ("a division by `{b}`", lambda a, b: a / b, 2),
        ("a division by `{a}`", lambda a, b: b / a, 2),
        ("the factor `{b}` twice", lambda a, b: a * b * b, 2),
        ("the factor `{a}` twice", lambda a, b: a * a * b, 2),
    ],
    "divide": [
        ("the division by `{b}` missing", lambda a, b: a, 0),
        ("`{a}` replaced by 1", lambda a, b: 1 / b, 2),
        ("a multiplication by `{b}`", lambda a, b: a * b, 1),
        ("two divisions by `{b}`", lambda a, b: a / b / b, 2),
    ],
    "power": [
        ("the exponent `{b}` missing", lambda a, b: a, 0),
        ("the exponent `{b}` + 1", lambda a, b: a**b * a, 1),
        ("the exponent `{b}` - 1", lambda a, b: a**b / a, 1),
    ],
    "maximum": [_LEFT_OUT, _ALONE, ("a minimum", lambda a, b: np.minimum(a, b), 1)],
    "minimum": [_LEFT_OUT, _ALONE, ("a maximum", lambda a, b: np.maximum(a, b), 1)],
    "greater": [(">=", lambda a, b: a >= b, 0), ("<", lambda a, b: a < b, 1)],
    "greater_equal": [(">", lambda a, b: a > b, 0), ("<", lambda a, b: a < b, 1)],
    "less": [("<=", lambda a, b: a <= b, 0), (">", lambda a, b: a > b, 1)],
    "less_equal": [("<", lambda a, b: a < b, 0), (">", lambda a, b: a > b, 1)],
}  # fmt: skip
_UNARY: dict[str, list[tuple[str, Variant, float]]] = {
    "negative": [("the minus sign missing", lambda x: x * 1.0, 0)],
    "sqrt": [("the root missing", lambda x: x * 1.0, 0)],
    "square": [("the square missing", lambda x: x * 1.0, 0)],
    "sign": [("the sign's argument itself", lambda x: x * 1.0, 1)],
    "absolute": [("the absolute value missing", lambda x: x * 1.0, 0)],
    "exp": [("the exponential missing", lambda x: x * 1.0, 2)],
    "log": [("the logarithm missing", lambda x: x * 1.0, 2)],
    "tanh": [("tanh missing", lambda x: x * 1.0, 2)],
}


def _reductions(at: Operation, operands: tuple[Any, ...], how: dict[str, Any]) -> Told:
    """Over other axes, other entries, or divided by another number."""
    x, *given = operands
    axes = _normal(how.get("axis", given[0] if given else None), x.ndim)
    keep = how.get("keepdims", given[1] if len(given) > 1 else False)
    n = int(np.prod([x.shape[a] for a in axes]))
    where, over = _quoted(at), partial(_over, axes=axes, keep=keep)
    if n > 1:
        other = "sum" if at.name == "mean" else "mean"
        yield f"a {other} instead of a {at.name} in {where}", partial(over, name=other), 0
        if at.name == "mean":
            unbiased = partial(over, name="mean", factor=n / (n - 1))
            yield f"n - 1 instead of n in {where}", unbiased, 0
    for a in (a for a in axes if x.shape[a] > 1):
        for words, some in portions(x.shape[a]):
            index = (*(slice(None),) * a, some)
            yield (
                f"{words} of axis {a} alone in {where}",
                partial(over, name=at.name, index=index),
                1,
            )
    for others in _other_axes(x.shape, axes, keep):
        words = f"axis {others[0] if len(others) == 1 else others} instead in {where}"
        yield words, partial(over, name=at.name, axes=others), 1


def _normal(axis: Any, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    return tuple(a % ndim for a in (axis if isinstance(axis, tuple) else (axis,)))


def _over(
    x: Any, *_: Any, name: str, axes: tuple[int, ...], keep: bool, index: Any = ...,
    factor: float = 1, **__: Any,
) -> Any:  # fmt: skip
    """A sum or a mean of a part of x, whatever the right one was asked for."""
    return getattr(x[index], name)(axis=axes, keepdims=keep) * factor


def _other_axes(
    shape: tuple[int, ...], axes: tuple[int, ...], keep: bool
) -> Iterator[tuple[int, ...]]:
    for count in range(1, len(shape) + 1):
        for others in itertools.combinations(range(len(shape)), count):
            left = [n for a, n in enumerate(shape) if a not in others]
            right = [n for a, n in enumerate(shape) if a not in axes]
            if others != tuple(sorted(axes)) and (keep or left == right):
                yield others


def _products(at: Operation, a: Any, b: Any) -> Told:
    """A factor transposed, or a contraction over other positions."""
    names = at.operands if len(at.operands) == 2 else ("the first factor", "the second")
    where, n = _quoted(at), a.shape[-1]
    if a.shape[-1] == a.shape[-2]:
        yield f"`{names[0]}` transposed in {where}", lambda a, b: a.swapaxes(-1, -2) @ b, 0
    if b.shape[-1] == b.shape[-2]:
        yield f"`{names[1]}` transposed in {where}", lambda a, b: a @ b.swapaxes(-1, -2), 0
    if a.shape[-2] == b.shape[-1]:
        yield f"the product transposed in {where}", lambda a, b: (a @ b).swapaxes(-1, -2), 1
    if n == 1:
        return
    yield f"a mean over the terms in {where}", lambda a, b: (a @ b) / n, 0
    for words, some in portions(n):
        yield f"{words} of the terms alone in {where}", partial(_some_terms, some=some), 1


def _some_terms(a: Any, b: Any, some: slice) -> Any:
    return a[..., some] @ b[..., some, :]
