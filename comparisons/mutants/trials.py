"""A trial: one setting of one spec, and what a test can ask of an implementation there.

An implementation is a ``Change``: what makes the right spec into the one under test. A usual test
takes an ``answer`` (numbers to compare), a run of ``losses`` (does it learn?), or the Jacobian that
``styles`` takes apart; the suite's own test takes ``compare``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ...adapters.numpy_reference import NumpyReference
from ...adapters.protocols import VJP, Adapter
from ...reference.optimizers.adam import Adam
from ...reference.optimizers.sgd import SGD
from ...reference.protocols import Array, Draw, Layer, Loss, Optimizer, Residuals, Sample, Tree
from ...reference.training import Step, init_state, update
from ...reference.tree import as_dtype, leaves, tree_map
from ..candidates import vjp_values
from ..cases import draw_params
from ..compare import compare_training
from ..job import compare_sample
from ..tolerances import Values

if TYPE_CHECKING:
    import pandas as pd

Change = Callable[[Any], Any]
X = 1  # the stream of random numbers that x comes from, in the suite's own comparison as well
RATES = (1e-3, 1e-2, 1e-1, 1.0)  # a learning rate is tuned on the right optimizer, as people do
Grad = Callable[[Tree], tuple[float, Tree]]  # weights to the loss and its gradient


class NotApplicable(Exception):
    """This style of test has nothing to run here; the message says why."""


class Trial:
    """What every kind of trial can be asked for; by default, nothing but its name."""

    seed: int

    @property
    def spec(self) -> Any:
        """The right layer, loss, optimizer, schedule, transform, initialiser or training loop."""
        raise NotImplementedError

    @property
    def label(self) -> str:
        """The setting in words."""
        return str(self.spec)

    def compare(self, adapters: Sequence[Adapter], dtype: str) -> pd.DataFrame:
        """The suite's own comparison."""
        raise NotImplementedError

    def answer(self, change: Change, dtype: str, ones: bool = False) -> Values:
        """The numbers that a test would compare; ``ones``: the cotangent of y.sum()."""
        raise NotApplicable(f"{self.label} has no numbers of its own")

    def losses(self, change: Change, steps: int) -> list[float]:
        """The losses of a short training that uses the implementation."""
        raise NotApplicable(f"nothing is trained with {self.label} alone")

    def _rng(self, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, stream])


@dataclass(frozen=True, eq=False)
class SampleTrial(Trial):
    """One sample. ``fresh``: a layer's parameters at their initial values, as in most tests."""

    sample: Sample
    fresh: bool = False
    seed: int = 0

    @property
    def spec(self) -> Any:
        """The sample's."""
        return self.sample.spec

    def compare(self, adapters: Sequence[Adapter], dtype: str) -> pd.DataFrame:
        """The suite's own comparison."""
        return compare_sample(
            self.sample, dtype=dtype, adapters=adapters, seed=self.seed, params=self._params(dtype)
        )

    def _params(self, dtype: str) -> Tree:
        """A layer's parameters, where they are not to be drawn away from their initial values."""
        return None


@dataclass(frozen=True)
class Differentiable:
    """An implementation as a function of the float arrays that it is given, by path."""

    start: dict[str, Array]
    forward: Callable[[dict[str, Array]], tuple[Tree, Residuals]]
    backward: Callable[[Residuals, Tree], dict[str, Array]]


class LayerTrial(SampleTrial):
    """A layer: y and its cotangents; it learns to give what it gave for other numbers."""

    def _params(self, dtype: str) -> Tree:
        return as_dtype(self.spec.init(self._rng(4)), dtype) if self.fresh else None

    def given(self, dtype: str, stream: int = X) -> tuple[Tree, Tree]:
        """The parameters and x."""
        rng = self._rng(stream)
        x = as_dtype(self.sample.x(rng), dtype)
        return self._params(dtype) or draw_params(self.spec, rng, np.dtype(dtype)), x

    def differentiable(self, change: Change) -> Differentiable:
        """The layer as a function of its parameters and of x."""
        layer, start = change(self.spec), self.given("float64")
        return Differentiable(
            _floats(start),
            lambda free: layer.forward(*_with_floats(start, free)),
            lambda residuals, dy: dict(leaves(layer.backward(residuals, dy)[::-1])),
        )

    def answer(self, change: Change, dtype: str, ones: bool = False) -> Values:
        """y, dx and every dparams, for a random cotangent or for one of ones."""
        layer, (params, x), rng = change(self.spec), self.given(dtype), self._rng(5)
        y, residuals = layer.forward(params, x)

        def draw(part: Array) -> Array:
            return np.ones_like(part) if ones else as_dtype(rng.standard_normal(part.shape), dtype)

        return vjp_values(VJP(y, *layer.backward(residuals, tree_map(draw, y))))

    def losses(self, change: Change, steps: int) -> list[float]:
        """Half the squared distance from y to a goal, x and the parameters being free."""
        f, (_, x) = self.differentiable(change), self.given("float64", stream=2)
        goal, _ = self.spec.forward(draw_params(self.spec, self._rng(3), np.dtype(float)), x)

        def loss(free: dict[str, Array]) -> tuple[float, Tree]:
            y, residuals = f.forward(free)
            off = tree_map(np.subtract, y, goal)
            gradient = f.backward(residuals, off)
            value = sum(float((part * part).sum()) / 2 for _, part in leaves(off))
            return value, {path: gradient[path] for path in free}

        return _trained(loss, f.start, steps)


