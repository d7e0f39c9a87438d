"""What the fixture ``implementation`` gives to a user's test: the right thing, or a wrong one."""

from __future__ import annotations

from typing import Any

from ...adapters.loading import UnknownName
from ...adapters.numpy_reference import NumpyReference
from ...reference import discovery
from .registry import Mutant, mutants_of
from .substitution import substitute


class Implementation:
    """Makes layers, losses, optimizers, ... as the class in the reference does: right or wrong.

    Called with hyperparameters, ``implementation(4, 3)`` for Dense(4, 3), it gives an object whose
    methods take and give plain arrays: ``forward`` and ``backward`` of a layer and of a loss,
    ``init`` and ``update`` of an optimizer, and so on, as ``backproof.reference.protocols`` has
    them. ``id`` is that of the mutant, "" for the right implementation.
    """

    def __init__(self, target: type, mutant: Mutant | None = None) -> None:
        self.target, self.mutant = target, mutant
        self.id = mutant.id if mutant else ""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The object with these hyperparameters; raises what the right class raises."""
        right = self.target(*args, **kwargs)
        return substitute(right, self.target, self.mutant.make) if self.mutant else right

    def __repr__(self) -> str:
        return f"<{self.id or 'right'} implementation of {self.target.__name__}>"


def targets() -> dict[str, type[Any]]:
    """What there are wrong versions of, by name: every spec, and TrainingLoop."""
    return {**discovery.everything(), "TrainingLoop": NumpyReference}


def implementations(subject: str) -> list[Implementation]:
    """The right implementation, then every wrong one. Raises UnknownName."""
    known = targets()
    if subject not in known:
        raise UnknownName("target", subject, list(known))
    wrong = [Implementation(known[subject], mutant) for mutant in mutants_of(known[subject])]
    return [Implementation(known[subject]), *wrong]
