"""The public functions: what ``compare_...`` takes, but for one candidate, and a diagnosis back."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from ...adapters.loading import load
from ...adapters.protocols import Adapter
from ...reference.protocols import Function, Initialiser, Layer, Loss, Optimizer, Tree
from .. import cases, posing
from ..candidates import answer_step
from ..distributions import Drawing, drawing
from ..envelope import Training
from ..judging import judge_values
from ..rows import Context
from ..tolerances import expectations
from .diagnose import diagnosed
from .lockstep import TrainingRun
from .verdicts import Diagnosis

SOME = 8  # replicas that find the first wrong step


def diagnose_vjp(
    network: Layer | Loss, *, adapter: str | Adapter, x: Any, params: Tree = None, dy: Any = None,
    target: Any = None, dtype: Any = None, seed: int = 0, case: str | None = None,
) -> Diagnosis:  # fmt: skip
    """Find out why a candidate's y, dx or dparams of a network, or its loss or gradient, are wrong.

    ``adapter`` is the candidate: a name, or an object such as ``Candidate``. It is also asked for
    the layers of the network alone, if it can answer. Everything else, and what is raised, as for
    ``compare_vjp``.
    """
    problem = posing.vjp_problem(network, x, params, dy, target, dtype, seed)
    return _diagnosed(problem, adapter, case or str(network), seed)


def diagnose_function(
    function: Function, *, adapter: str | Adapter, x: Any, dtype: Any = None, seed: int = 0,
    case: str | None = None,
) -> Diagnosis:  # fmt: skip
    """Find out why a candidate's values of a schedule or a transform are wrong."""
    problem = posing.evaluation(function, x, dtype)
    return _diagnosed(problem, adapter, case or str(function), seed)


def diagnose_optimizer(
    optimizer: Optimizer, *, adapter: str | Adapter, params: Tree = None,
    grads: Iterable[Tree] | None = None, steps: int = 20, gradient_scale: float = 1.0,
    dtype: Any = None, seed: int = 0, case: str | None = None,
) -> Diagnosis:  # fmt: skip
    """Find out why a candidate's weights or state are wrong, and from which step on."""
    problem = posing.replay(optimizer, params, grads, steps, gradient_scale, dtype, seed)
    return _diagnosed(problem, adapter, case or str(optimizer), seed)


def diagnose_training(
    network: Layer, loss: Loss, optimizer: Optimizer, *, adapter: str | Adapter,
    batches: Iterable[tuple[Any, Any]], params: Tree = None, dtype: Any = None, seed: int = 0,
    case: str | None = None,
) -> Diagnosis:  # fmt: skip
    """Find out why a candidate's training goes wrong: loop, network, loss or optimizer.

    It is followed in lockstep to the first step that is wrong. What else, as ``compare_training``.
    """
    training, known = posing.training_run(
        network, loss, optimizer, list(batches), params, dtype, seed
    )
    candidate = _loaded(adapter)
    step = _first_wrong(training, candidate, known, seed)
    problem = TrainingRun.of(training, step or len(training.batches), known)
    return _diagnosed(problem, candidate, case or str(network), seed)


def diagnose_initialiser(
    initialiser: Initialiser, *, adapter: str | Adapter, shape: tuple[int, ...],
    dtype: Any = "float32", seed: int = 0, case: str | None = None,
) -> Diagnosis:  # fmt: skip
    """Find out which distribution a candidate's weights are drawn from instead.

    Each hypothesis is put to the test that judges the candidate, and is refuted by chance with a
    probability of at most 1e-9 in each of three looks: at an eighth of the draws, at all of
    them, and at eight times as many, for which the candidate is asked again. What, and what is
    raised, as for ``compare_initialiser``.
    """
    asked = drawing(initialiser, shape, dtype, seed)
    return _diagnosed(asked, adapter, case or f"{initialiser} {shape}", seed)


def _loaded(adapter: str | Adapter) -> Adapter:
    return load(adapter) if isinstance(adapter, str) else adapter


def _diagnosed(problem: Any, adapter: str | Adapter, case: str, seed: int) -> Diagnosis:
    candidate = _loaded(adapter)
    found = diagnosed(problem, candidate, candidate=candidate.name, case=case, seed=seed)
    if not found.matches or isinstance(problem, Drawing):
        return found
    reason = _vacuous(problem, seed)
    return dataclasses.replace(found, matches=not reason, answer=reason)


def _vacuous(problem: Any, seed: int) -> str:
    """Why nothing wrong could have been found, as ``compare_...`` says it, or ""."""
    with cases.one_thread(), np.errstate(all="ignore"):
        run = partial(problem.run, problem.specs)
        reason: str = problem.vacuous(expectations(run, problem.dtype, seed, SOME).leaves)
    return reason


def _first_wrong(training: Training, adapter: Adapter, dtype: np.dtype[Any], seed: int) -> int:
    """The first step in lockstep that is wrong; 0 without one, or where it cannot be asked."""
    starts = training.starts()
    context = Context("", "lockstep", dtype)
    with cases.one_thread(), np.errstate(all="ignore"):
        try:
            steps = enumerate(zip(starts, training.ask(adapter, starts), strict=True), start=1)
            for t, (start, done) in steps:
                step = partial(training.one_step, start=start, t=t)
                expected = expectations(step, dtype, seed + t, SOME)
                rows = judge_values(context, expected, answer_step(done))
                if any(row.verdict == "mismatch" for row in rows):
                    return t
        except Exception:  # the diagnosis says what it raised
            return 0
    return 0
