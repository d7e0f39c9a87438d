"""What a layer, a loss and an optimizer are: frozen hyperparameters and pure functions.

Shapes are written as in the files below this folder: N is the batch, (..., I) any leading axes.
In code dy, dx and dW are cotangents: dy is ∂L/∂y.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Tree = Any  # an Array, or a dict or tuple of Trees; leaves have dotted paths such as "0.W"
Scalar = float | Array
Residuals = tuple[Any, ...]  # exactly what backward needs, packed on forward's last line
Draw = Callable[[np.random.Generator], Tree]
TIE = ("finite_differences", "complex_step")  # the oracles that differ where max(a, b) ties


@dataclass(frozen=True)
class Sample:
    """One setting that the tests run: a spec, and how to draw its input (and its target).

    ``x`` draws a layer's or function's input, a loss's prediction, or the weights an optimizer
    starts from.
    ``target`` is for losses; ``gradient_scale`` for optimizers. ``kink`` names the oracles and
    frameworks that must differ in dx, because x is exactly where the slope jumps:
    "finite_differences" takes the mean of both slopes, "complex_step" the one to the left.
    ``place`` says in words where x lies, where that is a place of a known divergence.
    """

    spec: Any
    x: Draw
    target: Draw | None = None
    gradient_scale: float = 1.0
    kink: tuple[str, ...] = ()
    place: str = ""

    def case(self, candidate: str, number: str = "") -> str:
        """The spec and the place of x, as the known divergences of the candidate name them."""
        place = "at its kink" if candidate in self.kink else self.place
        return " ".join(filter(None, (str(self.spec), number, place)))


@runtime_checkable
class Layer(Protocol):
    """A differentiable function of parameters and an input; networks are layers too.

    x and y are arrays, or tuples of them where a layer has several inputs (a sequence and its
    initial state) or outputs. Where x holds integers or masks, dx is None.
    """

    def __hash__(self) -> int:
        """A frozen dataclass has one; compiled functions are kept by it."""

    def init(self, rng: np.random.Generator) -> Tree:
        """Draw the parameters: a dict of arrays, or a tuple of trees for a combinator."""

    def forward(self, params: Tree, x: Any) -> tuple[Any, Residuals]:
        """The primal: y, and the residuals that backward will need."""

    def backward(self, residuals: Residuals, dy: Any) -> tuple[Any, Tree]:
        """The VJP: dy to dx and to dparams, which has the paths and shapes of params."""

    @staticmethod
    def samples() -> Iterator[Sample]:
        """Settings and inputs of awkward sizes on which every adapter is compared."""


@runtime_checkable
class Loss(Protocol):
    """A function of a prediction and a target, each an array or a tuple of arrays.

    Its value is 0-d, or one number for each sample where a loss is not reduced.
    """

    def __hash__(self) -> int:
        """As for a layer."""

    def forward(self, prediction: Any, target: Any) -> tuple[Array, Residuals]:
        """The loss as a 0-d value, and the residuals."""

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Any:
        """The cotangent of the prediction, scaled by the upstream cotangent dloss."""

    @staticmethod
    def samples() -> Iterator[Sample]:
        """Predictions and targets of awkward sizes and values."""


@runtime_checkable
class Optimizer(Protocol):
    """The update rule for one array; ``tree_map`` lifts it to a network. Steps count from 1."""

    def __hash__(self) -> int:
        """As for a layer."""

    def init(self, w: Array) -> dict[str, Array]:
        """The state before the first step: named arrays, of w's shape or smaller, or none."""

    def update(
        self, g: Array, state: dict[str, Array], w: Array, t: int
    ) -> tuple[Array, dict[str, Array]]:
        """New weights and new state from the gradient g at step t."""

    @staticmethod
    def samples() -> Iterator[Sample]:
        """Hyperparameter settings and gradient scales."""


@runtime_checkable
class Function(Protocol):
    """What is compared but not differentiated: a learning-rate schedule, or a transform."""

    def __hash__(self) -> int:
        """As for a layer."""

    def __call__(self, x: Any, /) -> Any:
        """y from x; for a schedule, the rates of the updates t from their numbers, from 1."""

    @staticmethod
    def samples() -> Iterator[Sample]:
        """Settings, and inputs on which implementations are known to differ."""


@runtime_checkable
class Initialiser(Protocol):
    """The distribution that a weight is drawn from before the first step.

    ``independent`` says whether the entries of one weight are.
    """

    independent: ClassVar[bool]

    def __hash__(self) -> int:
        """As for a layer."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """A weight of that shape, float64: (I, O) of Dense, (O, I, K, ...) of a convolution."""

    @staticmethod
    def samples() -> Iterator[Sample]:
        """Settings, each with a shape."""


def gradient(layer: Layer, residuals: Residuals, dy: Any) -> Tree:
    """dparams without dx, by the layer's own ``gradient`` where it has one.

    Training needs no cotangent of the data, which may cost a wide first layer a third of its work.
    """
    own = getattr(layer, "gradient", None)
    return own(residuals, dy) if own else layer.backward(residuals, dy)[1]


def expect(ok: bool, spec: Any, wanted: str, got: Array) -> None:
    """Raise ValueError naming the spec, the shape it wants and the shape it got."""
    if not ok:
        raise ValueError(f"{spec} takes {wanted}, got an array of shape {tuple(got.shape)}")
