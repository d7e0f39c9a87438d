"""Another documented convention: the reference with one hyperparameter changed."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ..parts import Part, kind_of
from ..registry import Family, Proposal, Proposals, hypothesis

EPSILONS = (1e-3, 1e-5, 1e-6, 1e-7, 1e-8, 1e-10, 1e-12)
RATES = (0.9, 0.99, 0.999, 0.95, 0.98, 0.8, 0.5, 0.1)


def fields(spec: Any) -> Iterator[tuple[str, Any]]:
    """The hyperparameters of a spec, without the specs within it."""
    for field in dataclasses.fields(spec):
        value = getattr(spec, field.name)
        inner = value if isinstance(value, tuple) else (value,)
        if field.init and not any(map(kind_of, inner)):
            yield field.name, value


def with_field(name: str, value: Any) -> Callable[[Any], Any]:
    """The change of one hyperparameter."""
    return lambda spec: dataclasses.replace(spec, **{name: value})


def elsewhere(spec: Any, name: str) -> list[Any]:
    """The values that a hyperparameter has in the samples, its default among them."""
    found = [f.default for f in dataclasses.fields(spec) if f.name == name]
    found += [getattr(sample.spec, name) for sample in type(spec).samples()]
    return [v for v in found if v is not dataclasses.MISSING]


def others(spec: Any, name: str, value: Any) -> Iterator[Any]:
    """Values that a hyperparameter might have been given instead."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, value - 1, 2 * value, value // 2, 1, 0)
    elif isinstance(value, float):
        yield from EPSILONS if "eps" in name else RATES if 0 < value < 1 else ()
        yield from (0.0, 1.0, 1 - value, -value, 10 * value, value / 10, 100 * value, value / 100)
        yield from (2 * value, value / 2, value * value, abs(value) ** 0.5)
        if "eps" not in name and 0.9 < value < 1:
            yield from (1 - 10 * (1 - value), 1 - (1 - value) / 10)
    elif isinstance(value, tuple):
        yield from (value[::-1], ())
    yield from elsewhere(spec, name)


def _owns(part: Part) -> bool:
    return dataclasses.is_dataclass(part.spec) and hasattr(type(part.spec), "samples")


def _possible(spec: Any, change: Callable[[Any], Any]) -> bool:
    try:
        change(spec)
    except (ValueError, TypeError, ZeroDivisionError):
        return False
    return True


@hypothesis("another convention", bits=6.5)
def one_option(part: Part) -> Proposals:
    """One hyperparameter has another value, of those that are usual."""
    if not _owns(part):
        return
    spec = part.spec
    for name, value in fields(spec):
        for other in others(spec, name, value):
            same = type(other) is type(value) and other == value
            change = with_field(name, other)
            if same or not _possible(spec, change):
                continue
            usual = isinstance(other, bool | str) or other in elsewhere(spec, name)
            text = f"{part.type_name} with {name}={_short(other)}, not {_short(value)}"
            more = 0.0 if usual else 2.0
            yield Proposal(f"{part.type_name}.{name}={_short(other)}", text, change, more)


@hypothesis("another convention", bits=7)
def exchanged(part: Part) -> Proposals:
    """Two hyperparameters exchanged."""
    if not _owns(part):
        return
    for (a, one), (b, two) in itertools.combinations(fields(part.spec), 2):
        if type(one) is not type(two) or one == two or isinstance(one, bool):
            continue

        def change(spec: Any, a: str = a, b: str = b) -> Any:
            return dataclasses.replace(spec, **{a: getattr(spec, b), b: getattr(spec, a)})

        if _possible(part.spec, change):
            text = f"{part.type_name} with {a} and {b} exchanged"
            yield Proposal(f"{part.type_name}.{a}<->{b}", text, change)


@hypothesis("another convention", bits=8)
def any_value(part: Part) -> Proposals:
    """One number among the hyperparameters has another value, found by fitting."""
    if not _owns(part):
        return
    for name, value in fields(part.spec):
        if isinstance(value, float):

            def text(c: str, name: str = name, value: float = value) -> str:
                return f"{part.type_name} with {name}={c}, not {_short(value)}"

            yield Family(f"{part.type_name}.{name}", text, partial(with_field, name), value)


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else repr(value)
