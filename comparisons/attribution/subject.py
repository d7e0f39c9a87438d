"""What is explained: one network with its weights, on one input with its target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...adapters.numpy_reference import NumpyReference
from ...adapters.protocols import Adapter
from ...reference.layers.sequential import Sequential
from ...reference.protocols import Array, Layer, Loss, Tree
from ...reference.tree import leaves, unflatten
from .. import cases
from ..passes import Passes, chain, forward, loss_vjp, passes

REFERENCE = NumpyReference()


@dataclass(frozen=True)
class Subject:
    """A network of ``layers`` one after another, its loss, its params, one batch and a baseline.

    ``x`` and ``baseline`` are arrays of one shape, (N, ...); what is asked is how the loss comes
    about, or, where ``output`` is the index of an entry of the prediction, how that does. Where x
    holds integers, nothing is said of the inputs. Made by ``subject``, which checks it.
    """

    layers: tuple[Layer, ...]
    params: tuple[Tree, ...]
    loss: Loss
    x: Array
    target: Tree
    baseline: Array
    output: tuple[int, ...] | None = None
    first: int = 0  # how many layers of the network come before x

    @property
    def has_floats(self) -> bool:
        """Whether x can be moved by a little."""
        return bool(self.x.dtype.kind == "f")

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each value between the layers: "x", "0 Dense", "1 Sigmoid", ..."""
        numbered = enumerate(self.layers, start=self.first)
        return ("x", *(f"{i} {type(layer).__name__}" for i, layer in numbered))

    def at(self, x: Array) -> Subject:
        """The same for another input."""
        return replace(self, x=x)

    def after(self, k: int, value: Tree) -> Subject:
        """What comes after the first k layers, for a value that they may have put out."""
        return replace(
            self, layers=self.layers[k:], params=self.params[k:], x=value, first=self.first + k
        )

    def moved(self, arithmetic: Any) -> Subject:
        """The same numbers as arrays of another arithmetic."""
        fields = ("params", "x", "target", "baseline")
        return replace(self, **{name: arithmetic.tree(getattr(self, name)) for name in fields})


def subject(
    network: Layer, loss: Loss, params: Tree, x: Any, target: Any, *, baseline: Any = None,
    output: Sequence[int] | None = None, dtype: Any = None,
) -> Subject:  # fmt: skip
    """Check what is to be explained, and complete it.

    ``x`` is a batch (N, ...), mostly of one sample, and ``target`` what belongs to it. ``baseline``
    is the input to count from, of x's shape or broadcast to it; zero if None. ``output`` asks for
    an entry of the prediction in place of the loss, by its index (sample, ...). Where x holds
    integers, as characters of a text, the layers before the first floats are run once, and what
    they put out is taken for x; where no layer takes floats, inputs are left out.

    Raises CaseError where something does not fit.
    """
    cases.check_spec(network, "layer")
    cases.check_spec(loss, "loss")
    dtype = cases.check_dtype(dtype, *(a for _, a in leaves((x, params))))
    params = cases.check_params(network, params, dtype)
    value, target = cases.check_array("x", x, dtype), cases.check_tree("target", target, dtype)
    cases.forward(loss, cases.forward(network, params, value), target)
    layers, per_layer = chain(network, params)
    first = 0
    while value.dtype.kind != "f" and first + 1 < len(layers):
        value = cases.forward(layers[first], per_layer[first], value)
        first += 1
    made = Subject(layers[first:], per_layer[first:], loss, value, target,
                   _baseline(baseline, value), None, first)  # fmt: skip
    return made if output is None else replace(made, output=_output(made, output))


def _baseline(given: Any, x: Array) -> Array:
    if x.dtype.kind != "f" and given is not None:
        raise cases.CaseError(f"x is {x.dtype}: there is no baseline to count from")
    try:
        wide = np.broadcast_to(np.asarray(0 if given is None else given, x.dtype), x.shape)
    except (TypeError, ValueError) as error:
        raise cases.CaseError(f"baseline does not fit x of shape {x.shape}: {error}") from error
    if not np.isfinite(wide).all():
        raise cases.CaseError("baseline holds a number that is not finite")
    return wide.copy()


def _output(made: Subject, given: Sequence[int]) -> tuple[int, ...]:
    shape = prediction(REFERENCE, made).shape
    index = tuple(int(i) for i in given)
    if len(index) != len(shape) or not all(0 <= i < n for i, n in zip(index, shape, strict=True)):
        raise cases.CaseError(f"output {index} is no entry of the prediction, of shape {shape}")
    return index


def prediction(adapter: Adapter, made: Subject) -> Array:
    """The network's output."""
    y: Array = forward(adapter, Sequential(*made.layers), made.params, made.x)
    return y


def amount(adapter: Adapter, made: Subject) -> Array:
    """The number that is explained: the loss, or the entry of the prediction."""
    y = prediction(adapter, made)
    value: Array
    if made.output is not None:
        value = y[made.output]
    else:
        value = loss_vjp(adapter, made.loss, y, made.target).y
    return value


def both_passes(adapter: Adapter, made: Subject) -> Passes:
    """Values forward, cotangents of the explained number backward."""
    network = Sequential(*made.layers)
    return passes(adapter, network, made.loss, made.params, made.x, made.target,
                  output=made.output)  # fmt: skip


def without(array: Array, entry: int) -> Array:
    """A copy with one entry, counted through the whole array, set to 0."""
    changed = array.copy()
    changed[np.unravel_index(entry, array.shape)] = 0.0
    return changed


def without_weight(params: Tree, leaf: str, entry: int) -> Tree:
    """The params with one weight set to 0."""
    changed = (without(w, entry) if name == leaf else w for name, w in leaves(params))
    return unflatten(params, changed)
