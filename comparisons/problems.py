"""What is compared, as data: checked input, run by the reference or given to a candidate.

A problem's ``run`` is the reference in any arithmetic, and ``ask`` a candidate's answer to the
same question. A comparison runs the specs as they are; a diagnosis runs others in their place.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np

from ..adapters.protocols import VJP, Adapter, Updated
from ..reference.protocols import Function, Layer, Loss, Optimizer, Sample, Tree
from ..reference.training import init_state, update
from ..reference.tree import as_dtype, leaves, tree_map
from . import cases, vacuity
from .candidates import answer_updated, answer_vjp, copied, updated_values, vjp_values
from .envelope import Training
from .measures import Expected
from .tolerances import Values

Specs = tuple[Any, ...]
Leaves = dict[Any, Expected]


class Problem(Protocol):
    """One question. ``specs`` are what is asked about: a network, a loss, an optimizer..."""

    @property
    def mode(self) -> str:
        """The comparison it belongs to, as in ``records.Comparison``."""

    @property
    def specs(self) -> Specs:
        """The right specs."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """What the candidate computes in."""

    @property
    def blame(self) -> tuple[str, int]:
        """Where the question itself is not finite, as ``cases.non_finite`` says."""

    @property
    def numbers(self) -> int:
        """How many floats the question is made of."""

    def vacuous(self, expected: Leaves) -> str:
        """Why the expected answer could not show a mistake, or ""."""

    def run(self, specs: Specs, arithmetic: Any) -> Values:
        """The reference's values, with these specs in place of the right ones."""

    def ask(self, adapter: Adapter) -> tuple[Values, Values]:
        """A candidate's values and its doubts; raises what the candidate raises."""


@dataclass(frozen=True)
class NetworkVJP:
    """y, dx and dparams of a network."""

    network: Layer
    params: Tree
    x: Tree
    dy: Tree
    dtype: np.dtype[Any]
    blame: tuple[str, int] = ("", 0)
    mode = "vjp"

    @property
    def specs(self) -> Specs:
        """The network."""
        return (self.network,)

    @property
    def numbers(self) -> int:
        """Of parameters and input."""
        return cases.numbers_in((self.params, self.x))

    def vacuous(self, expected: Leaves) -> str:
        """A gradient that is zero or not there, or a constant cotangent."""
        return vacuity.of_gradients(expected) or vacuity.of_cotangent(self.dy)

    def run(self, specs: Specs, arithmetic: Any) -> Values:
        """Forward and backward."""
        (network,) = specs
        y, residuals = network.forward(arithmetic.tree(self.params), arithmetic.tree(self.x))
        return vjp_values(VJP(y, *network.backward(residuals, arithmetic.tree(self.dy))))

    def ask(self, adapter: Adapter) -> tuple[Values, Values]:
        """The candidate's VJP."""
        return answer_vjp(adapter.vjp(self.network, *copied((self.params, self.x, self.dy))))


@dataclass(frozen=True)
class LossVJP:
    """A loss and the gradient of its prediction."""

    loss: Loss
    x: Tree
    target: Tree
    dy: Tree
    dtype: np.dtype[Any]
    blame: tuple[str, int] = ("", 0)
    mode = "vjp"

    @property
    def specs(self) -> Specs:
        """The loss."""
        return (self.loss,)

    @property
    def numbers(self) -> int:
        """Of the prediction."""
        return cases.numbers_in(self.x)

    def vacuous(self, expected: Leaves) -> str:
        """A gradient that is zero, or a constant cotangent of several numbers."""
        return vacuity.of_gradients(expected) or vacuity.of_cotangent(self.dy)

    def run(self, specs: Specs, arithmetic: Any) -> Values:
        """Forward and backward."""
        (loss,) = specs
        value, residuals = loss.forward(arithmetic.tree(self.x), arithmetic.tree(self.target))
        return vjp_values(VJP(value, loss.backward(residuals, arithmetic.tree(self.dy)), {}))

    def ask(self, adapter: Adapter) -> tuple[Values, Values]:
        """The candidate's loss and gradient."""
        return answer_vjp(adapter.loss_vjp(self.loss, *copied((self.x, self.target, self.dy))))


