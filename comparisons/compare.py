"""The three comparisons: gradients, an optimizer alone, and training in lockstep and free-running.

Each returns one DataFrame, a row for every leaf of every quantity of every step, whose columns
are the fields of ``records.Comparison``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..adapters.protocols import VJP, Adapter, Unsupported, Updated
from ..reference.protocols import Function, Layer, Loss, Optimizer, Tree
from ..reference.training import init_state, update
from ..reference.tree import leaves, tree_map
from . import cases
from .candidates import (
    Runs,
    answer_step,
    answer_updated,
    answer_vjp,
    copied,
    free_values,
    updated_values,
    vjp_values,
)
from .envelope import Envelope, Training
from .judging import Context, failed_row, judge_values
from .records import Comparison, frame
from .tolerances import REPLICAS, Expectations, Values, expectations

if TYPE_CHECKING:
    import pandas as pd

TWINS = 8  # noisy copies of a whole training run
STEP_REPLICAS = 8  # of one training step: half as many, since every step is one more sample
Progress = Callable[[str], None] | None


def compare_vjp(
    network: Layer | Loss, *, x: Any, params: Tree = None, dy: Any = None, target: Any = None,
    adapters: Sequence[str | Adapter] | None = None, dtype: Any = None, seed: int = 0,
    case: str | None = None, replicas: int = REPLICAS,
) -> pd.DataFrame:  # fmt: skip
    """Compare y, dx and dparams of a network, or a loss and its gradient.

    ``x`` is the input (a tuple of arrays where the layer has several, and so for dy and target),
    or its shape as a tuple of sizes to draw normal numbers; ``params`` a tree
    as ``network.init`` returns it, drawn away from the initial values if None; ``dy`` the
    cotangent of y, random if None. A loss takes its prediction as ``x`` and a ``target``.
    ``adapters``: names, or objects such as ``Candidate``; by default the reference itself, torch
    and jax. ``dtype`` float32 or float64, that of x if None.

    Raises CaseError for input that cannot be compared, UnknownName or MissingFramework for an
    adapter that cannot be loaded. What goes wrong in an adapter becomes a row.
    """
    dtype = cases.check_dtype(dtype, *(a for _, a in leaves((x, params))))
    rng = np.random.default_rng(seed)
    loaded = cases.load_adapters(adapters)
    x = cases.draw_input(x, rng, dtype)
    if hasattr(network, "init"):
        cases.check_spec(network, "layer")
        if target is not None:
            raise cases.CaseError(f"{network} is a layer: it takes no target")
        problem = _network_problem(cast(Layer, network), params, x, dy, rng, dtype)
    else:
        cases.check_spec(network, "loss")
        problem = _loss_problem(network, x, target, dy, rng, dtype)
    context = Context(case or str(network), "vjp", dtype, blame=problem.blame)
    rows: list[Comparison] = []
    with cases.one_thread(), np.errstate(all="ignore"):
        expected = expectations(problem.compute, dtype, seed, replicas)
        for name, adapter, missing in loaded:
            this = dataclasses.replace(context, candidate=name)
            try:
                if adapter is None:
                    raise Unsupported(missing)
                values, doubts = answer_vjp(problem.ask(adapter))
            except Exception as error:
                rows.append(failed_row(this, error))
            else:
                rows += judge_values(this, expected, values, doubts)
    return frame(rows)


@dataclass(frozen=True)
class _Problem:
    """A VJP to compare: the reference in any arithmetic, and how an adapter is asked for it."""

    compute: Callable[[Any], Values]
    ask: Callable[[Adapter], VJP]
    blame: tuple[str, int]


def _network_problem(
    network: Layer, params: Tree, x: Tree, dy: Any, rng: np.random.Generator,
    dtype: np.dtype[Any],
) -> _Problem:  # fmt: skip
    if params is None:
        params = cases.draw_params(network, rng, dtype)
    params = cases.check_params(network, params, dtype)
    dy = _cotangent(dy, cases.forward(network, params, x), rng, dtype)
    cases.check_integers(network, params, "x", x, dtype)

    def compute(arithmetic: Any) -> Values:
        y, residuals = network.forward(arithmetic.tree(params), arithmetic.tree(x))
        return vjp_values(VJP(y, *network.backward(residuals, arithmetic.tree(dy))))

    def ask(adapter: Adapter) -> VJP:
        return adapter.vjp(network, *copied((params, x, dy)))

    given = (*cases.named_params(params), *cases.named_tree("x", x), *cases.named_tree("dy", dy))
    blame = cases.non_finite(given)
    return _Problem(compute, ask, blame)


def _loss_problem(
    loss: Loss, x: Tree, target: Any, dy: Any, rng: np.random.Generator, dtype: np.dtype[Any]
) -> _Problem:
    if target is None:
        raise cases.CaseError(f"{loss} is a loss: give its target")
    for name, prediction, _ in cases.named_tree("x", x):
        cases.check_floats(name, prediction, dtype)
    target = cases.check_tree("target", target, dtype)
    dy = _cotangent(dy, cases.forward(loss, x, target), rng, dtype)

    def compute(arithmetic: Any) -> Values:
        value, residuals = loss.forward(arithmetic.tree(x), arithmetic.tree(target))
        return vjp_values(VJP(value, loss.backward(residuals, arithmetic.tree(dy)), {}))

    def ask(adapter: Adapter) -> VJP:
        return adapter.loss_vjp(loss, *copied((x, target, dy)))

    given = (("x", x), ("target", target), ("dy", dy))
    blame = cases.non_finite(named for pair in given for named in cases.named_tree(*pair))
    return _Problem(compute, ask, blame)


def compare_function(
    function: Function, *, x: Any, adapters: Sequence[str | Adapter] | None = None,
    dtype: Any = None, seed: int = 0, case: str | None = None, replicas: int = REPLICAS,
) -> pd.DataFrame:  # fmt: skip
    """Compare the values of a learning-rate schedule or of a transform, which has no gradient.

    ``x`` is the numbers of the updates (integers, from 1) for a schedule, and what it acts on for
    a transform. Everything else, and what is raised, as for ``compare_vjp``.
    """
    cases.check_spec(function, "function")
    dtype = cases.check_dtype(dtype, *(part for _, part in leaves(x)))
    x = cases.check_tree("x", x, dtype)
    cases.evaluate(function, x)
    loaded = cases.load_adapters(adapters)
    blame = cases.non_finite(cases.named_tree("x", x))
    context = Context(case or str(function), "function", dtype, blame=blame)

    def compute(arithmetic: Any) -> Values:
        return vjp_values(VJP(arithmetic.hyperparameters(function)(arithmetic.tree(x)), None, None))

    rows: list[Comparison] = []
    with cases.one_thread(), np.errstate(all="ignore"):
        expected = expectations(compute, dtype, seed, replicas)
        for name, adapter, missing in loaded:
            this = dataclasses.replace(context, candidate=name)
            try:
                if adapter is None:
                    raise Unsupported(missing)
                given = copied(adapter.evaluate(function, copied(x), dtype))
                values, _ = answer_vjp(VJP(given, None, None))
            except Exception as error:
                rows.append(failed_row(this, error))
            else:
                rows += judge_values(this, expected, values)
    return frame(rows)


def compare_optimizer(
    optimizer: Optimizer, *, params: Tree = None, grads: Iterable[Tree] | None = None,
    steps: int = 20, gradient_scale: float = 1.0, adapters: Sequence[str | Adapter] | None = None,
    dtype: Any = None, seed: int = 0, case: str | None = None, replicas: int = REPLICAS,
    progress: Progress = None,
) -> pd.DataFrame:  # fmt: skip
    """Compare weights and state after every step of an optimizer fed the same gradients.

    ``params`` is a tree of weights (two small arrays if None) and ``grads`` one tree of gradients
    for each step (``steps`` random ones of ``gradient_scale`` if None). Everything else, and what
    is raised, as for ``compare_vjp``.
    """
    cases.check_spec(optimizer, "optimizer")
    rng = np.random.default_rng(seed)
    if params is None:
        draws = {"W": rng.standard_normal((4, 3)), "b": rng.standard_normal(3)}
        params = tree_map(lambda w: w.astype(np.dtype(dtype or np.float64)), draws)
    dtype, params = cases.check_weights(params, dtype)
    if grads is None:
        grads = cases.draw_grads(params, steps, gradient_scale, rng)
    grads = cases.check_grads(list(grads), params, dtype)
    loaded = cases.load_adapters(adapters)
    blame = cases.non_finite([*cases.named_params(params), *cases.named_grads(grads)])
    context = Context(case or str(optimizer), "optimizer", dtype, str(optimizer), blame=blame)

    def begin(adapter: Adapter) -> Iterator[Updated]:
        return adapter.optimize(optimizer, copied(params), map(copied, grads))

    rows: list[Comparison] = []
    with cases.one_thread(), np.errstate(all="ignore"):
        expected = expectations(partial(_replay, optimizer, params, grads), dtype, seed, replicas)
        runs = Runs(loaded, begin, answer_updated, context, rows)
        for t in range(1, len(grads) + 1):
            now = _of_step(expected, t)
            for this, values in runs.advance(t):
                rows += judge_values(this, now, values)
            if progress:
                progress(f"step {t}")
    return frame(rows)


def _replay(optimizer: Optimizer, params: Tree, grads: list[Tree], arithmetic: Any) -> Values:
    """Weights and state after every step; the step stands before the quantity."""
    rule, p = arithmetic.hyperparameters(optimizer), arithmetic.tree(params)
    state, values = init_state(rule, p), cast(Values, {})
    for t, g in enumerate(grads, start=1):
        p, state = update(rule, arithmetic.tree(g), state, p, t)
        done = updated_values(Updated(p, state))
        values |= {(f"{t} {quantity}", leaf): v for (quantity, leaf), v in done.items()}
    return values


def _of_step(expected: Expectations, t: int) -> Expectations:
    prefix = f"{t} "
    now = {(q.removeprefix(prefix), leaf): e for (q, leaf), e in expected.leaves.items()
           if q.startswith(prefix)}  # fmt: skip
    return dataclasses.replace(expected, leaves=now, ambiguous=())


def compare_training(
    network: Layer, loss: Loss, optimizer: Optimizer, *, batches: Iterable[tuple[Any, Any]],
    params: Tree = None, adapters: Sequence[str | Adapter] | None = None, dtype: Any = None,
    seed: int = 0, case: str | None = None, replicas: int = STEP_REPLICAS, twins: int = TWINS,
    progress: Progress = None,
) -> pd.DataFrame:  # fmt: skip
    """Compare every loss, gradient, weight and optimizer state of every training step, two ways.

    *Lockstep*: each step starts from the reference's weights and state, so that errors do not add
    up and the first wrong quantity is the wrong one. *Free-running*: each implementation follows
    its own weights, and is judged by the envelope of ``twins`` noisy copies of the whole run,
    up to the horizon where these differ by 1 % of the distance travelled.

    ``batches`` is one (x, target) for each step. Everything else, and what is raised, as for
    ``compare_vjp``.
    """
    training, dtype = _training(network, loss, optimizer, list(batches), params, dtype, seed)
    loaded = cases.load_adapters(adapters)
    blame = cases.non_finite(
        [*cases.named_params(training.params), *cases.named_batches(training.batches)]
    )
    locked = Context(case or str(network), "lockstep", dtype, str(optimizer), blame=blame)
    free = dataclasses.replace(locked, mode="free-running")
    rows: list[Comparison] = []
    with cases.one_thread(), np.errstate(all="ignore"):
        starts = training.starts()
        in_lockstep = Runs(loaded, lambda a: training.ask(a, starts), answer_step, locked, rows)
        running = Runs(loaded, training.ask, partial(answer_step, values=free_values), free, rows)
        envelope = Envelope(training, dtype, seed, twins)
        for t, start in enumerate(starts, start=1):
            one_step = partial(training.one_step, start=start, t=t)
            expected = expectations(one_step, dtype, seed + t, replicas)
            for this, values in in_lockstep.advance(t):
                rows += judge_values(this, expected, values)
            envelope.advance()
            for this, values in running.advance(t):
                rows += envelope.judge(this, values)
            if progress:
                progress(f"step {t}")
    return frame(rows)


def _training(
    network: Layer, loss: Loss, optimizer: Optimizer, batches: list[Any], params: Tree,
    dtype: Any, seed: int,
) -> tuple[Training, np.dtype[Any]]:  # fmt: skip
    for spec, kind in ((network, "layer"), (loss, "loss"), (optimizer, "optimizer")):
        cases.check_spec(spec, kind)
    pairs = cases.check_pairs(batches)
    dtype = cases.check_dtype(dtype, *(a for _, a in leaves((pairs[0][0], params))))
    checked = cases.check_batches(pairs, dtype)
    if params is None:
        params = cases.draw_params(network, np.random.default_rng(seed), dtype)
    params = cases.check_params(network, params, dtype)
    for t, (x, target) in enumerate(checked, start=1):
        cases.forward(loss, cases.forward(network, params, x), target)
        cases.check_integers(network, params, f"x of batch {t}", x, dtype)
    return Training(network, loss, optimizer, params, checked), dtype


def _cotangent(dy: Any, y: Tree, rng: np.random.Generator, dtype: np.dtype[Any]) -> Tree:
    if dy is None:
        return tree_map(lambda part: np.asarray(rng.standard_normal(part.shape), dtype), y)
    given = cases.check_tree("dy", dy, dtype)
    shapes = {leaf: part.shape for leaf, part in leaves(y)}
    if shapes.keys() != dict(leaves(given)).keys():
        raise cases.CaseError(f"dy has {len(dict(leaves(given)))} parts, y has {len(shapes)}")
    for name, part, _ in cases.named_tree("dy", given):
        cases.check_floats(name, part, dtype)
        wanted = shapes[name[3:-1]]
        if part.shape != wanted:
            what = name.replace("dy", "y")
            raise cases.CaseError(f"{name} has shape {part.shape}, {what} has shape {wanted}")
    return given
