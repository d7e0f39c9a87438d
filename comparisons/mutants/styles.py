"""Styles of testing: the suite's own, and the usual ones, written as people write them.

Each answers one question about an implementation on one trial: is it caught? The usual ones never
see the computed tolerances. A test that the right implementation itself fails is of no use, and
``score`` leaves it out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np

from ...reference.protocols import Array, Residuals, Tree
from ...reference.tree import as_dtype, leaves, tree_map
from ..tolerances import Values
from .registry import Mutant
from .substitution import adapter, substitute
from .trials import Change, Differentiable, LayerTrial, LossTrial, NotApplicable, Trial


class Seen(NamedTuple):
    """Whether a test fails, and by what; ``difference`` is the largest normwise error seen."""

    caught: bool
    noise_ratio: float = math.nan
    difference: float = math.nan


class Style(Protocol):
    """One way to test an implementation. Raises NotApplicable where there is nothing to run."""

    @property
    def name(self) -> str:
        """In a word."""

    @property
    def description(self) -> str:
        """What it compares, and within what."""

    def judge(self, mutant: Mutant, trial: Trial) -> Seen:
        """Whether the test fails for the mutant; what it raises makes the test fail, too."""

    def __hash__(self) -> int:
        """Styles are frozen, and what the right implementation does under one is kept."""


@dataclass(frozen=True)
class Computed:
    """The suite's own comparison; a mismatch, or an error, catches."""

    name: str
    dtype: str

    @property
    def description(self) -> str:
        """What it compares, and within what."""
        return f"every quantity within computed tolerances, random cotangents, {self.dtype}"

    def judge(self, mutant: Mutant, trial: Trial) -> Seen:
        """Caught by a mismatch; the noise ratio is the largest of all rows."""
        rows = trial.compare([adapter(mutant)], self.dtype)
        caught = bool((rows["verdict"] == "mismatch").any())
        ratios = rows["noise_ratio"]
        worst = math.inf if caught and not (ratios > rows["allowed"]).any() else ratios.max()
        return Seen(caught, float(worst), float(rows["normwise_error"].max()))


class UsualTest:
    """A test that passes or fails, for the right implementation as for a wrong one."""

    def judge(self, mutant: Mutant, trial: Trial) -> Seen:
        """Caught where the test fails or the implementation raises."""

        def change(spec: Any) -> Any:
            return substitute(spec, mutant.target, mutant.make)

        try:
            with np.errstate(all="ignore"):
                return Seen(not self.passes(change, trial))
        except NotApplicable:
            raise
        except Exception:
            return Seen(True)

    def passes(self, change: Change, trial: Trial) -> bool:
        """Whether the test passes."""
        raise NotImplementedError


def right(spec: Any) -> Any:
    """The right implementation, as a change."""
    return spec


def close(a: Values, b: Values, rtol: float, atol: float) -> bool:
    """numpy.allclose at every leaf; leaves and shapes are the same, and nothing is NaN."""
    return a.keys() == b.keys() and all(
        np.shape(a[key]) == np.shape(b[key]) and np.allclose(a[key], b[key], rtol, atol)
        for key in b
    )


@dataclass(frozen=True)
class GoldenVector(UsualTest):
    """Recorded numbers."""

    name: ClassVar[str] = "golden"
    description: ClassVar[str] = "outputs and gradients recorded to four places, within 5e-4"

    def passes(self, change: Change, trial: Trial) -> bool:
        """Close to what the right implementation gave when the test was written."""
        record = {k: np.round(v, 4) for k, v in trial.answer(right, "float64").items()}
        return close(trial.answer(change, "float64"), record, rtol=5e-4, atol=5e-4)


@dataclass(frozen=True)
class AllClose(UsualTest):
    """Another implementation's numbers, within a framework's default tolerances."""

    name: str
    description: str
    dtype: str
    rtol: float
    atol: float
    by_size: bool = False  # JAX multiplies both by the number of entries
    ones: bool = False

    def passes(self, change: Change, trial: Trial) -> bool:
        """Close to the right numbers, computed in float64."""
        if self.ones and not isinstance(trial, LayerTrial | LossTrial):
            raise NotApplicable(f"{trial.label} has no cotangent")
        wanted = as_dtype(trial.answer(right, "float64", self.ones), self.dtype)
        got = trial.answer(change, self.dtype, self.ones)
        return got.keys() == wanted.keys() and all(
            close({key: got[key]}, {key: wanted[key]}, self.rtol * size, self.atol * size)
            for key in wanted
            for size in [np.size(wanted[key]) if self.by_size else 1]
        )