@dataclass(frozen=True)
class Evaluation:
    """The values of a schedule or of a transform."""

    function: Function
    x: Tree
    dtype: np.dtype[Any]
    blame: tuple[str, int] = ("", 0)
    mode = "function"

    @property
    def specs(self) -> Specs:
        """The function."""
        return (self.function,)

    @property
    def numbers(self) -> int:
        """Of the input."""
        return cases.numbers_in(self.x)

    def vacuous(self, expected: Leaves) -> str:
        """Values of zero."""
        return vacuity.of_values(expected)

    def run(self, specs: Specs, arithmetic: Any) -> Values:
        """The function's value, its hyperparameters rounded as each implementation rounds them."""
        (function,) = map(arithmetic.hyperparameters, specs)
        return vjp_values(VJP(function(arithmetic.tree(self.x)), None, None))

    def ask(self, adapter: Adapter) -> tuple[Values, Values]:
        """The candidate's value."""
        got = copied(adapter.evaluate(self.function, copied(self.x), self.dtype))
        return answer_vjp(VJP(got, None, None))


@dataclass(frozen=True)
class Replay:
    """An optimizer alone, fed given gradients: weights and state after every step.

    The step stands before the quantity: ("3 weights", "W"). Without ``stateful`` the weights are
    all that is asked for.
    """

    optimizer: Optimizer
    params: Tree
    grads: tuple[Tree, ...]
    dtype: np.dtype[Any]
    blame: tuple[str, int] = ("", 0)
    stateful: bool = True
    mode = "optimizer"

    @property
    def specs(self) -> Specs:
        """The optimizer."""
        return (self.optimizer,)

    @property
    def numbers(self) -> int:
        """Of the gradients of all steps."""
        return cases.numbers_in(self.params) * len(self.grads)

    def vacuous(self, expected: Leaves) -> str:
        """Weights and state that never move."""
        return vacuity.of_updates(expected, self.params)

    def run(self, specs: Specs, arithmetic: Any) -> Values:
        """Every step, one after another."""
        (rule,) = map(arithmetic.hyperparameters, specs)
        p, values = arithmetic.tree(self.params), cast(Values, {})
        state = init_state(rule, p)
        for t, g in enumerate(self.grads, start=1):
            p, state = update(rule, arithmetic.tree(g), state, p, t)
            values |= at_step(t, updated_values(Updated(p, state if self.stateful else {})))
        return values

    def until(self, step: int) -> Replay:
        """The first steps alone."""
        return dataclasses.replace(self, grads=self.grads[:step])

    def begin(self, adapter: Adapter) -> Iterator[Updated]:
        """The candidate's steps."""
        own = adapter.optimize(self.optimizer, copied(self.params), map(copied, self.grads))
        return own if self.stateful else (Updated(done[0], {}) for done in own)

    def ask(self, adapter: Adapter) -> tuple[Values, Values]:
        """All of the candidate's steps; raises RuntimeError where one is missing."""
        values, steps = cast(Values, {}), iter(self.begin(adapter))
        for t in range(1, len(self.grads) + 1):
            try:
                values |= at_step(t, answer_updated(next(steps)))
            except StopIteration:
                raise RuntimeError(f"it stopped before step {t}") from None
        return values, {}


def at_step(t: int, values: Values) -> Values:
    """The values with their step before the quantity."""
    return {(f"{t} {quantity}", leaf): v for (quantity, leaf), v in values.items()}


def vjp_problem(
    spec: Layer | Loss, x: Any, params: Tree, dy: Any, target: Any, dtype: Any, seed: int
) -> NetworkVJP | LossVJP:
    """What ``compare_vjp`` was given, checked and completed; raises CaseError."""
    dtype = cases.check_dtype(dtype, *(a for _, a in leaves((x, params))))
    rng = np.random.default_rng(seed)
    x = cases.draw_input(x, rng, dtype)
    if hasattr(spec, "init"):
        cases.check_spec(spec, "layer")
        if target is not None:
            raise cases.CaseError(f"{spec} is a layer: it takes no target")
        return _network_vjp(cast(Layer, spec), params, x, dy, rng, dtype)
    cases.check_spec(spec, "loss")
    return _loss_vjp(spec, x, target, dy, rng, dtype)


def _network_vjp(
    network: Layer, params: Tree, x: Tree, dy: Any, rng: np.random.Generator,
    dtype: np.dtype[Any],
) -> NetworkVJP:  # fmt: skip
    if params is None:
        params = cases.draw_params(network, rng, dtype)
    params = cases.check_params(network, params, dtype)
    dy = _cotangent(dy, cases.forward(network, params, x), rng, dtype)
    cases.check_integers(network, params, "x", x, dtype)
    given = (*cases.named_params(params), *cases.named_tree("x", x), *cases.named_tree("dy", dy))
    return NetworkVJP(network, params, x, dy, dtype, cases.non_finite(given))


