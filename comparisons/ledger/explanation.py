"""All that can be told of one network: its ledger, forward mode, second order, a planted bug."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...adapters.loading import UnknownName
from ...adapters.protocols import Unsupported
from ...adapters.tracing import Event, Tracer
from ...reference import discovery
from ...reference.losses.mean_squared_error import MeanSquaredError
from ...reference.optimizers.sgd import SGD
from ...reference.protocols import Array, Sample
from ...reference.tree import leaves, unflatten
from .. import cases
from ..cases import CaseError
from ..mutants import Mutant, mutants, substitute
from ..networks import NETWORKS
from ..users_network import find_network, from_file
from .first_wrong import REFERENCE, Wrong, first_wrong, first_wrong_gradient, gradients_of, recorded
from .ledger import Ledger
from .modes import ForwardMode, SecondOrder, forward_mode, second_order
from .networks import SMALL
from .problem import Case, Problem, explain, first_line, of_named

FLOAT = np.dtype(np.float64)
AGREE = 1e-9  # relative, of forward and reverse mode


@dataclass(frozen=True)
class Bug:
    """A wrong program beside the right one: what it is, and its first wrong step by adapter."""

    name: str
    description: str
    first: dict[str, Wrong | None]


@dataclass(frozen=True)
class Explanation:
    """What is told. ``skipped`` says why an adapter, or a part that was asked for, is not there.

    ``updates`` is what each adapter runs in one update by gradient descent, where it can.
    """

    problem: Problem
    ledger: Ledger
    unfused: bool = False
    forward: ForwardMode | None = None
    second: SecondOrder | None = None
    bug: Bug | None = None
    skipped: dict[str, str] = field(default_factory=dict)
    updates: dict[str, list[Event]] = field(default_factory=dict)

    @property
    def adapters(self) -> list[str]:
        """The adapters that are in the ledger."""
        return list(self.ledger.events)

    @property
    def wrong(self) -> list[str]:
        """What does not agree, in words; nothing for a right derivation."""
        found = []
        for name in self.adapters:
            if (row := self.ledger.first_unmatched(name)) is not None:
                layer = " ".join(filter(None, (row.step.call.path, row.step.call.layer)))
                found.append(f"{name} has not the numbers of {row.label} of {layer}, nor the "
                             "gradients that depend on it")  # fmt: skip
        if self.forward is not None and not self.forward.disagreement <= AGREE:
            found.append("forward mode and reverse mode disagree on the loss")
        if self.second is not None and not self.second.agrees:
            found.append("the products with the Hessian disagree")
        return found


def problem_of(text: str, seed: int = 0) -> Problem:
    """The network of that name, the layer of that name, or FILE.py:NAME.

    Raises UnknownName with the nearest name, CaseError for a file that holds no network.
    """
    if text in SMALL:
        return of_named(SMALL[text](), seed)
    layers = {name.lower(): name for name in discovery.layers()}
    if text.lower() in layers:
        return of_layer(layers[text.lower()], seed)
    if text not in NETWORKS and ":" not in text:
        near = difflib.get_close_matches(text.lower(), layers, n=1)
        known = [*SMALL, *NETWORKS, *(layers[name] for name in near)]
        raise UnknownName("network or layer", text, known)
    found = of_named(find_network(text), seed)
    cases.check_spec(found.network, "layer")
    cases.check_spec(found.loss, "loss")
    return found


def of_layer(name: str, seed: int = 0) -> Problem:
    """A layer by itself on its first random sample, under the mean square of its output's error."""
    for sample in discovery.layers()[name].samples():
        drawn = [_of_sample(sample, [seed, i]) for i in range(3)]
        if not isinstance(drawn[0][2], np.ndarray):
            raise CaseError(f"{name} has several outputs: explain a network that uses one of them")
        if not np.array_equal(drawn[0][2], drawn[1][2]):
            what = f"{sample.spec} alone, under the mean squared error"
            return Problem(name, what, sample.spec, MeanSquaredError(), drawn[0],
                           (drawn[1], drawn[2]))  # fmt: skip
    raise CaseError(f"{name} has no random sample to explain")


def _of_sample(sample: Sample, seed: list[int]) -> Case:
    rng = np.random.default_rng(seed)
    x, params = sample.x(rng), cases.draw_params(sample.spec, rng, FLOAT)
    y = cases.forward(sample.spec, params, x)
    target = rng.standard_normal(y.shape) if isinstance(y, np.ndarray) else None
    return params, x, target


