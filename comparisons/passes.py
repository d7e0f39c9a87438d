"""A forward and a backward pass seen between any two layers, in any implementation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..adapters.protocols import VJP, Adapter
from ..reference.layers.sequential import Sequential
from ..reference.protocols import Array, Layer, Loss, Scalar, Tree
from ..reference.tree import tree_map


@dataclass(frozen=True)
class Passes:
    """What flows between the layers: ``values[k]`` into layer k, ``cotangents[k]`` back out of it.

    The last of each, values[n] and cotangents[n], are the prediction's. A cotangent is None where
    the value holds integers. ``dparams`` has a tree for each of the n layers.
    """

    values: tuple[Tree, ...]
    cotangents: tuple[Tree, ...]
    loss: Array
    dparams: tuple[Tree, ...]


def chain(network: Layer, params: Tree) -> tuple[tuple[Layer, ...], tuple[Tree, ...]]:
    """The layers that run one after another, nested Sequentials taken apart, and their params."""
    if not isinstance(network, Sequential):
        return (network,), (params,)
    parts = [chain(inner, p) for inner, p in zip(network.layers, params, strict=True)]
    return tuple(a for part in parts for a in part[0]), tuple(p for part in parts for p in part[1])


def forward(adapter: Adapter, layer: Layer, params: Tree, x: Tree) -> Tree:
    """The layer's output in that implementation."""
    shaped, _ = layer.forward(params, x)  # an adapter wants a cotangent of y's shape
    return adapter.vjp(layer, params, x, tree_map(np.zeros_like, shaped)).y


def passes(
    adapter: Adapter, network: Layer, loss: Loss, params: Tree, x: Tree, target: Tree,
    dloss: Scalar = 1.0, output: tuple[int, ...] | None = None,
) -> Passes:  # fmt: skip
    """Both passes, layer by layer; every number comes from the adapter.

    With ``output``, that entry of the prediction takes the place of the loss.
    """
    layers, per_layer = chain(network, params)
    values = [x]
    for layer, p in zip(layers, per_layer, strict=True):
        values.append(forward(adapter, layer, p, values[-1]))
    y = values[-1]
    if output is None:
        total, dy, _, _ = loss_vjp(adapter, loss, y, target, dloss)
    else:
        total, dy = y[output], np.zeros_like(y)
        dy[output] = dloss
    cotangents, dparams = [dy], list[Tree]()
    for layer, p, value in reversed(list(zip(layers, per_layer, values, strict=False))):
        step = adapter.vjp(layer, p, value, cotangents[-1])
        cotangents.append(step.dx)
        dparams.append(step.dparams)
    return Passes(tuple(values), tuple(cotangents[::-1]), total, tuple(dparams[::-1]))


def loss_vjp(
    adapter: Adapter, loss: Loss, prediction: Tree, target: Tree, dloss: Scalar = 1.0
) -> VJP:
    """The loss and the prediction's cotangent, in the dtype of the prediction."""
    value, _ = loss.forward(prediction, target)
    return adapter.loss_vjp(loss, prediction, target, np.ones_like(value) * dloss)
