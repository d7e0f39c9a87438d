"""The reference as an adapter: its own forward and backward, in the dtype of its input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..reference.protocols import Array, Function, Initialiser, Layer, Loss, Optimizer, Tree
from ..reference.training import Step, init_state, step, train, update
from ..reference.tree import tree_map
from .half_precision import narrowed, widened
from .protocols import VJP, Batch, Start, Updated


class NumpyReference:
    """The hand-derived implementation, run as it stands."""

    name = "numpy"

    def vjp(self, network: Layer, params: Tree, x: Tree, dy: Tree) -> VJP:
        """y, dx and dparams by the layers' own forward and backward."""
        y, residuals = network.forward(widened(params), widened(x))
        dx, dparams = network.backward(residuals, widened(dy))
        return VJP(narrowed(y), narrowed(dx), narrowed(dparams))

    def loss_vjp(self, loss: Loss, prediction: Tree, target: Tree, dloss: Any) -> VJP:
        """The loss and the prediction's cotangent by the loss's own forward and backward."""
        value, residuals = loss.forward(widened(prediction), widened(target))
        return VJP(narrowed(value), narrowed(loss.backward(residuals, widened(dloss))), {})

    def optimize(
        self, optimizer: Optimizer, params: Tree, grads: Iterable[Tree]
    ) -> Iterator[Updated]:
        """The rule for one array, at every leaf, for every gradient."""
        params = widened(params)
        state = init_state(optimizer, params)
        for t, g in enumerate(grads, start=1):
            params, state = update(optimizer, widened(g), state, params, t)
            yield Updated(narrowed(params), narrowed(state))

    def evaluate(self, function: Function, x: Tree, dtype: np.dtype[Any]) -> Tree:
        """The function as it stands; rates are Python floats, rounded to dtype in the end."""
        return tree_map(lambda y: np.asarray(y, dtype), narrowed(function(widened(x))))

    def draw(
        self, initialiser: Initialiser, shape: tuple[int, ...], count: int,
        dtype: np.dtype[Any], seed: int,
    ) -> Array:  # fmt: skip
        """The initialiser's own draws, from a generator of this adapter's own."""
        rng = np.random.default_rng([seed, 2])
        return np.stack([initialiser.draw(rng, shape) for _ in range(count)]).astype(dtype)

    def train(
        self, network: Layer, loss: Loss, optimizer: Optimizer, params: Tree,
        batches: Iterable[Batch], starts: Iterable[Start] | None = None,
    ) -> Iterator[Step]:  # fmt: skip
        """The reference's training loop."""
        wide = map(widened, batches)
        if starts is None:
            for done in train(network, loss, optimizer, widened(params), wide):
                yield _narrowed(done)
            return
        for t, (batch, start) in enumerate(zip(wide, starts, strict=True), start=1):
            p, s = widened(start)
            yield _narrowed(step(network, loss, optimizer, p, s, batch, t))


def _narrowed(done: Step) -> Step:
    return Step(done.t, *narrowed((done.loss, done.grads, done.params, done.state)))
