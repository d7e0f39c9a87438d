"""What an adapter is: NumPy in, NumPy out. The reference and a user's own code are adapters too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from ..reference.protocols import Array, Function, Initialiser, Layer, Loss, Optimizer, Tree
from ..reference.training import Step

Start = tuple[Tree, Tree]  # the parameters and the optimizer state that a step starts from
Batch = tuple[Tree, Tree]  # x and target


F = TypeVar("F", bound=Callable[..., Any])


class Unsupported(Exception):
    """The adapter cannot express this; the message says what and why. Becomes a row, no crash."""


def own_formula(why: str) -> Callable[[F], F]:
    """Mark a translation that is a formula of ours, because the framework has no such operation.

    It still gives an independent gradient (the framework's own autograd), and the table of
    coverage says so.
    """

    def mark(translation: F) -> F:
        translation.own_formula = why  # type: ignore[attr-defined]
        return translation

    return mark


def translation(spec: type, *registries: Any) -> str:
    """How a framework's ``singledispatch`` registries translate a spec.

    "own operation", "own formula: " and why, or "" where there is no translation.
    """
    for registry in registries:
        found = registry.dispatch(spec)
        if found is not registry.dispatch(object):
            why = getattr(found, "own_formula", "")
            return f"own formula: {why}" if why else "own operation"
    return ""


class VJP(NamedTuple):
    """y = f(x), and the cotangents dx and dparams that belong to dy.

    dx is None where x is no float array: integers and masks have no cotangent.

    ``uncertainty`` is (for an oracle that knows its own error) a pair of trees like dx and
    dparams: what each entry may be off by; it is added to the tolerance.
    """

    y: Tree
    dx: Tree
    dparams: Tree
    uncertainty: tuple[Tree, Tree] | None = None


class Updated(NamedTuple):
    """Weights and optimizer state after one step of an optimizer alone."""

    params: Tree
    state: Tree


class Adapter(Protocol):
    """An implementation that can be asked for gradients, optimizer steps and training steps.

    Arrays go in and come out as NumPy, in the reference's layout, named as the reference names
    them, in the dtype of ``params`` and ``x``. What cannot be expressed raises ``Unsupported``.
    """

    name: str

    def vjp(self, network: Layer, params: Tree, x: Tree, dy: Tree) -> VJP:
        """y, dx and dparams of one network."""

    def loss_vjp(self, loss: Loss, prediction: Tree, target: Tree, dloss: Array) -> VJP:
        """The loss as y, and the prediction's cotangent as dx; dparams is {}."""

    def optimize(
        self, optimizer: Optimizer, params: Tree, grads: Iterable[Tree]
    ) -> Iterator[Updated]:
        """The optimizer alone, fed the given gradients: one Updated for each."""

    def evaluate(self, function: Function, x: Tree, dtype: np.dtype[Any]) -> Tree:
        """A schedule's rates, or what a transform makes of gradients, in dtype."""

    def draw(
        self, initialiser: Initialiser, shape: tuple[int, ...], count: int,
        dtype: np.dtype[Any], seed: int,
    ) -> Array:  # fmt: skip
        """So many weights of that shape, as one array (count, *shape), in dtype."""

    def train(
        self, network: Layer, loss: Loss, optimizer: Optimizer, params: Tree,
        batches: Iterable[Batch], starts: Iterable[Start] | None = None,
    ) -> Iterator[Step]:  # fmt: skip
        """One Step for each batch.

        Free-running from params; or, with ``starts``, in lockstep: step t begins from the t-th
        pair of parameters and optimizer state, whatever the step before it did.
        """


def _missing(what: str) -> Callable[..., Any]:
    def raise_unsupported(*args: Any, **kwargs: Any) -> Any:
        raise Unsupported(f"this candidate was given no {what}")

    return raise_unsupported


@dataclass(frozen=True)
class Candidate:
    """Your own code as an adapter: give the functions that you have, leave out the rest.

    Each has the signature of the ``Adapter`` method of its name; a plain tuple (y, dx, dparams)
    will do for a VJP, and (params, state) for an Updated.
    """

    name: str
    vjp: Callable[..., Any] = field(default=_missing("vjp"))
    loss_vjp: Callable[..., Any] = field(default=_missing("loss_vjp"))
    optimize: Callable[..., Any] = field(default=_missing("optimize"))
    train: Callable[..., Any] = field(default=_missing("train"))
    evaluate: Callable[..., Any] = field(default=_missing("evaluate"))
    draw: Callable[..., Any] = field(default=_missing("draw"))
