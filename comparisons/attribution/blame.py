"""Who is to blame: the loss split by output, the nodes' and the weights' part in it.

For a number L that is explained, a value a_j between two layers and a weight w:

    blame            ∂L/∂a_j, of a net input z_j often written δ_j: a sensitivity. Small changes of
                     a_j change L by so much of them; the blames of a layer add up to nothing
    if silenced      L with a_j = 0, minus L; to first order -a_j ∂L/∂a_j
    if deleted       L with w = 0, minus L; to first order -w ∂L/∂w

The exact differences are of one change at a time, and do not add up either: for shares that do,
see ``path``. Sources: Rumelhart, Hinton, Williams (1986), equation 8, for δ; LeCun, Denker, Solla,
"Optimal brain damage" (1990), section 2, for what deleting a weight does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from ...adapters.protocols import Adapter
from ...reference.protocols import Array
from ...reference.tree import leaves
from ..passes import Passes, loss_vjp
from .subject import Subject, amount, prediction, without, without_weight

Node = tuple[int, int]  # which value between the layers, and which entry of it
Weight = tuple[str, int]  # which leaf of params, and which entry of it


def loss_by_output(adapter: Adapter, made: Subject) -> Array | None:
    """What each entry of the prediction, or each sample, adds to the loss: exactly, they sum to it.

    None for a loss that is no sum over them, or whose number is not asked for.
    """
    if made.output is not None or not hasattr(made.loss, "reduction"):
        return None
    terms = dataclasses.replace(made.loss, reduction="none")  # type: ignore[type-var]
    found: Array = loss_vjp(adapter, terms, prediction(adapter, made), made.target).y
    if made.loss.reduction == "sum":
        return found
    return found / found.size if made.loss.reduction == "mean" else None


def first_order_if_silenced(now: Passes, k: int) -> Array:
    """-a ∂L/∂a for every entry of the k-th value."""
    effect: Array = -now.values[k] * now.cotangents[k]
    return effect


def if_silenced(adapter: Adapter, made: Subject, now: Passes, nodes: Iterable[Node]) -> list[Array]:
    """L with one entry set to 0, minus L, for each node."""
    changed = (made.after(k, without(now.values[k], entry)) for k, entry in nodes)
    return [_amount_after(adapter, rest) - now.loss for rest in changed]


def if_deleted(adapter: Adapter, made: Subject, weights: Iterable[Weight]) -> list[Array]:
    """L with one weight set to 0, minus L, for each weight."""
    whole = amount(adapter, made)
    changed = (without_weight(made.params, leaf, entry) for leaf, entry in weights)
    return [amount(adapter, dataclasses.replace(made, params=p)) - whole for p in changed]


def _amount_after(adapter: Adapter, made: Subject) -> Array:
    if made.layers:
        return amount(adapter, made)
    value: Array
    if made.output is not None:  # the prediction itself was changed
        value = made.x[made.output]
    else:
        value = loss_vjp(adapter, made.loss, made.x, made.target).y
    return value


def heaviest(arrays: Iterable[tuple[str, Array]], most: int) -> list[tuple[str, int]]:
    """The entries of largest size among all of the arrays, as (name, entry); none that is 0."""
    entries = [(-abs(float(v)), name, i) for name, a in arrays for i, v in enumerate(np.ravel(a))]
    entries.sort(key=lambda entry: entry[0])
    return [(name, i) for size, name, i in entries[:most] if size]


def weight_effects(now: Passes, made: Subject) -> dict[str, tuple[Array, Array]]:
    """∂L/∂w and -w ∂L/∂w for every leaf of the params."""
    gradients = dict(leaves(now.dparams))
    return {name: (gradients[name], -w * gradients[name]) for name, w in leaves(made.params)}
