"""The numbers of random comparisons: data that makes life hard, and a few steps of training.

Everything is drawn from a base seed. Shapes belong to the architecture and numbers to the case, so
that JAX compiles an architecture once for all of its cases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...reference import discovery
from ...reference.losses.binary_cross_entropy import BinaryCrossEntropy
from ...reference.losses.cross_entropy import CrossEntropy
from ...reference.losses.huber_loss import HuberLoss
from ...reference.losses.l1_loss import L1Loss
from ...reference.losses.mean_squared_error import MeanSquaredError
from ...reference.losses.smooth_l1_loss import SmoothL1Loss
from ...reference.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from ...reference.losses.squared_hinge import SquaredHinge
from ...reference.protocols import Array, Loss, Optimizer, Tree
from ...reference.tree import as_dtype, leaves, tree_map
from ..cases import draw_params
from .architectures import Architecture, Rng, Shape

Of = tuple[Callable[[Rng, Array], Array], Callable[[Rng, Shape], Array]]  # weights, input


def _same(rng: Rng, w: Array) -> Array:
    return w


def _normal(rng: Rng, shape: Shape) -> Array:
    return rng.standard_normal(shape)


def _repeated(rng: Rng, shape: Shape) -> Array:
    return np.repeat(_normal(rng, (1, *shape[1:])), shape[0], 0)


STRESSES: dict[str, Of] = {
    "plain": (_same, _normal),
    "scaled": (_same, lambda rng, shape: 10 ** rng.uniform(-6, 6) * _normal(rng, shape)),
    "saturated": (lambda rng, w: 8 * w, _normal),
    "zeros": (_same, lambda rng, shape: _normal(rng, shape) * (rng.random(shape) > 0.7)),
    "duplicates": (_same, _repeated),
    "offset": (_same, lambda rng, shape: _normal(rng, shape) + 10 ** rng.uniform(1, 4)),
    "integers": (
        lambda rng, w: np.round(2 * w),
        lambda rng, shape: rng.integers(-3, 4, shape).astype(np.float64),
    ),
    "tiny": (lambda rng, w: 1e-3 * w, _normal),
    "wild": (lambda rng, w: w * np.exp(rng.uniform(-3, 3, w.shape)), _normal),
}
EXACT = ("zeros", "integers")  # these put numbers exactly on a kink
# Of these, the ones under which a step of usual rates does not drive the weights to infinity.
IN_TRAINING = ("plain", "zeros", "duplicates", "integers", "tiny")


@dataclass(frozen=True)
class Case:
    """One random network: an architecture, a kind of stress, and its numbers in float64."""

    architecture: Architecture
    stress: str
    seed: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.architecture.name}, {self.stress}, {self.seed}"

    def draw(self, dtype: Any) -> tuple[Tree, Tree]:
        """The parameters and the input, the same in every precision but for rounding."""
        rng = np.random.default_rng(self.seed)
        of_params, of_data = STRESSES[self.stress]
        params = draw_params(self.architecture.network, rng, np.dtype(np.float64))
        params = tree_map(lambda w: of_params(rng, w), params)
        own = self.architecture.draw
        x = own(rng) if own else of_data(rng, self.architecture.shape)
        return as_dtype(params, dtype), as_dtype(x, dtype)


def _bearable(architecture: Architecture, stresses: Iterable[str]) -> list[str]:
    """Those under which implementations agree on the subgradient that they take."""
    ties = EXACT if architecture.differs_at_ties else ()
    return [stress for stress in stresses if stress not in ties]


def cases_of(architecture: Architecture, seed: tuple[int, int], each: int) -> Iterator[Case]:
    """``each`` random cases of an architecture, through all kinds of stress in turn."""
    stresses = _bearable(architecture, STRESSES)
    for k in range(each):
        yield Case(architecture, stresses[(seed[1] + k) % len(stresses)], (*seed, k))


def cases(some: Iterable[Architecture], base: int, each: int) -> Iterator[Case]:
    """``each`` random cases of every architecture."""
    for i, architecture in enumerate(some):
        yield from cases_of(architecture, (base, i), each)


# Training

LABELS = (SoftmaxCrossEntropy(), CrossEntropy(label_smoothing=0.1))
LOSSES: tuple[Loss, ...] = (
    MeanSquaredError(), *LABELS, BinaryCrossEntropy(), L1Loss(), SmoothL1Loss(), HuberLoss(),
    SquaredHinge(),
)  # fmt: skip


def rules() -> list[Optimizer]:
    """Every optimizer that takes arrays of any number of axes, at a small rate."""
    found = []
    for name, cls in discovery.optimizers().items():
        fields = getattr(cls, "__dataclass_fields__", {})
        given = {"lr": 0.01} if "lr" in fields else {}
        if name == "Adafactor":
            given["eps1"] = 1e-10  # the square of the default is 0 in float32, and torch's step NaN
        if name != "Muon":
            found.append(cls(**given))
    return found


def target(loss: Loss, y: Array, rng: Rng) -> Array:
    """What a loss may be asked for, for predictions like y."""
    if loss in LABELS:
        return rng.integers(0, y.shape[-1], y.shape[:-1])
    if isinstance(loss, BinaryCrossEntropy):
        return rng.uniform(size=y.shape)
    drawn = rng.standard_normal(y.shape)
    return np.where(drawn > 0, 1.0, -1.0) if isinstance(loss, SquaredHinge) else drawn


@dataclass(frozen=True)
class Training:
    """A few steps of one random network, with its loss, its optimizer and its batches."""

    case: Case
    loss: Loss
    optimizer: Optimizer
    steps: int

    def __str__(self) -> str:
        return f"{self.case}, {self.loss}, {self.optimizer}"

    def batches(self, dtype: Any) -> list[tuple[Tree, Tree]]:
        """A batch for each step, drawn under the case's stress."""
        rng = np.random.default_rng((*self.case.seed, 2))
        params, x = self.case.draw(np.float64)
        y, _ = self.case.architecture.network.forward(params, x)
        own, shape = self.case.architecture.draw, self.case.architecture.shape
        drawn = []
        for _ in range(self.steps):
            x = own(rng) if own else STRESSES[self.case.stress][1](rng, shape)
            drawn.append((as_dtype(x, dtype), as_dtype(target(self.loss, y, rng), dtype)))
        return drawn


def trainings_of(
    architecture: Architecture, seed: tuple[int, int], each: int
) -> Iterator[Training]:
    """``each`` runs of a network, if it has parameters; losses and optimizers come in turn."""
    if not any(True for _ in leaves(architecture.network.init(np.random.default_rng(0)))):
        return
    i, optimizers = seed[1], rules()
    stresses = _bearable(architecture, IN_TRAINING)
    for k in range(each):
        case = Case(architecture, stresses[(i + k) % len(stresses)], (*seed, k, 1))
        loss, rule = LOSSES[i % len(LOSSES)], optimizers[i % len(optimizers)]
        yield Training(case, loss, rule, steps=2 + i % 3)


def trainings(some: Iterable[Architecture], base: int, each: int) -> Iterator[Training]:
    """``each`` runs of every network that can be trained."""
    for i, architecture in enumerate(some):
        yield from trainings_of(architecture, (base, i), each)
