"""A network that is known by name: what is trained, on what data, from where, how fast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..adapters.loading import UnknownName
from ..reference import discovery
from ..reference.floats import is_float
from ..reference.optimizers.sgd import SGD
from ..reference.protocols import Array, Layer, Loss, Optimizer, Tree
from ..reference.tree import tree_map

BATCH = 12


@dataclass(frozen=True)
class NamedNetwork:
    """A network with its loss, its data, where training starts, and its learning rates.

    ``params`` is the tree to start from, or None to draw one from the seed; ``rates`` the
    learning rate by optimizer name, an optimizer's own default where there is none; ``needs``
    the modules that its data come with.
    """

    name: str
    description: str
    network: Layer
    loss: Loss
    data: Callable[[], tuple[Array, Array]]
    params: Tree = None
    rates: dict[str, float] = field(default_factory=dict)
    needs: tuple[str, ...] = ()

    def start(self, dtype: Any, seed: int) -> Tree:
        """The parameters before the first step."""
        rng = np.random.default_rng(seed)
        drawn = self.params
        if drawn is None:  # biases away from zero: no unit starts on a kink
            drawn = tree_map(
                lambda w: w + 0.05 * rng.standard_normal(w.shape), self.network.init(rng)
            )
        return tree_map(lambda w: np.asarray(w, dtype), drawn)

    def batches(self, steps: int, dtype: Any, seed: int) -> list[tuple[Array, Array]]:
        """Minibatches, shuffled anew each epoch; all samples at once where there are few."""
        x, target = self.data()
        rng, order, batches = np.random.default_rng(seed), np.arange(0), []
        for _ in range(steps):
            if len(order) < min(BATCH, len(x)):
                order = rng.permutation(len(x))  # a last partial batch is left out
            now, order = order[:BATCH], order[BATCH:]
            batches.append((_as(x[now], dtype), _as(target[now], dtype)))
        return batches

    def optimizer(self, name: str) -> Optimizer:
        """The optimizer of that name at this network's learning rate; SGD with momentum 0.9."""
        known = {n.lower(): cls for n, cls in discovery.optimizers().items()}
        if name.lower() not in known:
            raise UnknownName("optimizer", name, sorted(known))
        made: Optimizer = known[name.lower()]()
        if isinstance(made, SGD):
            made = replace(made, momentum=0.9)
        rate = self.rates.get(name.lower())
        return made if rate is None else replace(made, lr=rate)  # type: ignore[type-var]


def _as(target: Array, dtype: Any) -> Array:
    return target.astype(dtype) if is_float(target) else target