def explanation(
    problem: Problem, tracers: Mapping[str, Tracer], *, unfused: bool = False, jvp: bool = False,
    hvp: bool = False, update: bool = False, mutant: str = "", candidate: str = "", seed: int = 0,
) -> Explanation:  # fmt: skip
    """All that is asked for; raises CaseError where the reference cannot run the network."""
    for params, x, target in (problem.shown, *problem.draws):
        cases.forward(problem.loss, cases.forward(problem.network, params, x), target)
    with np.errstate(all="ignore"):  # what is not finite has no counterpart
        return _explained(problem, tracers, unfused, jvp, hvp, update, mutant, candidate, seed)


def _explained(
    problem: Problem, tracers: Mapping[str, Tracer], unfused: bool, jvp: bool, hvp: bool,
    update: bool, mutant: str, candidate: str, seed: int,
) -> Explanation:  # fmt: skip
    ledger = explain(problem, dict(tracers), unfused)
    skipped = dict(ledger.skipped)
    there = {name: tracers[name] for name in ledger.events}
    forward = None
    if jvp:
        try:
            forward = forward_mode(problem, there, unfused)
        except Unsupported as error:
            skipped["forward mode"] = first_line(error)
    second = second_order(problem, there, seed) if hvp else None
    bug = None
    if mutant:
        bug = _planted(problem, ledger, mutant)
    elif candidate:
        bug = _given(problem, ledger, candidate)
    updates = {name: _update(problem, ledger, t) for name, t in there.items()} if update else {}
    return Explanation(problem, ledger, unfused, forward, second, bug, skipped, updates)


def _update(problem: Problem, ledger: Ledger, tracer: Tracer) -> list[Event]:
    """One update from the parameters as they are shown; nothing where a gradient has no row."""
    found = {row.step.leaf: row.shown for row in ledger.rows if row.step.leaf}
    params = problem.shown[0]
    if any(f"d{path}" not in found for path, _ in leaves(params)):
        return []
    grads = unflatten(params, (found[f"d{path}"] for path, _ in leaves(params)))
    return tracer.trace_update(SGD(problem.rate), params, grads) if found else []


def _judges(ledger: Ledger) -> list[str]:
    return list(ledger.events) or [REFERENCE]


def _planted(problem: Problem, ledger: Ledger, name: str) -> Bug:
    if name not in mutants():
        raise CaseError(f"there is no mutant {name!r}: backproof mutants lists them")
    mutant = mutants()[name]
    network, loss = (
        substitute(spec, mutant.target, mutant.make) for spec in (problem.network, problem.loss)
    )
    if not _has(mutant, problem):
        raise CaseError(f"{problem.name} has no {mutant.target.__name__} for {name} to vary")
    try:
        runs = recorded(problem, network, loss)
        first = {a: first_wrong(ledger, a, runs) for a in _judges(ledger)}
    except (ValueError, IndexError, AttributeError) as error:
        raise CaseError(f"mutant {name} cannot run {problem.name}: {error}") from error
    return Bug(name, mutant.description, first)


def _has(mutant: Mutant, problem: Problem) -> bool:
    found: list[Any] = []
    for spec in (problem.network, problem.loss):
        substitute(spec, mutant.target, lambda right: found.append(right) or right)  # type: ignore[func-returns-value]
    return bool(found)


def _given(problem: Problem, ledger: Ledger, text: str) -> Bug:
    candidate = from_file(text)
    vjp = getattr(candidate, "vjp", candidate)
    if not callable(vjp):
        raise CaseError(f"{text} is no Candidate, and no function (network, params, x, dy)")
    try:
        gradients: dict[str, list[Array]] = gradients_of(vjp, problem)
    except Exception as error:
        raise CaseError(f"{text} raises {type(error).__name__}: {error}") from error
    known = {row.step.leaf for row in ledger.rows if row.step.leaf}
    if not known & gradients.keys():
        raise CaseError(f"{text} gives no gradient of {problem.name}: it has {', '.join(known)}")
    first = {a: first_wrong_gradient(ledger, a, gradients) for a in _judges(ledger)}
    return Bug(text, "gradients of a program of yours", first)
