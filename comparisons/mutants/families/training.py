"""Wrong training loops: each class varies the loop of the reference, whose parts are right."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ....adapters.numpy_reference import NumpyReference
from ....reference.training import Step, init_state, update
from ....reference.tree import leaves, tree_map, unflatten
from ..registry import wrong


@dataclass
class Now:
    """What the loop holds at one step; ``memory`` is what a wrong loop keeps from step to step."""

    network: Any
    loss: Any
    optimizer: Any
    params: Any
    state: Any
    batches: list[Any]
    t: int = 1
    memory: dict[str, Any] = field(default_factory=dict)


class _Loop(NumpyReference):
    """The training loop in parts that a mutant can override one at a time; it is right itself."""

    def train(self, network, loss, optimizer, params, batches, starts=None):
        state = init_state(optimizer, params)
        now = Now(network, loss, optimizer, params, state, list(batches))
        for t in range(1, len(now.batches) + 1):
            now.t = t
            if starts is not None:
                now.params, now.state = starts[t - 1]
            value, grads = self.gradient(now, *self.batch(now))
            now.params, now.state = self.update(now, grads)
            yield Step(t, self.reported(now, value), grads, now.params, now.state)

    def batch(self, now):
        return now.batches[now.t - 1]

    def gradient(self, now, x, target):
        prediction, residuals = now.network.forward(now.params, x)
        value, loss_residuals = now.loss.forward(prediction, target)
        return value, now.network.backward(residuals, now.loss.backward(loss_residuals))[1]

    def update(self, now, grads):
        return update(now.optimizer, grads, now.state, now.params, now.t)

    def reported(self, now, value):
        return value


def _backward_through(weights, now, x, target):
    """The gradients where the cotangent goes down through other weights than it came up."""
    prediction, residuals = now.network.forward(now.params, x)
    value, loss_residuals = now.loss.forward(prediction, target)
    dy, grads = now.loss.backward(loss_residuals), []
    layers = list(zip(now.network.layers, residuals, weights, strict=True))
    for layer, kept, p in reversed(layers):
        dx, dp = layer.backward(kept, dy)
        dy = layer.backward((kept[0], p["W"]), dy)[0] if "W" in p else dx
        grads.insert(0, dp)
    return value, tuple(grads)


@wrong("X12", "a lower layer's gradient goes through upper weights that are already updated",
       "NeuralNetworkFromScratch#3", "mnist-neural-network#1",
       revealed_by="one step with two layers",
       misses="a tiny learning rate, under which old and new weights are alike; the "
              "loss falls")  # fmt: skip
class _(_Loop):
    def gradient(self, now, x, target):
        _, right = super().gradient(now, x, target)
        updated, _ = self.update(now, right)
        return _backward_through(updated, now, x, target)


@wrong("X08",
       "two backward passes over one graph: the second begins with what the first left at the "
       "nodes",
       "micrograd#53", "micrograd#102",
       revealed_by="two losses of one forward pass",
       misses="one backward pass for each graph: most loops have one loss")  # fmt: skip
class _(_Loop):
    def gradient(self, now, x, target):
        prediction, residuals = now.network.forward(now.params, x)
        value, kept = now.loss.forward(prediction, target)
        half, total = now.loss.backward(kept, 0.5), None
        layers = list(zip(now.network.layers, residuals, strict=True))
        left = [0] * len(layers)
        for _ in range(2):
            dy, grads = half, []
            for i, (layer, kept) in reversed(list(enumerate(layers))):
                left[i] = dy + left[i]
                dy, dp = layer.backward(kept, left[i])
                grads.insert(0, dp)
            total = tree_map(np.add, tuple(grads), total) if total else tuple(grads)
        return value, total


@wrong("T01", "the cotangent goes down through the weights of the step before",
       "delayed gradients of pipelines",
       revealed_by="two steps with two layers",
       misses="one step; a tiny learning rate; the loss falls")  # fmt: skip
class _(_Loop):
    def gradient(self, now, x, target):
        before = now.memory.get("params", now.params)
        now.memory["params"] = now.params
        return _backward_through(before, now, x, target)


@wrong("X119", "gradients not zeroed between steps", revealed_by="two steps", misses="one step")
class _(_Loop):
    def gradient(self, now, x, target):
        value, grads = super().gradient(now, x, target)
        kept = now.memory.get("grads")
        now.memory["grads"] = tree_map(np.add, grads, kept) if kept else grads
        return value, now.memory["grads"]


@wrong("X98", "the step counter counts tensors instead of steps", "flashlight#143",
       revealed_by="two tensors, early steps of Adam",
       misses="a model of one tensor; late steps, where the correction is 1")  # fmt: skip
class _(_Loop):
    def update(self, now, grads):
        of_leaf = [(w, g) for (_, w), (_, g) in zip(leaves(now.params), leaves(grads), strict=True)]
        states, n = iter(_of_leaves(now.params, now.state)), len(of_leaf)
        done = [now.optimizer.update(g, next(states), w, n * (now.t - 1) + k)
                for k, (w, g) in enumerate(of_leaf, start=1)]  # fmt: skip
        return tuple(unflatten(now.params, iter(column)) for column in zip(*done, strict=True))


def _of_leaves(params, state):
    found = []
    tree_map(lambda _, s: found.append(s), params, state)
    return found


@wrong("T02", "each batch's input with the target of the batch before",
       revealed_by="two steps",
       misses="one step, or a batch that is fed again and again")  # fmt: skip
class _(_Loop):
    def batch(self, now):
        return now.batches[now.t - 1][0], now.batches[max(now.t - 2, 0)][1]


@wrong("T03", "batches shifted by one: the first is left out",
       misses="training converges without the first batch")  # fmt: skip
class _(_Loop):
    def batch(self, now):
        return now.batches[now.t % len(now.batches)]


@wrong("T04", "the first batch at every step", "an iterator made anew",
       revealed_by="two steps",
       misses="one step; and the loss of the one batch falls even faster")  # fmt: skip
class _(_Loop):
    def batch(self, now):
        return now.batches[0]


@wrong("T05", "the last sample of every batch left out: a slice that ends one early",
       misses="training converges without one sample of a batch")  # fmt: skip
class _(_Loop):
    def batch(self, now):
        return tuple(part[:-1] for part in super().batch(now))


@wrong("T06", "the optimizer's state forgotten after every step",
       "the optimizer made anew inside the loop",
       revealed_by="two steps",
       misses="plain SGD, which has no state; one step; it converges")  # fmt: skip
class _(_Loop):
    def update(self, now, grads):
        fresh = init_state(now.optimizer, now.params)
        return update(now.optimizer, grads, fresh, now.params, now.t)


@wrong("T07", "the first layer is not updated, while its gradient is right",
       "parameters not given to the optimizer",
       revealed_by="the weights compared",
       misses="the other layers learn, and the loss falls")  # fmt: skip
class _(_Loop):
    def update(self, now, grads):
        (_, *params), state = super().update(now, grads)
        return (now.params[0], *params), state


@wrong("T08", "the loss reported is that after the update, weights and gradients are right",
       revealed_by="the loss compared",
       misses="it looks like the loss of a slightly better model; weights and "
              "gradients are right")  # fmt: skip
class _(_Loop):
    def reported(self, now, value):
        x, target = self.batch(now)
        return now.loss.forward(now.network.forward(now.params, x)[0], target)[0]


@wrong("T09", "the learning rate one part in a million too large",
       revealed_by="float64",
       misses="a rate wrong by 1e-6 changes nothing that a plot could show")  # fmt: skip
class _(_Loop):
    def update(self, now, grads):
        other = dataclasses.replace(now.optimizer, lr=now.optimizer.lr * (1 + 1e-6))
        return update(other, grads, now.state, now.params, now.t)


@wrong("T10", "gradients pass through float32", "a cast forgotten in a port",
       revealed_by="float64: in float32 it is no bug",
       misses="any test in float32, and most tolerances in float64")  # fmt: skip
class _(_Loop):
    def gradient(self, now, x, target):
        value, grads = super().gradient(now, x, target)
        return value, tree_map(lambda g: g.astype(np.float32).astype(g.dtype), grads)


@wrong("T11", "gradients scaled to norm 0.1 at most, which nobody asked for",
       revealed_by="a norm above the limit",
       misses="norms below the limit; training that only goes slower")  # fmt: skip
class _(_Loop):
    def update(self, now, grads):
        norm = np.sqrt(sum(np.sum(g * g) for _, g in leaves(grads)))
        scale = np.minimum(1, 0.1 / norm).astype(norm.dtype)
        return super().update(now, tree_map(lambda g: g * scale, grads))
