"""The three comparisons: gradients, an optimizer alone, and training in lockstep and free-running.

Each returns one DataFrame, a row for every leaf of every quantity of every step, whose columns
are the fields of ``records.Comparison``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..adapters.protocols import Adapter
from ..reference.protocols import Function, Layer, Loss, Optimizer, Tree
from ..reference.tree import as_dtype
from . import cases, vacuity
from .candidates import Answer, Runs, answer_step, answer_updated, ask_all, free_values
from .collecting import Stopwatch, finished, together
from .conventions import UPDATES, Convention
from .envelope import Envelope
from .judging import judge_values, reached, undecided
from .posing import evaluation, replay, training_run, vjp_problem
from .problems import Problem, Replay, at_step
from .records import Comparison
from .rows import Context
from .tolerances import LARGE, REPLICAS, Expectations, looks

if TYPE_CHECKING:
    import pandas as pd

TWINS = 8  # noisy copies of a whole training run
FEW_TWINS = 4  # of a large one, whose norms hardly depend on the draws
STEP_REPLICAS = 8  # of one training step: half as many, since every step is one more sample
Progress = Callable[[str], None] | None


def compare_vjp(
    network: Layer | Loss, *, x: Any, params: Tree = None, dy: Any = None, target: Any = None,
    adapters: Sequence[str | Adapter] | None = None, dtype: Any = None, seed: int = 0,
    case: str | Callable[[str], str] | None = None, replicas: int = REPLICAS,
    diagnose: bool = False,
) -> pd.DataFrame:  # fmt: skip
    """Compare y, dx and dparams of a network, or a loss and its gradient.

    ``x`` is the input (a tuple of arrays where the layer has several, and so for dy and target),
    or its shape as a tuple of sizes to draw normal numbers; ``params`` a tree
    as ``network.init`` returns it, drawn away from the initial values if None; ``dy`` the
    cotangent of y, random if None. A loss takes its prediction as ``x`` and a ``target``.
    ``adapters``: names, or objects such as ``Candidate``; by default the reference itself, torch
    and jax. ``dtype`` float64, float32, float16 or bfloat16, that of x if None. ``case`` names the
    rows, or makes their name from that of a candidate; by default they have the network's. With
    ``diagnose`` the column "cause" says what makes a candidate's numbers wrong; ``diagnose_vjp``
    tells more.

    Raises CaseError for input that cannot be compared, UnknownName or MissingFramework for an
    adapter that cannot be loaded. What goes wrong in an adapter becomes a row.
    """
    loaded = cases.load_adapters(adapters)
    with cases.one_thread():
        problem = vjp_problem(network, x, params, dy, target, dtype, seed)
    return compare_problem(problem, loaded, case or str(network), seed, replicas, diagnose)


def compare_problem(
    problem: Problem, loaded: list[cases.Loaded], case: str | Callable[[str], str], seed: int,
    replicas: int, diagnose: bool = False,
) -> pd.DataFrame:  # fmt: skip
    """The rows of every candidate that answers once; ``loaded`` as ``cases.load_adapters``."""
    watch = Stopwatch()

    def context(name: str) -> Context:
        named = case(name) if callable(case) else case
        return Context(named, problem.mode, problem.dtype, candidate=name, blame=problem.blame)

    with cases.one_thread(), np.errstate(all="ignore"):
        answers = ask_all(loaded, context, problem.ask)
        rows, expected = _judged(problem, answers, watch, seed, replicas)
    rows += vacuity.error_rows(context, problem.vacuous(expected.leaves), rows)
    rows = _diagnosed(rows, loaded, lambda adapter, row: problem, seed, diagnose)
    return finished(rows, watch)


def _judged(
    problem: Problem, answers: Sequence[Answer], watch: Stopwatch, seed: int, replicas: int
) -> tuple[list[Comparison], Expectations]:
    """The rows of all answers, and what was expected of them."""
    right = partial(problem.run, problem.specs)
    look = looks(right, problem.dtype, seed, replicas, problem.numbers)
    return _first_that_decides(look, answers, watch)


def _first_that_decides(
    look: Iterator[Expectations], answers: Sequence[Answer], watch: Stopwatch
) -> tuple[list[Comparison], Expectations]:
    """The rows of all answers by the first look that decides them, and what it expected."""
    while True:
        with watch.on_tolerances():
            expected = next(look)
        rows: list[Comparison] = []
        for answer in answers:
            if answer.failure:
                rows.append(answer.failure)
                continue
            now = reached(expected, answer.last)
            rows += judge_values(answer.context, now, answer.values, answer.doubts)
        if expected.final or not any(map(undecided, rows)):
            return rows, expected


def _diagnosed(
    rows: list[Comparison], loaded: list[cases.Loaded], ask: Any, seed: int, diagnose: bool
) -> list[Comparison]:
    """The rows, with the causes of mismatches where they are asked for."""
    if not diagnose or not any(row.verdict == "mismatch" for row in rows):
        return rows
    from .diagnosis.attached import with_causes

    return list(with_causes(rows, loaded, ask, seed))


def compare_function(
    function: Function, *, x: Any, adapters: Sequence[str | Adapter] | None = None,
    dtype: Any = None, seed: int = 0, case: str | None = None, replicas: int = REPLICAS,
    diagnose: bool = False,
) -> pd.DataFrame:  # fmt: skip
    """Compare the values of a learning-rate schedule or of a transform, which has no gradient.

    ``x`` is the numbers of the updates (integers, from 1) for a schedule, and what it acts on for
    a transform. Everything else, and what is raised, as for ``compare_vjp``.
    """
    problem = evaluation(function, x, dtype)
    loaded = cases.load_adapters(adapters)
    return compare_problem(problem, loaded, case or str(function), seed, replicas, diagnose)


def compare_optimizer(
    optimizer: Optimizer, *, params: Tree = None, grads: Iterable[Tree] | None = None,
    steps: int = 20, gradient_scale: float = 1.0, adapters: Sequence[str | Adapter] | None = None,
    dtype: Any = None, seed: int = 0, case: str | None = None, replicas: int = REPLICAS,
    progress: Progress = None, diagnose: bool = False,
) -> pd.DataFrame:  # fmt: skip
    """Compare weights and state after every step of an optimizer fed the same gradients.

    ``params`` is a tree of weights (two small arrays if None) and ``grads`` one tree of gradients
    for each step (``steps`` random ones of ``gradient_scale`` if None). Everything else, and what
    is raised, as for ``compare_vjp``.
    """
    problem = replay(optimizer, params, grads, steps, gradient_scale, dtype, seed)
    loaded = cases.load_adapters(adapters)
    case = case or str(optimizer)
    return _replayed(problem, loaded, case, seed, replicas, progress, diagnose)


def _replayed(
    problem: Replay, loaded: list[cases.Loaded], case: str, seed: int, replicas: int,
    progress: Progress = None, diagnose: bool = False,
) -> pd.DataFrame:  # fmt: skip
    """The rows of every candidate, step by step."""
    name = str(problem.optimizer)
    context = Context(case, problem.mode, problem.dtype, name, blame=problem.blame)
    watch, answers = Stopwatch(), dict[str, Answer]()
    failures: list[Comparison] = []
    with cases.one_thread(), np.errstate(all="ignore"):
        runs = Runs(loaded, problem.begin, answer_updated, context, failures)
        for t in range(1, len(problem.grads) + 1):
            for this, values in runs.advance(t):
                before = answers.get(this.candidate, Answer(this, {}))
                both = {**before.values, **at_step(t, values)}
                answers[this.candidate] = before._replace(values=both, last=t)
            if progress:
                progress(f"step {t}")
        rows, expected = _judged(problem, list(answers.values()), watch, seed, replicas)
    rows = sorted([*rows, *failures], key=lambda row: row.step)
    rows += vacuity.error_rows(context.of, problem.vacuous(expected.leaves), rows)

    def until(adapter: Adapter, row: Comparison) -> Problem:
        return problem.until(row.step + 2)

    return finished(_diagnosed(rows, loaded, until, seed, diagnose), watch)


def compare_convention(
    convention: Convention, *, adapters: Sequence[str | Adapter] | None = None,
    dtype: Any = None, seed: int = 0, replicas: int = REPLICAS,
) -> pd.DataFrame:  # fmt: skip
    """Compare what each framework means by one name with the form of the one, then of the other.

    A framework must match its own form, and differ from the other: a known divergence. What has no
    form of its own is asked for the one that is compared. The weights are compared, or values.
    """
    loaded, dtype, tables = cases.load_adapters(adapters), cases.check_dtype(dtype), []
    x = as_dtype(convention.x(np.random.default_rng(seed)), dtype)
    for home, form in convention.forms.items():
        own = [
            (name, adapter and convention.meant_by(adapter, home), missing)
            for name, adapter, missing in loaded
        ]
        case, spec = convention.case(home), form.spec
        if hasattr(spec, "update"):
            scale = convention.gradient_scale
            steps = replay(spec, {"w": x}, None, UPDATES, scale, dtype, seed)
            weights = dataclasses.replace(steps, stateful=False)
            tables.append(_replayed(weights, own, case, seed, replicas))
        else:
            values = evaluation(spec, x, dtype)
            tables.append(compare_problem(values, own, case, seed, replicas))
    return together(tables)


def compare_training(
    network: Layer, loss: Loss, optimizer: Optimizer, *, batches: Iterable[tuple[Any, Any]],
    params: Tree = None, adapters: Sequence[str | Adapter] | None = None, dtype: Any = None,
    seed: int = 0, case: str | None = None, replicas: int = STEP_REPLICAS, twins: int = TWINS,
    progress: Progress = None, diagnose: bool = False,
) -> pd.DataFrame:  # fmt: skip
    """Compare every loss, gradient, weight and optimizer state of every training step, two ways.

    *Lockstep*: each step starts from the reference's weights and state, so that errors do not add
    up and the first wrong quantity is the wrong one. *Free-running*: each implementation follows
    its own weights, and is judged by the envelope of ``twins`` noisy copies of the whole run,
    up to the horizon where these differ by 1 % of the distance travelled.

    ``batches`` is one (x, target) for each step. Everything else, and what is raised, as for
    ``compare_vjp``.
    """
    with cases.one_thread():
        training, dtype = training_run(network, loss, optimizer, list(batches), params, dtype, seed)
    loaded = cases.load_adapters(adapters)
    given = [*cases.named_params(training.params), *cases.named_batches(training.batches)]
    blame = cases.non_finite(given)
    locked = Context(case or str(network), "lockstep", dtype, str(optimizer), blame=blame)
    free = dataclasses.replace(locked, mode="free-running")
    watch, live, large = Stopwatch(), False, training.numbers > LARGE
    rows: list[Comparison] = []
    with cases.one_thread(), np.errstate(all="ignore"):
        starts = training.starts()
        in_lockstep = Runs(loaded, lambda a: training.ask(a, starts), answer_step, locked, rows)
        running = Runs(loaded, training.ask, partial(answer_step, values=free_values), free, rows)
        envelope = Envelope(training, dtype, seed, FEW_TWINS if large else twins, large)
        for t, start in enumerate(starts, start=1):
            one_step = partial(training.one_step, start=start, t=t)
            look = looks(one_step, dtype, seed + t, replicas, training.numbers)
            answers = [Answer(this, values) for this, values in in_lockstep.advance(t)]
            judged, expected = _first_that_decides(look, answers, watch)
            rows += judged
            live = live or not vacuity.of_gradients(expected.leaves)
            with watch.on_tolerances():
                envelope.advance()
            for this, values in running.advance(t):
                rows += envelope.judge(this, values)
            if progress:
                progress(f"step {t}")
    rows += vacuity.error_rows(locked.of, "" if live else vacuity.ZERO_GRADIENT, rows)
    if not diagnose:
        return finished(rows, watch)
    from .diagnosis.attached import training_problem

    ask = training_problem(training, dtype)
    return finished(_diagnosed(rows, loaded, ask, seed, diagnose), watch)