def _loss_vjp(
    loss: Loss, x: Tree, target: Any, dy: Any, rng: np.random.Generator, dtype: np.dtype[Any]
) -> LossVJP:
    if target is None:
        raise cases.CaseError(f"{loss} is a loss: give its target")
    for name, prediction, _ in cases.named_tree("x", x):
        cases.check_floats(name, prediction, dtype)
    target = cases.check_tree("target", target, dtype)
    dy = _cotangent(dy, cases.forward(loss, x, target), rng, dtype)
    given = (("x", x), ("target", target), ("dy", dy))
    blame = cases.non_finite(named for pair in given for named in cases.named_tree(*pair))
    return LossVJP(loss, x, target, dy, dtype, blame)


def evaluation(function: Function, x: Any, dtype: Any) -> Evaluation:
    """What ``compare_function`` was given, checked; raises CaseError."""
    cases.check_spec(function, "function")
    dtype = cases.check_dtype(dtype, *(part for _, part in leaves(x)))
    x = cases.check_tree("x", x, dtype)
    cases.evaluate(function, x)
    return Evaluation(function, x, dtype, cases.non_finite(cases.named_tree("x", x)))


def replay(
    optimizer: Optimizer, params: Tree, grads: Iterable[Tree] | None, steps: int,
    gradient_scale: float, dtype: Any, seed: int,
) -> Replay:  # fmt: skip
    """What ``compare_optimizer`` was given, checked and completed; raises CaseError."""
    cases.check_spec(optimizer, "optimizer")
    rng = np.random.default_rng(seed)
    if params is None:
        draws = {"W": rng.standard_normal((4, 3)), "b": rng.standard_normal(3)}
        params = tree_map(lambda w: w.astype(np.dtype(dtype or np.float64)), draws)
    dtype, params = cases.check_weights(params, dtype)
    if grads is None:
        grads = cases.draw_grads(optimizer, params, steps, gradient_scale, rng)
    grads = cases.check_grads(list(grads), params, dtype)
    blame = cases.non_finite([*cases.named_params(params), *cases.named_grads(grads)])
    return Replay(optimizer, params, tuple(grads), dtype, blame)


def training_run(
    network: Layer, loss: Loss, optimizer: Optimizer, batches: list[Any], params: Tree,
    dtype: Any, seed: int,
) -> tuple[Training, np.dtype[Any]]:  # fmt: skip
    """What ``compare_training`` was given, checked and completed; raises CaseError."""
    for spec, kind in ((network, "layer"), (loss, "loss"), (optimizer, "optimizer")):
        cases.check_spec(spec, kind)
    pairs = cases.check_pairs(batches)
    dtype = cases.check_dtype(dtype, *(a for _, a in leaves((pairs[0][0], params))))
    checked = cases.check_batches(pairs, dtype)
    if params is None:
        params = cases.draw_params(network, np.random.default_rng(seed), dtype)
    params = cases.check_params(network, params, dtype)
    if not any(True for _ in leaves(params)):
        raise cases.CaseError(f"{network} has no parameters: there is nothing to train")
    for t, (x, target) in enumerate(checked, start=1):
        cases.forward(loss, cases.forward(network, params, x), target)
        cases.check_integers(network, params, f"x of batch {t}", x, dtype)
    return Training(network, loss, optimizer, params, checked), dtype


def of_sample(sample: Sample, dtype: Any, seed: Any, steps: int) -> Problem:
    """The question that a sample is: a VJP, so many steps of an optimizer, or a value.

    ``seed`` is that of all that is drawn, as NumPy takes one.
    """
    rng = np.random.default_rng(seed)
    spec, x = sample.spec, as_dtype(sample.x(rng), np.dtype(dtype))
    own = int(rng.integers(2**31))
    if isinstance(spec, Optimizer):
        return replay(spec, {"w": x}, None, steps, sample.gradient_scale, dtype, own)
    if isinstance(spec, Function):
        return evaluation(spec, x, dtype)
    target = as_dtype(sample.target(rng), np.dtype(dtype)) if sample.target else None
    return vjp_problem(spec, x, None, None, target, dtype, own)


def _cotangent(dy: Any, y: Tree, rng: np.random.Generator, dtype: np.dtype[Any]) -> Tree:
    if dy is None:  # transposed in memory: whoever takes it for contiguous shall be seen
        return tree_map(lambda part: np.asarray(rng.standard_normal(part.shape[::-1]), dtype).T, y)
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
