"""The registry of wrong implementations, and how to run one: the suite's own self-check.

A ``Mutant`` turns a right spec (a layer, a loss, an optimizer) or the right training loop
(``NumpyReference``) into a wrong one of the same type. Each is a small variation of the reference:
a subclass that overrides one method, registered by the decorator ``wrong``. The files
``wrong_*.py`` hold them; ``adapter`` runs one as an implementation to be compared.
"""

from __future__ import annotations

import copy
import dataclasses
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from backproof.adapters.numpy_reference import NumpyReference

T = TypeVar("T", bound=type)
SLIP = "a slip made by hand; no report looked up"


@dataclass(frozen=True)
class Mutant:
    """One wrong implementation.

    ``target`` is the class that ``make`` varies: it takes the right object and returns the wrong
    one. ``revealed_by`` says in words which input shows the difference.
    """

    id: str
    target: type
    description: str
    sources: tuple[str, ...]
    revealed_by: str
    make: Callable[[Any], Any]


REGISTRY: dict[str, Mutant] = {}


def wrong(
    id: str, description: str, *sources: str, revealed_by: str = "any ordinary input"
) -> Callable[[T], T]:
    """Register the decorated class as a wrong version of the class it inherits from."""

    def register(variation: T) -> T:
        if id in REGISTRY:
            raise ValueError(f"two mutants have the id {id}")
        make = as_variation(variation)
        target = next(
            base for base in variation.__mro__ if base.__module__.startswith("backproof.")
        )
        REGISTRY[id] = Mutant(id, target, description, sources or (SLIP,), revealed_by, make)
        return variation

    return register


def as_variation(variation: type) -> Callable[[Any], Any]:
    """The function that copies an object of the base class as one of the variation."""

    def make(right: Any) -> Any:
        other = copy.copy(right)
        object.__setattr__(other, "__class__", variation)
        return other

    return make


def substitute(spec: Any, target: type, make: Callable[[Any], Any]) -> Any:
    """The spec with every part whose type is target replaced, however deep in its fields."""
    if isinstance(spec, tuple):
        return tuple(substitute(part, target, make) for part in spec)
    if not dataclasses.is_dataclass(spec):
        return spec
    other = copy.copy(spec)
    for field in dataclasses.fields(spec):
        part = substitute(getattr(spec, field.name), target, make)
        object.__setattr__(other, field.name, part)
    return make(other) if type(spec) is target else other


class Substituted(NumpyReference):
    """The reference with every spec of one type replaced."""

    def __init__(self, name: str, target: type, make: Callable[[Any], Any]) -> None:
        self.name, self.target, self.change = name, target, make

    def _changed(self, *specs: Any) -> list[Any]:
        return [substitute(spec, self.target, self.change) for spec in specs]

    def vjp(self, network, params, x, dy):
        return super().vjp(*self._changed(network), params, x, dy)

    def loss_vjp(self, loss, prediction, target, dloss):
        return super().loss_vjp(*self._changed(loss), prediction, target, dloss)

    def evaluate(self, function, x, dtype):
        return super().evaluate(*self._changed(function), x, dtype)

    def draw(self, initialiser, shape, count, dtype, seed):
        return super().draw(*self._changed(initialiser), shape, count, dtype, seed)

    def optimize(self, optimizer, params, grads):
        return super().optimize(*self._changed(optimizer), params, grads)

    def train(self, network, loss, optimizer, params, batches, starts=None):
        changed = self._changed(network, loss, optimizer)
        return super().train(*changed, params, batches, starts)


def adapter(mutant: Mutant) -> Any:
    """The mutant as an implementation, named by its id, to be compared like any other."""
    if mutant.target is NumpyReference:
        loop = mutant.make(NumpyReference())
        loop.name = mutant.id
        return loop
    return Substituted(mutant.id, mutant.target, mutant.make)


def mutants() -> dict[str, Mutant]:
    """Every mutant by its id."""
    for file in sorted(Path(__file__).parent.glob("wrong_*.py")):
        importlib.import_module(f".{file.stem}", __package__)
    return dict(REGISTRY)
