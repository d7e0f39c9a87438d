"""Plain gradient descent on one batch, for as many steps as a published run takes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import repeat

from ...adapters.protocols import Adapter
from ...reference.optimizers.sgd import SGD
from ...reference.protocols import Array, Layer, Loss, Tree


def descend(
    adapter: Adapter, network: Layer, loss: Loss, rate: float, params: Tree,
    batch: tuple[Array, Array], stops: Iterable[int],
) -> Iterator[Tree]:  # fmt: skip
    """The parameters after so many steps, for each of the stops in ascending order.

    By the adapter's own ``descend``, a loop with nothing else in it, where it has one; by its
    ``train`` otherwise.
    """
    own, now = getattr(adapter, "descend", None), 0
    for stop in stops:
        steps, now = stop - now, stop
        if steps and own:
            params = own(network, loss, rate, params, batch, steps)
        elif steps:
            batches = repeat(batch, steps)
            (last,) = deque(adapter.train(network, loss, SGD(rate), params, batches), maxlen=1)
            params = last.params
        yield params
