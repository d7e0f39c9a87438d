"""What is asked in a case: a problem, as a diagnosis takes it, of which some results are asked for.

``ask`` of each takes, for an adapter, a function from what is given (see ``signature``) to values,
which writes to nothing that it is given.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ...reference.protocols import Array, Function, Tree
from ...reference.training import init_state
from ...reference.tree import leaves, tree_map, unflatten
from ..cases import draw_params
from ..diagnosis.lockstep import TrainingRun
from ..envelope import Training
from ..problems import Evaluation, LossVJP, NetworkVJP, Problem, Replay, Specs, at_step
from ..tolerances import Exact, Key, Values
from .exercise import Case, Exercise, Formula, Learning
from .signature import Signature

FLOAT = np.dtype(np.float64)


@dataclass(frozen=True)
class OfNetwork(NetworkVJP):
    """Some of a layer's or a network's y, dx and dparams."""

    only: frozenset[Key] = frozenset()

    def run(self, specs: Specs, arithmetic: Any) -> Values:
        """The reference's, those that are asked for."""
        return _kept(self.only, super().run(specs, arithmetic))

    def ask(self, adapter: Any) -> tuple[Values, Values]:
        """The learner's, who is given the reference's y."""
        y, _ = self.network.forward(self.params, self.x)
        given = {"x": self.x, "params": self.params, "dy": self.dy, "y": y}
        return adapter(given | {"spec": _fields(self.network)}), {}


@dataclass(frozen=True)
class OfLoss(LossVJP):
    """A loss, or the gradient of its prediction, or both."""

    only: frozenset[Key] = frozenset()

    def run(self, specs: Specs, arithmetic: Any) -> Values:
        """The reference's, those that are asked for."""
        return _kept(self.only, super().run(specs, arithmetic))

    def ask(self, adapter: Any) -> tuple[Values, Values]:
        """The learner's."""
        given = {"x": self.x, "target": self.target, "dy": self.dy, "spec": _fields(self.loss)}
        return adapter(given), {}


@dataclass(frozen=True)
class OfFormula(Evaluation):
    """The value of a formula."""

    def ask(self, adapter: Any) -> tuple[Values, Values]:
        """The learner's."""
        formula = cast(Any, self.function)
        return adapter({"x": self.x, "spec": dict(formula.given)}), {}


@dataclass(frozen=True)
class OfOptimizer(Replay):
    """Weights, and where they are asked for the state, after each step."""

    def ask(self, adapter: Any) -> tuple[Values, Values]:
        """The learner's steps, each from the learner's own weights and state."""
        values, w = cast(Values, {}), self.params
        state = init_state(self.optimizer, w)
        for t, g in enumerate(self.grads, start=1):
            given = {"w": w, "g": g, "state": state, "t": t}
            got = adapter(given | {"spec": _fields(self.optimizer)})
            values |= at_step(t, got)
            w = got[("weights", "")]
            state = {leaf: got.get(("state", leaf), value) for leaf, value in state.items()}
        return values, {}


@dataclass(frozen=True)
class OfTraining(TrainingRun):
    """Some of what the steps of a training compute."""

    only: frozenset[Key] = frozenset()

    def run(self, specs: Specs, arithmetic: Any) -> Values:
        """The reference's, those that are asked for."""
        return _kept(self.only, super().run(specs, arithmetic))

    def ask(self, adapter: Any) -> tuple[Values, Values]:
        """The learner's: each step from the right weights, or the first t steps for each t."""
        values, training = cast(Values, {}), self.training
        for t in range(1, self.steps + 1):
            params = training.params if self.starts is None else self.starts[t - 1][0]
            x, target = training.batches[t - 1]
            given = {"x": x, "target": target, "params": params, "t": t, "steps": t}
            values |= at_step(t, adapter(given | {"spec": _fields(training.optimizer)}))
        return values, {}


def _kept(only: frozenset[Key], values: Values) -> Values:
    plain = ((key, (key[0].split()[-1], key[1])) for key in values)
    return {key: values[key] for key, bare in plain if not only or bare in only}


def _fields(spec: Any) -> dict[str, Any]:
    return {f.name: getattr(spec, f.name) for f in dataclasses.fields(spec)}


def question(exercise: Exercise, case: Case, seed: int = 0) -> tuple[Any, Signature]:
    """The problem of a case, and the signature that it is asked with.

    The worked example has numbers of one decimal. Raises ExerciseError for a word without meaning,
    and what the truth raises.
    """
    rng = np.random.default_rng([seed, 5])
    whole = _question(case, rng, short=case is exercise.worked)
    signature = Signature.of(exercise, truth(whole))
    if isinstance(whole, OfOptimizer):
        stateful = any(quantity == "state" for quantity, _ in signature.keys)
        return dataclasses.replace(whole, stateful=stateful), signature
    if isinstance(whole, OfFormula):
        return whole, signature
    return dataclasses.replace(whole, only=signature.keys), signature


def truth(problem: Problem) -> Values:
    """The right values of a question, in float64."""
    with np.errstate(all="ignore"):
        values = problem.run(problem.specs, Exact(FLOAT))
    return {key: np.asarray(value) for key, value in values.items()}


def _question(case: Case, rng: np.random.Generator, short: bool) -> Any:
    spec = case.truth

    def drawn(tree: Tree) -> Tree:
        return tree_map(lambda a: _float(a, short), tree)

    x = drawn(case.x(rng))
    target = drawn(case.target(rng)) if case.target else None
    if isinstance(spec, Formula):
        return OfFormula(cast(Function, spec), x, FLOAT)
    if isinstance(spec, Learning):
        params = drawn(draw_params(spec.network, rng, FLOAT))
        batches: Any = [(x, target)] * spec.steps
        run = Training(spec.network, spec.loss, spec.optimizer, params, batches)
        return OfTraining.of(run, spec.steps, FLOAT, spec.free)
    if hasattr(spec, "update"):
        grads = tuple(drawn(rng.standard_normal(x.shape)) for _ in range(case.steps))
        return OfOptimizer(spec, x, grads, FLOAT)
    if hasattr(spec, "init"):
        params = drawn(draw_params(spec, rng, FLOAT))
        y, _ = spec.forward(params, x)
        flow = (drawn(_cotangent(path, a, case, rng)) for path, a in leaves(y))
        return OfNetwork(spec, params, x, unflatten(y, flow), FLOAT)
    return OfLoss(spec, x, target, np.ones_like(spec.forward(x, target)[0]), FLOAT)


def _cotangent(path: str, y: Array, case: Case, rng: np.random.Generator) -> Array:
    draw = rng.standard_normal(y.shape)
    return np.zeros_like(draw) if path in case.unused else draw


def _float(given: Any, short: bool) -> Array:
    array: Array = np.asarray(given)
    if array.dtype.kind != "f":
        return array
    rounded: Array = np.round(array, 1) + 0.0  # no -0.0
    return rounded if short else array.astype(FLOAT)


def named(keys: Iterable[Key], signature: Signature) -> list[str]:
    """The learner's words for keys, each once."""
    return list(dict.fromkeys(signature.word(key) for key in keys))
