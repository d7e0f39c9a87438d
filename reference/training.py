"""One training step, and many: the loss, its gradient and the update of a whole tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .protocols import Array, Layer, Loss, Optimizer, Tree, gradient
from .tree import joined, split, tree_map, unzip


@dataclass(frozen=True)
class Step:
    """What one training step computed; ``params`` and ``state`` are those after the update."""

    t: int
    loss: Array
    grads: Tree
    params: Tree
    state: Tree


def is_whole(optimizer: Optimizer) -> bool:
    """Whether the rule is for all weights joined to one vector, and not for each array alone."""
    return bool(getattr(optimizer, "whole", False))


def init_state(optimizer: Optimizer, params: Tree) -> Tree:
    """The state before the first step: a dict of arrays, at each leaf of params or for all."""
    if is_whole(optimizer):
        return optimizer.init(joined(params))
    return tree_map(optimizer.init, params)


def update(
    optimizer: Optimizer, grads: Tree, state: Tree, params: Tree, t: int
) -> tuple[Tree, Tree]:
    """New parameters and new state: the rule at every leaf, or for all of them together."""
    if is_whole(optimizer):
        g = joined(tree_map(lambda _, own: own, params, grads))  # in the order of the weights
        w, new_state = optimizer.update(g, state, joined(params), t)
        return split(params, w), new_state
    new = tree_map(lambda w, g, s: optimizer.update(g, s, w, t), params, grads, state)
    new_params, new_state = unzip(new, 2, like=params)
    return new_params, new_state


def step(
    network: Layer, loss: Loss, optimizer: Optimizer, params: Tree, state: Tree,
    batch: tuple[Array, Array], t: int,
) -> Step:  # fmt: skip
    """Forward, backward, update: step t, from params and state, on one batch (x, target)."""
    x, target = batch
    prediction, residuals = network.forward(params, x)
    value, loss_residuals = loss.forward(prediction, target)
    grads = gradient(network, residuals, loss.backward(loss_residuals))
    params, state = update(optimizer, grads, state, params, t)
    return Step(t, value, grads, params, state)


def train(
    network: Layer, loss: Loss, optimizer: Optimizer, params: Tree,
    batches: Iterable[tuple[Array, Array]],
) -> Iterator[Step]:  # fmt: skip
    """Yield the steps of a training run from params, one for each batch."""
    state = init_state(optimizer, params)
    for t, batch in enumerate(batches, start=1):
        done = step(network, loss, optimizer, params, state, batch, t)
        params, state = done.params, done.state
        yield done
