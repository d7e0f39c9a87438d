"""The three comparisons: gradients, an optimizer alone, and training in lockstep and free-running.

Each returns one DataFrame, a row for every leaf of every quantity of every step, whose columns
are the fields of ``records.Comparison``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..adapters.protocols import VJP, Adapter, Unsupported, Updated
from ..reference.protocols import Array, Layer, Loss, Optimizer, Tree
from ..reference.training import Step, init_state, step, train, update
from ..reference.tree import leaves, tree_map
from . import cases
from .judging import Context, failed_row, judge_values, norm_row
from .measures import Expected, norm
from .noise import Noise
from .records import Comparison, frame
from .tolerances import (
    AMPLITUDE,
    REPLICAS,
    Exact,
    Expectations,
    Key,
    Values,
    expectations,
    rms,
    wide_dtype,
)

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

    ``x`` is the input, or its shape as a tuple of sizes to draw normal numbers; ``params`` a tree
    as ``network.init`` returns it, drawn away from the initial values if None; ``dy`` the
    cotangent of y, random if None. A loss takes its prediction as ``x`` and a ``target``.
    ``adapters``: names, or objects such as ``Candidate``; by default the reference itself, torch
    and jax. ``dtype`` float32 or float64, that of x if None.

    Raises CaseError for input that cannot be compared, UnknownName or MissingFramework for an
    adapter that cannot be loaded. What goes wrong in an adapter becomes a row.
    """
    dtype = cases.check_dtype(dtype, x)
    rng = np.random.default_rng(seed)
    loaded = cases.load_adapters(adapters)
    x = cases.draw_input(x, rng, dtype)
    if hasattr(network, "init"):
        problem = _network_problem(cast(Layer, network), params, x, dy, rng, dtype)
    else:
        problem = _loss_problem(network, x, target, dy, rng, dtype)
    context = Context(case or str(network), "vjp", dtype, blame=problem.blame)
    rows: list[Comparison] = []
    with cases.one_thread():
        expected = expectations(problem.compute, dtype, seed, replicas)
        for name, adapter, missing in loaded:
            this = dataclasses.replace(context, candidate=name)
            try:
                if adapter is None:
                    raise Unsupported(missing)
                got = VJP(*problem.ask(adapter))
                values, doubt = _vjp_values(got), _vjp_doubt(got)
            except Exception as error:
                rows.append(failed_row(this, error))
                continue
            rows += judge_values(this, expected, values, doubt)
    return frame(rows)


@dataclass(frozen=True)
class _Problem:
    """A VJP to compare: the reference in any arithmetic, and how an adapter is asked for it."""

    compute: Callable[[Any], Values]
    ask: Callable[[Adapter], VJP]
    blame: str


def _network_problem(
    network: Layer, params: Tree, x: Array, dy: Any, rng: np.random.Generator,
    dtype: np.dtype[Any],
) -> _Problem:  # fmt: skip
    if params is None:
        params = cases.draw_params(network, rng, dtype)
    params = cases.check_params(network, params, dtype)
    dy = _cotangent(dy, cases.forward(network, params, x), rng, dtype)

    def compute(arithmetic: Any) -> Values:
        y, residuals = network.forward(arithmetic.tree(params), arithmetic.array(x))
        return _vjp_values(VJP(y, *network.backward(residuals, arithmetic.array(dy))))

    blame = cases.non_finite({"params": params, "x": x, "dy": dy})
    return _Problem(compute, lambda adapter: adapter.vjp(network, params, x, dy), blame)


