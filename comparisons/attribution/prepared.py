"""A named network made ready to be explained: trained by the reference, one sample taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...reference.protocols import Array, Tree
from ...reference.training import train
from ..cases import CaseError
from ..named_network import NamedNetwork
from .subject import Subject, subject

STEPS = 300  # of training, where a network's weights are not given


@dataclass(frozen=True)
class Prepared:
    """A named network with its weights after ``steps`` of training, and its data."""

    named: NamedNetwork
    params: Tree
    steps: int
    x: Array
    target: Array

    @property
    def classes(self) -> bool:
        """Whether the targets are classes, one for each sample or place."""
        return bool(self.target.dtype.kind in "iu")

    @property
    def accuracy(self) -> float | None:
        """How much of the data the network gets right; None where its targets are no classes."""
        if not self.classes:
            return None
        y, _ = self.named.network.forward(self.params, self.x)
        return float(np.mean(y.argmax(axis=-1) == self.target))

    def subject(self, sample: int, output: int | None = None, baseline: Any = None) -> Subject:
        """One sample to be explained; ``output`` counts the entries of its prediction."""
        if not 0 <= sample < len(self.x):
            raise CaseError(f"sample {sample} is not there: the data has 0 to {len(self.x) - 1}")
        x, target = self.x[sample : sample + 1], self.target[sample : sample + 1]
        network, loss = self.named.network, self.named.loss
        index = None
        if output is not None:
            y, _ = network.forward(self.params, x)
            if not 0 <= output < y.size:
                raise CaseError(f"output {output} is not there: the prediction has {y.size}")
            index = [int(i) for i in np.unravel_index(output, y.shape)]
        return subject(network, loss, self.params, x, target, baseline=baseline, output=index)


def prepared(named: NamedNetwork, steps: int | None = None, seed: int = 0) -> Prepared:
    """Train from the named start for so many steps of Adam, by the reference.

    By default for STEPS, and not at all where the network comes with its weights.
    """
    if steps is None:
        steps = STEPS if named.params is None else 0
    params = named.start(np.float64, seed)
    batches = named.batches(steps, np.float64, seed)
    rule = named.optimizer("adam")
    with np.errstate(all="ignore"):
        for done in train(named.network, named.loss, rule, params, batches):
            params = done.params
    x, target = named.data()
    return Prepared(named, params, steps, x, target)
