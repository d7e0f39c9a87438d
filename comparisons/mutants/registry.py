"""What a mutant is, and the decorator that registers one.

A mutant is a class that inherits from the right one and varies one method. The files of
``families`` hold them, one family a file; ``mutants()`` reads those files when it is first asked.
"""

from __future__ import annotations

import ast
import copy
import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from ...adapters.numpy_reference import NumpyReference

T = TypeVar("T", bound=type)
SLIP = "a slip made by hand; no report looked up"
KINDS = {
    "layers": "layer", "losses": "loss", "optimizers": "optimizer", "schedules": "schedule",
    "transforms": "transform", "initialisers": "initialiser",
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One wrong implementation.

    ``variation`` is the wrong class and ``target`` the right one that it varies. ``sources`` are
    the bug reports that it comes from, as repository#number, or what else it was learnt from.
    ``misses`` says why a weak test does not see it, ``revealed_by`` which input does.
    """

    id: str
    target: type
    description: str
    sources: tuple[str, ...]
    revealed_by: str
    misses: str
    variation: type

    @property
    def subject(self) -> str:
        """The name of what it is a wrong version of: Adam, or TrainingLoop."""
        return "TrainingLoop" if self.target is NumpyReference else self.target.__name__

    @property
    def kind(self) -> str:
        """layer, loss, optimizer, schedule, transform, initialiser or training loop."""
        if self.target is NumpyReference:
            return "training loop"
        return KINDS[self.target.__module__.split(".")[-2]]

    @property
    def family(self) -> str:
        """The name of the file that holds it."""
        return self.variation.__module__.rpartition(".")[2]

    @property
    def code(self) -> str:
        """The code of the variation."""
        text = inspect.getsource(importlib.import_module(self.variation.__module__))
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef) and self.id in map(_first_argument, _calls(node)):
                return "\n".join(text.splitlines()[node.lineno - 1 : node.end_lineno])
        raise LookupError(f"{self.variation.__module__} holds no mutant {self.id}")

    def record(self) -> dict[str, str]:
        """All that is told of it in words, to be shown or saved."""
        return {
            "id": self.id, "subject": self.subject, "kind": self.kind, "family": self.family,
            "description": self.description, "sources": ", ".join(self.sources),
            "revealed_by": self.revealed_by, "misses": self.misses,
        }  # fmt: skip

    def make(self, right: Any) -> Any:
        """A copy of the right object that computes as the variation does."""
        other = copy.copy(right)
        object.__setattr__(other, "__class__", self.variation)
        return other


def _calls(node: ast.ClassDef) -> list[ast.Call]:
    return [decorator for decorator in node.decorator_list if isinstance(decorator, ast.Call)]


def _first_argument(call: ast.Call) -> object:
    return call.args[0].value if isinstance(call.args[0], ast.Constant) else None


REGISTRY: dict[str, Mutant] = {}


def wrong(
    id: str,
    description: str,
    *sources: str,
    revealed_by: str = "any ordinary input",
    misses: str = "",
) -> Callable[[T], T]:
    """Register the decorated class as a wrong version of the class that it inherits from.

    Raises ValueError if another mutant has the id.
    """

    def register(variation: T) -> T:
        if id in REGISTRY:
            raise ValueError(f"two mutants have the id {id}")
        target = _inherited(variation)
        REGISTRY[id] = Mutant(
            id, target, description, sources or (SLIP,), revealed_by, misses, variation
        )
        return variation

    return register


def _inherited(variation: type) -> type:
    """The first class that a variation inherits from another file: the right one."""
    return next(c for c in variation.__mro__ if c.__module__ != variation.__module__)


def right(spec: Any, **changes: Any) -> Any:
    """The right object with the hyperparameters of a wrong one, or others: for use in mutants."""
    fields = {f.name: getattr(spec, f.name) for f in dataclasses.fields(spec) if f.init}
    return _inherited(type(spec))(**(fields | changes))


@cache
def mutants() -> dict[str, Mutant]:
    """Every mutant by its id."""
    package = importlib.import_module(f"{__package__}.families")
    for file in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{file.name}")
    return dict(REGISTRY)


def mutants_of(target: type) -> list[Mutant]:
    """The mutants of a spec's type; of ``NumpyReference``, the wrong training loops."""
    return [mutant for mutant in mutants().values() if mutant.target is target]


def unmutated(target: type) -> Mutant:
    """The right implementation in a mutant's clothes, to be run in the same way."""
    same = type("Unmutated", (target,), {})
    return Mutant("unmutated", target, "nothing is changed", (), "", "", same)