def _loss_problem(
    loss: Loss, x: Array, target: Any, dy: Any, rng: np.random.Generator, dtype: np.dtype[Any]
) -> _Problem:
    if target is None:
        raise cases.CaseError(f"{loss} is a loss: give its target")
    target = cases.check_array("target", target, dtype)
    dy = _cotangent(dy, cases.forward(loss, x, target), rng, dtype)

    def compute(arithmetic: Any) -> Values:
        value, residuals = loss.forward(arithmetic.array(x), arithmetic.array(target))
        return _vjp_values(VJP(value, loss.backward(residuals, arithmetic.array(dy)), {}))

    blame = cases.non_finite({"x": x, "target": target, "dy": dy})
    return _Problem(compute, lambda adapter: adapter.loss_vjp(loss, x, target, dy), blame)


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
    rng = np.random.default_rng(seed)
    if params is None:
        draws = {"W": rng.standard_normal((4, 3)), "b": rng.standard_normal(3)}
        params = tree_map(lambda w: w.astype(np.dtype(dtype or np.float64)), draws)
    dtype = cases.check_dtype(dtype, *(w for _, w in leaves(params)))
    params = tree_map(np.asarray, params)
    if grads is None:

        def draw(w: Array) -> Array:
            return (gradient_scale * rng.standard_normal(w.shape)).astype(dtype)

        grads = [tree_map(draw, params) for _ in range(steps)]
    grads = _check_grads(list(grads), params, dtype)
    loaded = cases.load_adapters(adapters)
    blame = cases.non_finite({"params": params, "grads": tuple(grads)})
    context = Context(case or str(optimizer), "optimizer", dtype, str(optimizer), blame=blame)

    def compute(arithmetic: Any) -> Values:
        rule, p = arithmetic.hyperparameters(optimizer), arithmetic.tree(params)
        state, values = init_state(rule, p), cast(Values, {})
        for t, g in enumerate(grads, start=1):
            p, state = update(rule, arithmetic.tree(g), state, p, t)
            done = _updated_values(Updated(p, state))
            values |= {(f"{t} {quantity}", leaf): v for (quantity, leaf), v in done.items()}
        return values

    rows: list[Comparison] = []
    with cases.one_thread():
        expected = expectations(compute, dtype, seed, replicas)
        runs = _Runs(loaded, lambda a: a.optimize(optimizer, params, iter(grads)), context, rows)
        for t in range(1, len(grads) + 1):
            now = _of_step(expected, t)
            for this, got in runs.advance(t):
                rows += judge_values(this, now, _updated_values(Updated(*got)))
            if progress:
                progress(f"step {t}")
    return frame(rows)


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
    batches = list(batches)
    dtype = cases.check_dtype(dtype, *(x for x, _ in batches[:1]))
    checked = cases.check_batches(batches, dtype)
    loaded = cases.load_adapters(adapters)
    rng = np.random.default_rng(seed)
    if params is None:
        params = cases.draw_params(network, rng, dtype)
    params = cases.check_params(network, params, dtype)
    for x, target in checked:
        cases.forward(loss, cases.forward(network, params, x), target)
    name = case or str(network)
    blame = cases.non_finite({"params": params, "batches": tuple(checked)})
    locked = Context(name, "lockstep", dtype, str(optimizer), blame=blame)
    free = dataclasses.replace(locked, mode="free-running")
    rows: list[Comparison] = []
    with cases.one_thread(), np.errstate(all="ignore"):
        starts = _starts(network, loss, optimizer, params, checked)
        in_lockstep = _Runs(
            loaded, lambda a: a.train(network, loss, optimizer, params, checked, starts),
            locked, rows,
        )  # fmt: skip
        running = _Runs(
            loaded, lambda a: a.train(network, loss, optimizer, params, checked), free, rows
        )
        envelope = _Envelope(network, loss, optimizer, params, checked, dtype, seed, twins)
        for t, (batch, start) in enumerate(zip(checked, starts, strict=True), start=1):

            def compute(
                arithmetic: Any, batch: Any = batch, start: Any = start, t: int = t
            ) -> Values:
                rule = arithmetic.hyperparameters(optimizer)
                p, state = map(arithmetic.tree, start)
                x, target = map(arithmetic.array, batch)
                return _step_values(step(network, loss, rule, p, state, (x, target), t))

            expected = expectations(compute, dtype, seed + t, replicas)
            for this, got in in_lockstep.advance(t):
                rows += judge_values(this, expected, _step_values(got))
            envelope.advance()
            for this, got in running.advance(t):
                rows += envelope.judge(this, got)
            if progress:
                progress(f"step {t}")
    return frame(rows)


class _Envelope:
    """Noisy twins of a whole training run: how far honest rounding drives the weights apart."""

    def __init__(
        self, network: Layer, loss: Loss, optimizer: Optimizer, params: Tree,
        batches: list[tuple[Array, Array]], dtype: np.dtype[Any], seed: int, twins: int,
    ) -> None:  # fmt: skip
        self.noise = Noise(dtype, (AMPLITUDE[dtype.name],) * twins, seed, frozen=False)

        def run(arithmetic: Any) -> Iterator[Step]:
            rule = arithmetic.hyperparameters(optimizer)
            lifted = ((arithmetic.array(x), arithmetic.array(y)) for x, y in batches)
            return train(network, loss, rule, arithmetic.tree(params), lifted)

        self._twins = run(self.noise)
        wide = wide_dtype(dtype)
        self._gold = run(Exact(wide)) if wide != np.float64 else None
        self._first = dict(leaves(params))
        self.past: dict[str, int] = {}  # leaf to the first step past its horizon
        self.kinks_since = 0
        self.expected: dict[Key, Expected] = {}

    def advance(self) -> None:
        """One more step of the twins and of the gold run."""
        done = next(self._twins)
        noisy = _free_values(done)
        exact = _free_values(next(self._gold)) if self._gold else None
        smallest = float(np.finfo(self.noise.dtype).smallest_normal)
        for key, value in noisy.items():
            base = value.base
            apart = [norm(twin - base) for twin in value.payload[1:]]
            spread = rms(np.asarray(apart))
            unit = spread / self.noise.deltas[1] * self.noise.u + smallest
            gold = np.asarray(exact[key]) if exact else base
            self.expected[key] = Expected(gold, np.full(gold.shape, unit), self.noise.dtype)
            leaf = key[1]
            travelled = norm(base - self._first[leaf]) if leaf else abs(float(base))
            if not spread <= 0.01 * travelled:
                self.past.setdefault(leaf, done.t)
        if self.noise.ambiguous and not self.kinks_since:
            self.kinks_since = done.t

    def judge(self, context: Context, got: Step) -> list[Comparison]:
        """The rows of one free-running step."""
        values = _free_values(got)
        return [
            norm_row(context, key, expected, values.get(key), self.past.get(key[1], 0),
                     self.kinks_since)
            for key, expected in self.expected.items()
        ]  # fmt: skip