class LossTrial(SampleTrial):
    """A loss: its value and its gradient; the prediction itself is trained."""

    def given(self, dtype: str) -> tuple[Tree, Tree]:
        """The prediction and the target."""
        rng, sample = self._rng(X), self.sample
        prediction = as_dtype(sample.x(rng), dtype)
        return prediction, as_dtype(sample.target(rng), dtype) if sample.target else None

    def differentiable(self, change: Change) -> Differentiable:
        """The loss as a function of the prediction."""
        loss, (start, target) = change(self.spec), self.given("float64")
        return Differentiable(
            _floats(start),
            lambda free: loss.forward(_with_floats(start, free), target),
            lambda residuals, dloss: dict(leaves(loss.backward(residuals, dloss))),
        )

    def answer(self, change: Change, dtype: str, ones: bool = False) -> Values:
        """The value and its gradient: few pass a test's loss another cotangent than 1."""
        loss = change(self.spec)
        value, residuals = loss.forward(*self.given(dtype))
        return vjp_values(VJP(value, loss.backward(residuals, np.ones_like(value)), {}))

    def losses(self, change: Change, steps: int) -> list[float]:
        """The loss of a prediction that goes down its gradient."""
        f = self.differentiable(change)

        def loss(free: dict[str, Array]) -> tuple[float, Tree]:
            value, residuals = f.forward(free)
            return float(np.sum(value)), f.backward(residuals, np.ones_like(value))

        return _trained(loss, f.start, steps)


class OptimizerTrial(SampleTrial):
    """An optimizer: the weights after every step; it minimises the error of a regression."""

    STEPS = 6

    def answer(self, change: Change, dtype: str, ones: bool = False) -> Values:
        """The weights after every step. The state is the optimizer's own business, they say."""
        rule, w = change(self.spec), as_dtype(self.sample.x(self._rng(X)), dtype)
        state, values = init_state(rule, w), cast(Values, {})
        for t, g in enumerate(self._gradients(w), start=1):
            w, state = update(rule, g, state, w, t)
            values |= {("weights", f"{t} {leaf}".strip()): part for leaf, part in leaves(w)}
        return values

    def _gradients(self, w: Tree) -> Iterator[Tree]:
        """As in the golden tests of Keras: 0.01, then 0.1, 0.2, ... again and again."""
        if not self.fresh:
            rng, scale = self._rng(5), self.sample.gradient_scale
            for _ in range(20):
                yield tree_map(
                    lambda part: (scale * rng.standard_normal(part.shape)).astype(part.dtype), w
                )
            return
        yield np.full_like(w, 0.01)
        for _ in range(self.STEPS - 1):
            yield np.linspace(0.1, w.size / 10, w.size, dtype=w.dtype).reshape(w.shape)

    def losses(self, change: Change, steps: int) -> list[float]:
        """The losses of a regression, with the learning rate that suits the right optimizer."""
        if not hasattr(self.spec, "lr"):
            raise NotApplicable(f"{self.label} has no learning rate of its own")
        rule = change(dataclasses.replace(self.spec, lr=self._rate))
        return _trained(_regression, np.zeros((5, 2)), steps, rule)

    @cached_property
    def _rate(self) -> float:
        def last(rate: float) -> float:
            rule = dataclasses.replace(self.spec, lr=rate)
            return _trained(_regression, np.zeros((5, 2)), 100, rule)[-1]

        return min(RATES, key=lambda rate: np.nan_to_num(last(rate), nan=np.inf))


