"""A second opinion: causes with the same numbers on one case, told apart on another.

The candidate is asked again, on other numbers of the same shapes, and what does not explain its
second answer is dropped.
"""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Any

import numpy as np

from ...adapters.protocols import Adapter
from ...reference.protocols import Tree
from ...reference.tree import tree_map
from ..problems import LossVJP, NetworkVJP, Problem, Replay
from .bench import Bench
from .search import Explanation, confirmed

REPLICAS = 8


def other(problem: Problem, seed: int) -> Problem | None:
    """Other numbers of the same shapes; integers, masks, targets and exact zeros stay."""
    rng = np.random.default_rng([seed, 7])

    def moved(tree: Tree) -> Tree:
        return tree_map(lambda a: _moved(a, rng), tree)

    if isinstance(problem, NetworkVJP):
        params, x, dy = map(moved, (problem.params, problem.x, problem.dy))
        return replace(problem, params=params, x=x, dy=dy)
    if isinstance(problem, LossVJP):
        return replace(problem, x=moved(problem.x), dy=moved(problem.dy))
    if isinstance(problem, Replay):
        grads = tuple(tree_map(lambda g: _scaled(g, rng), g) for g in problem.grads)
        return replace(problem, grads=grads)
    return None


def _moved(a: Any, rng: np.random.Generator) -> Any:
    """Each entry made smaller by a random factor: signs, zeros and bounds stay."""
    if a.dtype.kind != "f":
        return a
    factor = np.exp(-0.3 * np.abs(rng.standard_normal(a.shape)))
    moved: Any = np.empty_like(a)  # in the same memory order
    moved[...] = a * factor
    return moved


def _scaled(g: Any, rng: np.random.Generator) -> Any:
    return (_moved(g, rng) * 10.0 ** rng.uniform(-2, 1)).astype(g.dtype)


def surviving(
    problem: Problem, adapter: Adapter, found: list[Explanation], seed: int
) -> list[Explanation]:
    """Those that explain a second answer as well; all, where none does or it tells nothing."""
    again = other(problem, seed) if len(found) > 1 else None
    if again is None:
        return found
    try:
        values, doubts = again.ask(adapter)
        bench = Bench.of(again, values, doubts, seed, REPLICAS)
    except Exception:
        return found
    if not bench.wrong or any(not e.finite for e in bench.expected.leaves.values()):
        return found
    keys = frozenset(bench.wrong)
    kept = [e for e in found if confirmed(bench, dataclasses.replace(e, keys=keys))]
    return kept or found