class _Runs:
    """The candidates' generators, advanced together; one that raises ends, with a row."""

    def __init__(
        self, loaded: list[cases.Loaded], begin: Callable[[Adapter], Iterator[Any]],
        context: Context, rows: list[Comparison],
    ) -> None:  # fmt: skip
        self.rows = rows
        self.running: dict[str, Iterator[Any]] = {}
        self.context = context
        for name, adapter, missing in loaded:
            this = dataclasses.replace(context, candidate=name)
            try:
                if adapter is None:
                    raise Unsupported(missing)
                self.running[name] = iter(begin(adapter))
            except Exception as error:
                rows.append(failed_row(this, error))

    def advance(self, t: int) -> Iterator[tuple[Context, Any]]:
        """What each candidate yields for step t, with the context of its rows."""
        for name in list(self.running):
            this = dataclasses.replace(self.context, candidate=name, step=t)
            try:
                got = next(self.running[name])
            except Exception as error:
                del self.running[name]
                if isinstance(error, StopIteration):
                    error = RuntimeError(f"it stopped before step {t}")
                self.rows.append(failed_row(this, error))
                continue
            yield this, got


def _starts(
    network: Layer, loss: Loss, optimizer: Optimizer, params: Tree, batches: list[Any]
) -> list[tuple[Tree, Tree]]:
    """The reference's weights and state before each step, in the dtype of params."""
    run = train(network, loss, optimizer, params, batches)
    after = [(done.params, done.state) for done in run]
    return [(params, init_state(optimizer, params)), *after[:-1]]


def _cotangent(dy: Any, y: Array, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
    if dy is None:
        return np.asarray(rng.standard_normal(y.shape), dtype)
    given = cases.check_floats("dy", dy, dtype)
    if given.shape != y.shape:
        raise cases.CaseError(f"dy has shape {given.shape}, y has shape {y.shape}")
    return given


def _check_grads(grads: list[Tree], params: Tree, dtype: np.dtype[Any]) -> list[Tree]:
    if not grads:
        raise cases.CaseError("there are no gradients: give one tree for each step")
    shapes = {leaf: w.shape for leaf, w in leaves(params)}
    for t, g in enumerate(grads, start=1):
        given = {leaf: np.shape(a) for leaf, a in leaves(g)}
        if given != shapes:
            raise cases.CaseError(f"gradient {t} has leaves {given}, the weights have {shapes}")
        for leaf, a in leaves(g):
            cases.check_floats(f"gradient {t} {leaf!r}", a, dtype)
    return [tree_map(np.asarray, g) for g in grads]


def _named(quantity: str, tree: Tree) -> Values:
    return {(quantity, leaf): value for leaf, value in leaves(tree)}


def _vjp_values(vjp: VJP) -> Values:
    return {("y", ""): vjp.y, ("dx", ""): vjp.dx} | _named("dparams", vjp.dparams)


def _vjp_doubt(vjp: VJP) -> Values:
    if vjp.uncertainty is None:
        return {}
    dx, dparams = vjp.uncertainty
    return {("dx", ""): dx} | _named("dparams", dparams)


def _updated_values(updated: Updated) -> Values:
    return _named("weights", updated.params) | _named("state", updated.state)


def _step_values(done: Step) -> Values:
    values = {("loss", ""): done.loss} | _named("gradient", done.grads)
    return values | _named("state", done.state) | _named("weights", done.params)


def _free_values(done: Step) -> Values:
    return {("loss", ""): done.loss} | _named("weights", done.params)


def _of_step(expected: Expectations, t: int) -> Expectations:
    prefix = f"{t} "
    now = {(q.removeprefix(prefix), leaf): e for (q, leaf), e in expected.leaves.items()
           if q.startswith(prefix)}  # fmt: skip
    return dataclasses.replace(expected, leaves=now, ambiguous=())
