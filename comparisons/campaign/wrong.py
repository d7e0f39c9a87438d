"""Where wrong implementations are put: networks, sizes and hyperparameters drawn at random.

The hypotheses of the diagnosis were written on the samples of each spec. Here a wrong layer stands
in a random network, or between affine maps; a wrong loss has a batch of twice the size; a wrong
optimizer has other rates, another array and more steps; a wrong initialiser another weight; a wrong
training loop trains a random network. Hyperparameters are drawn anew wherever the spec allows it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ...reference.protocols import Sample, Tree
from ...reference.tree import leaves, tree_map
from ..diagnosis.lockstep import TrainingRun
from ..diagnosis.parts import places
from ..distributions import Drawing, drawing
from ..mutants.registry import Mutant
from ..posing import evaluation, replay, training_run, vjp_problem
from ..problems import NetworkVJP, Problem
from .architectures import Architecture, Rng, architectures, sandwich
from .cases import STRESSES, Case, trainings

STEPS = 9
MOST = 24  # networks and loops that a mutant is tried in


class Elsewhere:
    """Problems that a mutant may answer wrongly, all drawn from one base seed."""

    def __init__(self, base: int, networks: int = 350) -> None:
        self.base = base
        self.architectures = architectures(base, networks)

    def problems(self, mutant: Mutant, draw: int) -> Iterator[Problem | Drawing]:
        """One after another; another ``draw`` gives the same problems with other numbers."""
        if mutant.kind == "initialiser":
            yield from self._drawings(mutant.target, draw)
            return
        if mutant.kind == "training loop":
            yield from self._loops(draw)
            return
        if mutant.kind == "layer":
            yield from self._in_networks(mutant.target, draw)
        target: Any = mutant.target
        for i, sample in enumerate(target.samples()):
            yield from self._of(sample, mutant.kind, (self.base, i, draw))

    def _in_networks(self, target: Any, draw: int) -> Iterator[Problem]:
        found = [
            a for a in self.architectures if any(type(p) is target for _, p in places((a.network,)))
        ]
        for i, sample in enumerate(target.samples()):
            rng = np.random.default_rng((self.base, i))
            other = dataclasses.replace(sample, spec=varied(sample.spec, sample.x(rng), rng))
            found += [made] if (made := sandwich(rng, other)) else []
        yield from self._asked(found[:MOST], tuple(STRESSES), draw)

    def networks(self) -> Iterator[NetworkVJP]:
        """A question about each random network, of ordinary numbers."""
        return self._asked(self.architectures, ("plain",), 0)

    def _asked(
        self, some: Iterable[Architecture], stresses: Sequence[str], draw: int
    ) -> Iterator[NetworkVJP]:
        for i, architecture in enumerate(some):
            case = Case(architecture, stresses[i % len(stresses)], (self.base, i, draw))
            params, x = case.draw(np.float64)
            problem = vjp_problem(architecture.network, x, params, None, None, None, i)
            assert isinstance(problem, NetworkVJP)
            yield problem

    def _of(self, sample: Sample, kind: str, seed: tuple[int, ...]) -> Iterator[Problem]:
        """The sample in another size and with other hyperparameters."""
        rng, fixed = np.random.default_rng(seed), np.random.default_rng(seed[:2])
        x, aim = sample.x(rng), sample.target(rng) if sample.target else None
        spec = varied(sample.spec, x, fixed, aim)
        if kind in ("layer", "loss"):
            again = sample.x(rng), sample.target(rng) if sample.target else None
            larger = doubled(x, again[0]), doubled(aim, again[1])
            for some in (spec, sample.spec):  # some mistakes show where x and the spec fit only
                found, wanted = larger if works(some, *larger) else (x, aim)
                yield vjp_problem(some, found, None, None, wanted, "float64", seed[1])
        elif kind == "optimizer":
            w = {"w": doubled(x, sample.x(rng))}
            yield replay(spec, w, None, STEPS, sample.gradient_scale, "float64", seed[1])
        else:
            yield evaluation(spec, x, "float64")

    def _drawings(self, target: Any, draw: int) -> Iterator[Drawing]:
        """A longer weight, of another initialiser of the same kind."""
        for i, sample in enumerate(target.samples()):
            rng = np.random.default_rng((self.base, i))
            x = sample.x(rng)
            shape = tuple(int(n + rng.integers(1, 4)) for n in x)
            yield drawing(varied(sample.spec, x, rng), shape, "float64", self.base + 17 * draw)

    def _loops(self, draw: int) -> Iterator[Problem]:
        for training in trainings(self.architectures[:MOST], self.base, 1):
            case = dataclasses.replace(training.case, seed=(*training.case.seed, draw))
            run = dataclasses.replace(training, case=case, steps=3)
            params, _ = case.draw(np.float64)
            network, batches = case.architecture.network, run.batches(np.float64)
            made, dtype = training_run(network, run.loss, run.optimizer, batches, params, None, 0)
            yield TrainingRun.of(made, 3, dtype)


def works(spec: Any, x: Tree, target: Tree) -> bool:
    """Whether the spec takes them."""
    try:
        if target is not None:
            spec.forward(x, target)
        elif hasattr(spec, "init"):
            spec.forward(spec.init(np.random.default_rng(0)), x)
    except Exception:
        return False
    return True


def varied(spec: Any, x: Tree, rng: Rng, target: Tree = None) -> Any:
    """The spec with its numbers drawn anew near the given ones; as it is where it takes none."""
    if not dataclasses.is_dataclass(spec):
        return spec
    drawn: dict[str, Any] = {}
    for field in dataclasses.fields(spec):
        value = getattr(spec, field.name)
        if field.init and isinstance(value, float) and np.isfinite(value) and value != 1:
            power = rng.uniform(0.8, 1.25)
            drawn[field.name] = float(abs(value) ** power * np.sign(value))
    try:
        other = dataclasses.replace(spec, **drawn)  # type: ignore[type-var]
    except Exception:
        return spec
    return other if works(other, x, target) else spec


def doubled(x: Tree, again: Tree) -> Tree:
    """Two draws as one batch."""
    found = dict(leaves(again))
    named = iter(leaves(x))

    def both(a: Any) -> Any:
        key, _ = next(named)
        b = found[key]
        if not getattr(a, "ndim", 0) or b.shape[1:] != a.shape[1:]:
            return a
        return np.concatenate([a, b])

    return tree_map(both, x)
