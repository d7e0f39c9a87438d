"""Forward mode and second order: how fast every step moves along a direction.

The reference has no forward mode. Its own code, run a complex step away from where it is, gives
the rate of every number exactly (adapters/finite_differences.py): of each step of the forward pass
its tangent, of each gradient the product of the Hessian with the direction. Forward and reverse
mode must agree: the loss's rate is the gradient times the direction. A Hessian is symmetric.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ...adapters.finite_differences import moved_along, rate
from ...adapters.protocols import Unsupported
from ...adapters.tracing import Tracer
from ...reference.protocols import Array, Tree
from ...reference.tree import leaves, tree_map
from .ledger import Ledger, add_events, of_reference
from .matching import RTOL
from .problem import CANNOT, Case, Problem, first_line, named
from .steps import Program, record


def directions(case: Case, seed: int) -> tuple[Tree, Tree]:
    """Random tangents of params and x; None for integers."""
    rng = np.random.default_rng([seed, 7])

    def draw(a: Array) -> Array | None:
        return rng.standard_normal(a.shape) if a.dtype.kind == "f" else None

    return tree_map(draw, case[0]), tree_map(draw, case[1])


def gradient(problem: Problem, params: Tree, x: Tree, target: Tree) -> tuple[Tree, Tree]:
    """The reference's dx and dparams of the loss."""
    y, residuals = problem.network.forward(params, x)
    dy = problem.loss.backward(problem.loss.forward(y, target)[1])
    dx, dparams = problem.network.backward(residuals, dy)
    return dx, dparams


@dataclass(frozen=True)
class ForwardMode:
    """A ledger of tangents. ``rates``: the loss's, by every implementation that has one.

    ``by_gradient`` is the reference's gradient times the direction: reverse mode's answer.
    """

    ledger: Ledger
    rates: dict[str, float]
    by_gradient: float

    @property
    def disagreement(self) -> float:
        """The largest relative difference of a rate from reverse mode's."""
        size = abs(self.by_gradient) or 1.0
        return max((abs(r - self.by_gradient) / size for r in self.rates.values()), default=0.0)


def forward_mode(
    problem: Problem, tracers: dict[str, Tracer], unfused: bool = False
) -> ForwardMode:
    """Every step's tangent along a random direction of all parameters and inputs.

    Raises Unsupported where the reference cannot run on complex numbers.
    """
    runs = [*problem.draws, problem.shown]
    tangents = [directions(case, i) for i, case in enumerate(runs)]
    programs = [_tangents(problem, case, t) for case, t in zip(runs, tangents, strict=True)]
    ledger = of_reference(
        programs, [_dotted(case, t) for case, t in zip(runs, tangents, strict=True)]
    )
    rates = {"numpy": float(programs[-1].passed[-1].step.value.sum())}  # the loss is the last
    for name, tracer in tracers.items():
        try:
            events = [
                tracer.trace_jvp(problem.network, problem.loss, *case, t, unfused=unfused)
                for case, t in zip(runs, tangents, strict=True)
            ]
        except CANNOT as error:
            ledger.skipped[name] = first_line(error)
            continue
        rates[name] = float(events[-1][-1].value)
        add_events(ledger, name, events)
    dx, dparams = gradient(problem, *problem.shown)
    return ForwardMode(
        ledger, rates, _times(dparams, tangents[-1][0]) + _times(dx, tangents[-1][1])
    )


def _tangents(problem: Problem, case: Case, tangents: tuple[Tree, Tree]) -> Program:
    params, x = (moved_along(a, t) for a, t in zip(case[:2], tangents, strict=True))
    program = record(problem.network, problem.loss, params, x, case[2], only_forward=True)
    for step in program.steps:
        step.value = rate(step.value)
    return program


def _dotted(case: Case, tangents: tuple[Tree, Tree]) -> Tree:
    """The tangents that are given, under the names of what they belong to."""
    return named(*tangents, tree_map(np.zeros_like, case[2]))


def _times(one: Tree, other: Tree) -> float:
    """<one, other>, over all leaves that both have."""
    second = dict(leaves(other))
    return float(sum((a * second[k]).sum() for k, a in leaves(one) if k in second))


@dataclass(frozen=True)
class SecondOrder:
    """The Hessian of the loss in the parameters times a direction v, by leaf.

    ``products`` has a tree for each implementation that can. ``tolerance`` is how far they may be
    off, relative to the largest number of a leaf. ``curvature`` is vᵀ H v, and ``asymmetry`` the
    relative difference of uᵀ H v and vᵀ H u.
    """

    direction: Tree
    products: dict[str, Tree]
    how: str
    tolerance: float
    curvature: float
    asymmetry: float
    skipped: dict[str, str] = field(default_factory=dict)

    def off(self, name: str) -> dict[str, float]:
        """How far an implementation is from the reference, by leaf."""
        mine = dict(leaves(self.products["numpy"]))
        return {
            leaf: float(np.abs(a - mine[leaf]).max()) / (float(np.abs(mine[leaf]).max()) or 1.0)
            for leaf, a in leaves(self.products[name])
        }

    @property
    def agrees(self) -> bool:
        """Whether every implementation is within the tolerance, and the Hessian symmetric."""
        offs = [off for name in self.products for off in self.off(name).values()]
        return max([*offs, self.asymmetry], default=0.0) <= self.tolerance


DIFFERENCES = 1e-6  # what central differences of a gradient can promise
STEP = 2.0**-12


def second_order(problem: Problem, tracers: dict[str, Tracer], seed: int = 0) -> SecondOrder:
    """H v at the parameters that are shown, for a random direction v of all parameters."""
    case = problem.shown
    v, u = directions(case, seed)[0], directions(case, seed + 1)[0]
    product, how, tolerance = _hessian(problem, case)
    mine = product(v)
    products, skipped = {"numpy": mine}, {}
    for name, tracer in tracers.items():
        try:
            products[name] = tracer.hvp(problem.network, problem.loss, *case, v)
        except CANNOT as error:
            skipped[name] = first_line(error)
    one, other = _times(u, mine), _times(v, product(u))
    size = max(abs(one), abs(other)) or 1.0
    return SecondOrder(
        v, products, how, tolerance, _times(v, mine), abs(one - other) / size, skipped
    )


def _hessian(problem: Problem, case: Case) -> tuple[Callable[[Tree], Tree], str, float]:
    """H as a function of the direction, how it is had, and what it is good for."""
    params, x, target = case

    def by_complex_step(v: Tree) -> Tree:
        return tree_map(rate, gradient(problem, moved_along(params, v), x, target)[1])

    def by_differences(v: Tree) -> Tree:
        def central(h: float) -> Tree:
            up = gradient(problem, tree_map(lambda w, d: w + h * d, params, v), x, target)[1]
            down = gradient(problem, tree_map(lambda w, d: w - h * d, params, v), x, target)[1]
            return tree_map(lambda a, b: (a - b) / (2 * h), up, down)

        # Richardson: the error of a central difference falls with the square of the step.
        wide, near = central(STEP), central(STEP / 2)
        return tree_map(lambda a, b: b + (b - a) / 3, wide, near)

    try:
        by_complex_step(tree_map(np.ones_like, params))
    except (Unsupported, TypeError):
        return by_differences, "central differences of its gradient, extrapolated", DIFFERENCES
    return by_complex_step, "a complex step of its gradient", RTOL