class FunctionTrial(SampleTrial):
    """A schedule or a transform: its values; both can be used in the training of a regression."""

    def answer(self, change: Change, dtype: str, ones: bool = False) -> Values:
        """The rates, or what becomes of the gradients."""
        x = as_dtype(self.sample.x(self._rng(X)), dtype)
        return vjp_values(VJP(change(self.spec)(x), None, None))

    def losses(self, change: Change, steps: int) -> list[float]:
        """The losses of a regression by gradient descent, at the rates or with the gradients."""
        function, x = change(self.spec), self.sample.x(self._rng(X))
        if not isinstance(x, tuple):  # the numbers of updates
            rates = np.asarray(function(np.arange(1, steps + 1)), np.float64)
            if x.dtype.kind == "f" or rates.max() > 100:
                raise NotApplicable(f"{self.label} gives no learning rates")
            return _trained(_regression, np.zeros((5, 2)), steps, _Rates(tuple(rates)))
        if any(part.dtype.kind != "f" for part in x):
            raise NotApplicable(f"{self.label} takes the gradients of micro-batches")

        def clipped(w: Tree) -> tuple[float, Tree]:
            value, g = _regression(w)
            return value, function((g,))[0]

        return _trained(clipped, np.zeros((5, 2)), steps, SGD(0.1))


class InitialiserTrial(SampleTrial):
    """An initialiser: usual tests of one look at its spread, and are not among those here."""


@dataclass(frozen=True, eq=False)
class LoopTrial(Trial):
    """A training loop: its losses, and the weights after every step."""

    network: Layer
    loss: Loss
    optimizer: Optimizer
    batches: Draw
    seed: int = 0

    @property
    def spec(self) -> NumpyReference:
        """The right loop."""
        return NumpyReference()

    @property
    def label(self) -> str:
        """The setting in words."""
        return f"{self.network}, {self.optimizer}"

    def _steps(self, change: Change, dtype: str, epochs: int = 1) -> Iterator[Step]:
        batches = as_dtype(self.batches(self._rng(X)), dtype) * epochs
        params = draw_params(self.network, self._rng(4), np.dtype(dtype))
        loop: NumpyReference = change(self.spec)
        return loop.train(self.network, self.loss, self.optimizer, params, batches)

    def compare(self, adapters: Sequence[Adapter], dtype: str) -> pd.DataFrame:
        """The suite's own comparison, in lockstep and free-running."""
        batches = as_dtype(self.batches(self._rng(X)), dtype)
        return compare_training(
            self.network, self.loss, self.optimizer, batches=batches, adapters=adapters,
            dtype=dtype, seed=self.seed,
        )  # fmt: skip

    def answer(self, change: Change, dtype: str, ones: bool = False) -> Values:
        """The weights after every step."""
        steps = self._steps(change, dtype)
        return {(f"{done.t}", leaf): w for done in steps for leaf, w in leaves(done.params)}

    def losses(self, change: Change, steps: int) -> list[float]:
        """The losses that the loop reports."""
        run = self._steps(change, "float64", epochs=-(-steps // 5))
        return [float(done.loss) for done in run][:steps]


# What the short trainings share


@dataclass(frozen=True)
class _Rates:
    """Gradient descent at given rates."""

    rates: tuple[float, ...]

    def init(self, w: Array) -> dict[str, Array]:
        return {}

    def update(
        self, g: Array, state: dict[str, Array], w: Array, t: int
    ) -> tuple[Array, dict[str, Array]]:
        return w - self.rates[t - 1] * g, state


ADAM = Adam(0.05)


def _trained(grad: Grad, start: Tree, steps: int, rule: Any = ADAM) -> list[float]:
    """The losses at the start and after every step of the rule."""
    w, state, losses = start, init_state(rule, start), []
    for t in range(1, steps + 1):
        value, g = grad(w)
        losses.append(value)
        w, state = update(rule, g, state, w, t)
    return [*losses, grad(w)[0]]


def _regression(w: Array) -> tuple[float, Array]:
    """The mean squared error of a linear regression with ten weights, and its gradient."""
    rng = np.random.default_rng(0)
    x, goal = rng.standard_normal((30, w.size)), rng.standard_normal(w.size)
    off = x @ (w.ravel() - goal)
    return float(off @ off) / len(x), (2 * x.T @ off / len(x)).reshape(w.shape)


def _floats(tree: Tree) -> dict[str, Array]:
    return {path: part for path, part in leaves(tree) if part.dtype.kind == "f"}


def _with_floats(tree: Tree, floats: dict[str, Array]) -> Tree:
    """The tree with its float arrays replaced, integers and masks as they are."""
    paths = iter([path for path, _ in leaves(tree)])
    return tree_map(lambda part: floats.get(next(paths), part), tree)
