"""Who computes the same in PyTorch and in JAX: told once a learner's own code is right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...adapters.loading import FRAMEWORKS, load
from ...adapters.protocols import Unsupported
from ...adapters.tracing import Event
from ...reference.layers.dense import Dense
from ...reference.layers.outputs import Outputs
from ...reference.layers.sequential import Sequential
from ...reference.losses.mean_squared_error import MeanSquaredError
from ...reference.protocols import Tree
from .. import cases, environment
from ..ledger.ledger import Ledger, Row
from ..ledger.problem import Case as Draw
from ..ledger.problem import Problem, explain
from ..tolerances import Key
from .exercise import Case, Exercise, Formula, Learning
from .questions import FLOAT, question, truth
from .signature import Signature

NAMES = {"torch": "PyTorch", "jax": "JAX"}


def told(exercise: Exercise) -> list[str]:
    """A line for each framework that is installed; none for what no framework has."""
    there = [name for name in FRAMEWORKS if not environment.lacking(name)]
    if isinstance(exercise.worked.truth, Formula) or not there:
        return []
    case = max(exercise.cases, key=_size)  # a batch of one makes different things coincide
    try:
        if hasattr(case.truth, "update"):
            return [line for name in there if (line := _of_optimizer(exercise, case, name))]
        return _of_ledger(exercise, case, there)
    except (Unsupported, NotImplementedError):
        return []


def _size(case: Case) -> int:
    return cases.numbers_in(case.x(np.random.default_rng(0)))


def _of_optimizer(exercise: Exercise, case: Case, name: str) -> str:
    """How near the framework's own optimizer is."""
    problem, _ = question(exercise, case, seed=1)
    right = truth(problem)
    steps = load(name).optimize(problem.optimizer, problem.params, iter(problem.grads))
    off = 0.0
    for t, done in enumerate(steps, start=1):
        wanted = right[f"{t} weights", ""]
        off = max(off, float(np.max(np.abs(done.params - wanted)) / np.max(np.abs(wanted))))
    which = "torch.optim" if name == "torch" else "optax"
    return f"{NAMES[name]}: {which} takes the same steps, {_to(off)}"


def _to(off: float) -> str:
    return f"to {off:.1g} relative" if off else "to the last bit"


def _of_ledger(exercise: Exercise, case: Case, there: list[str]) -> list[str]:
    problem = _explained(case)
    ledger = explain(problem, {name: load(name) for name in there})  # type: ignore[misc]
    _, signature = question(exercise, case, seed=1)
    return [line for name in ledger.events if (line := _line(ledger, name, signature, case))]


def _explained(case: Case) -> Problem:
    """The network, or the loss behind a layer, as what a ledger is made of."""
    spec = case.truth
    if isinstance(spec, Learning):
        network, loss = spec.network, spec.loss
    elif hasattr(spec, "init"):
        network, loss = spec, MeanSquaredError()
        network = Outputs(spec) if hasattr(spec, "step_backward") else spec
    else:
        width = case.x(np.random.default_rng(0)).shape[-1]
        network, loss = Sequential(Dense(width, width)), spec
    draws = [_draw(case, network, np.random.default_rng([seed, 3])) for seed in range(3)]
    return Problem(str(network), "", network, loss, draws[0], (draws[1], draws[2]))


def _draw(case: Case, network: Any, rng: np.random.Generator) -> Draw:
    x: Tree = case.x(rng)
    params = cases.draw_params(network, rng, FLOAT)
    y, _ = network.forward(params, x)
    return params, x, case.target(rng) if case.target else rng.standard_normal(y.shape)


def _line(ledger: Ledger, name: str, signature: Signature, case: Case) -> str:
    """By which node or equation each result is made, and how near it is."""
    makers: dict[str, list[str]] = defaultdict(list)
    off = 0.0
    for result in signature.results:
        row = next(_rows(ledger, result.key, case), None)
        if row is None or name not in row.matches:
            continue
        off = max(off, row.matches[name].relative)
        makers[_maker(_origin(row, name))].append(_word(result.word, result.key))
    if not makers:
        return ""
    listed = "; ".join(f"{', '.join(words)} by {maker}" for maker, words in makers.items())
    return f"{NAMES[name]}: {listed}. The same numbers, {_to(off)}"


def _word(word: str, key: Key) -> str:
    """Weights after a step are told by their gradients."""
    return f"the gradient of {word}" if key[0] == "weights" else word


def _rows(ledger: Ledger, key: Key, case: Case) -> Iterator[Row]:
    quantity, leaf = key
    at_loss = quantity == "loss" or not hasattr(getattr(case.truth, "network", case.truth), "init")
    if quantity in ("y", "loss") or at_loss:
        role = "dx" if quantity == "dx" else "y"
        of = [r for r in ledger.rows if r.step.role == role]
        yield from reversed([r for r in of if (r.step.call.path == "loss") == at_loss])
        return
    path = {"dx": "dx", "dparams": "d", "gradient": "d", "weights": "d"}.get(quantity)
    wanted = f"{path}{'.' if quantity == 'dx' and leaf else ''}{leaf}"
    yield from (r for r in ledger.rows if r.step.leaf == wanted)


def _origin(row: Row, name: str) -> Event:
    """The event that computed it, before it was handed on."""
    while isinstance(row.same_as, Row) and name in row.same_as.matches:
        row = row.same_as
    return row.matches[name].event


def _maker(event: Event) -> str:
    return f"{event.name} ({event.operation})" if event.operation else event.name
