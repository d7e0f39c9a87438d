"""A mutant put in the place of the right spec, and run as an implementation to be compared."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ...adapters.numpy_reference import NumpyReference
from ...adapters.protocols import VJP, Adapter, Batch, Start, Updated
from ...reference.protocols import Array, Function, Initialiser, Layer, Loss, Optimizer, Tree
from ...reference.training import Step
from .registry import Mutant

Change = Callable[[Any], Any]


def substitute(spec: Any, target: type, make: Change) -> Any:
    """The spec with every part whose type is target replaced, however deep in its fields."""
    if isinstance(spec, tuple):
        return tuple(substitute(part, target, make) for part in spec)
    other = copy.copy(spec)
    for field in dataclasses.fields(spec) if dataclasses.is_dataclass(spec) else ():
        part = substitute(getattr(spec, field.name), target, make)
        object.__setattr__(other, field.name, part)
    return make(other) if type(spec) is target else other


class Substituted(NumpyReference):
    """The reference with every spec of one type replaced."""

    def __init__(self, name: str, target: type, make: Change) -> None:
        self.name, self.target, self.change = name, target, make

    def _changed(self, spec: Any) -> Any:
        return substitute(spec, self.target, self.change)

    def vjp(self, network: Layer, params: Tree, x: Tree, dy: Tree) -> VJP:
        """As the reference does, with the part replaced."""
        return super().vjp(self._changed(network), params, x, dy)

    def loss_vjp(self, loss: Loss, prediction: Tree, target: Tree, dloss: Any) -> VJP:
        """As the reference does, with the part replaced."""
        return super().loss_vjp(self._changed(loss), prediction, target, dloss)

    def evaluate(self, function: Function, x: Tree, dtype: np.dtype[Any]) -> Tree:
        """As the reference does, with the part replaced."""
        return super().evaluate(self._changed(function), x, dtype)

    def draw(
        self, initialiser: Initialiser, shape: tuple[int, ...], count: int,
        dtype: np.dtype[Any], seed: int,
    ) -> Array:  # fmt: skip
        """As the reference does, with the part replaced."""
        return super().draw(self._changed(initialiser), shape, count, dtype, seed)

    def optimize(
        self, optimizer: Optimizer, params: Tree, grads: Iterable[Tree]
    ) -> Iterator[Updated]:
        """As the reference does, with the part replaced."""
        return super().optimize(self._changed(optimizer), params, grads)

    def train(
        self, network: Layer, loss: Loss, optimizer: Optimizer, params: Tree,
        batches: Iterable[Batch], starts: Iterable[Start] | None = None,
    ) -> Iterator[Step]:  # fmt: skip
        """As the reference does, with the part replaced."""
        network, loss, optimizer = map(self._changed, (network, loss, optimizer))
        return super().train(network, loss, optimizer, params, batches, starts)


def adapter(mutant: Mutant) -> Adapter:
    """The mutant as an implementation, named by its id, to be compared like any other."""
    if issubclass(mutant.target, NumpyReference):
        loop: Adapter = mutant.make(NumpyReference())
        loop.name = mutant.id
        return loop
    return Substituted(mutant.id, mutant.target, mutant.make)