@dataclass(frozen=True)
class Gradcheck(UsualTest):
    """torch.autograd.gradcheck with its defaults, in float64."""

    name: ClassVar[str] = "gradcheck"
    description: ClassVar[str] = "its backward against central differences of its own forward"
    eps: float = 1e-6
    atol: float = 1e-5
    rtol: float = 1e-3

    def passes(self, change: Change, trial: Trial) -> bool:
        """Every column of the Jacobian, and zero in, zero out."""
        if not isinstance(trial, LayerTrial | LossTrial):
            raise NotApplicable(f"{trial.label} has no backward pass")
        f = trial.differentiable(change)
        y, residuals = f.forward(f.start)
        silent = f.backward(residuals, tree_map(np.zeros_like, y))
        return all(not np.any(silent[path]) for path in f.start) and all(
            np.allclose(analytic[path], numeric, self.rtol, self.atol)
            for analytic in [_analytic(f, residuals, y), _analytic(f, residuals, y)]
            for path, numeric in self._numeric(f).items()
        )

    def _numeric(self, f: Differentiable) -> dict[str, Array]:
        """∂y/∂w for every free w: a row for each entry of w, a column for each of y."""
        jacobian = {}
        for path, w in f.start.items():
            steps = self.eps * np.eye(w.size).reshape(w.size, *w.shape)
            ends = ((f.start | {path: w + sign * step} for sign in (1, -1)) for step in steps)
            rows = [np.subtract(*(_flat(f.forward(end)[0]) for end in pair)) for pair in ends]
            jacobian[path] = np.array(rows) / (2 * self.eps)
        return jacobian


def _analytic(f: Differentiable, residuals: Residuals, y: Tree) -> dict[str, Array]:
    """The same by the backward pass, one entry of y at a time."""
    size = _flat(y).size
    columns = [f.backward(residuals, _shaped(y, one)) for one in np.eye(size)]
    return {path: np.array([_flat(c[path]) for c in columns]).T for path in f.start}


def _flat(tree: Tree) -> Array:
    return np.concatenate([np.ravel(part) for _, part in leaves(tree)])


def _shaped(like: Tree, flat: Array) -> Tree:
    """The flat array cut and shaped like the leaves of a tree."""
    ends = np.cumsum([np.size(part) for _, part in leaves(like)])
    parts = iter(np.split(flat, ends[:-1]))
    return tree_map(lambda part: next(parts).reshape(np.shape(part)), like)


@dataclass(frozen=True)
class Converges(UsualTest):
    """A short training must end below a threshold, chosen when the right implementation ran."""

    name: ClassVar[str] = "converges"
    description: ClassVar[str] = "200 steps of training reach nine tenths of what is to be reached"
    steps: int = 200
    share: float = 0.9

    def passes(self, change: Change, trial: Trial) -> bool:
        """The last loss is below the threshold."""
        first, *_, last = trial.losses(right, self.steps)
        if not last < first:
            raise NotApplicable(f"training gets nowhere with {trial.label}")
        return trial.losses(change, self.steps)[-1] <= first - self.share * (first - last)


@dataclass(frozen=True)
class LossFell(UsualTest):
    """A few steps of training must lower the loss."""

    name: ClassVar[str] = "loss-fell"
    description: ClassVar[str] = "the loss is lower after ten steps than before them"
    steps: int = 10

    def passes(self, change: Change, trial: Trial) -> bool:
        """The last loss is below the first."""
        first, *_, last = trial.losses(change, self.steps)
        return last < first


USUAL: tuple[Style, ...] = (
    LossFell(),
    Converges(),
    GoldenVector(),
    AllClose("assert_close", "torch.testing.assert_close in float32", "float32", 1.3e-6, 1e-5),
    AllClose("allclose", "numpy.allclose in float64", "float64", 1e-5, 1e-8),
    AllClose("check_close", "jax's check_close with the tolerances of check_grads in float32, "
             "2e-3 times the number of entries", "float32", 2e-3, 2e-3, by_size=True),
    AllClose("ones", "the gradient of y.sum(), by torch.testing.assert_close in float64",
             "float64", 1e-7, 1e-7, ones=True),
    Gradcheck(),
)  # fmt: skip
OWN: tuple[Style, ...] = (
    Computed("backproof", "float64"), Computed("backproof-float32", "float32"),
)  # fmt: skip
STYLES = {style.name: style for style in (*OWN, *USUAL)}
