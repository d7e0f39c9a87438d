"""How often a diagnosis is right: of mutants, in their samples and elsewhere, and of noise.

A mutant of a layer or a loss has rounding errors of its own (its numbers are those of one noisy
replica), so that no hypothesis can win by being the same code. A diagnosis is right if its cause is
the mutant, or one that gives the mutant's numbers, to rounding, on a second case that it has not
seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, cast

import numpy as np

from ...adapters.numpy_reference import NumpyReference
from ...adapters.protocols import Adapter, Candidate
from ...reference.tree import leaves, tree_map
from ..diagnosis.bench import Bench
from ..diagnosis.diagnose import diagnosed
from ..diagnosis.initialisers import explains
from ..diagnosis.locate import alone, parts_of
from ..diagnosis.parts import Part, replaced
from ..diagnosis.registry import hypotheses
from ..diagnosis.search import Explanation, confirmed
from ..diagnosis.verdicts import Diagnosis
from ..distributions import Drawing
from ..mutants.registry import Mutant, mutants, mutants_of
from ..mutants.substitution import adapter
from ..noise import Noise
from ..noisy import Noisy
from ..problems import NetworkVJP, Problem

Problems = Callable[[Mutant, int], Iterator[Any]]  # of a mutant and a draw
SAME = {("X11", "memory order")}  # seen by asking again, not computed: what X11 is
NONE: frozenset[str] = frozenset()


class Rounded:
    """A mutant with rounding errors of its own, where it can be run in noisy arithmetic."""

    def __init__(self, mutant: Mutant, seed: int) -> None:
        self.name, self._plain, self._seed = mutant.id, adapter(mutant), seed

    def _noisy(self, ask: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        spec, *data = args
        try:
            noise = Noise(np.float64, (2.0**-53,), self._seed)
            got = ask(spec, *(tree_map(_lift(noise), a) for a in data))
            return tree_map(_replica, tuple(got)[:3])
        except Exception:  # what noisy arrays cannot do is run as it stands
            return ask(*args)

    def vjp(self, *args: Any) -> Any:
        """The mutant's VJP."""
        return self._noisy(self._plain.vjp, args)

    def loss_vjp(self, *args: Any) -> Any:
        """The mutant's loss and gradient."""
        return self._noisy(self._plain.loss_vjp, args)

    def optimize(self, *args: Any) -> Any:
        """The mutant's steps, as it stands: rounding errors grow by themselves."""
        return self._plain.optimize(*args)

    def evaluate(self, *args: Any) -> Any:
        """The mutant's values."""
        return self._plain.evaluate(*args)

    def draw(self, *args: Any) -> Any:
        """The mutant's draws."""
        return self._plain.draw(*args)

    def train(self, *args: Any) -> Any:
        """The mutant's steps."""
        return self._plain.train(*args)


def _lift(noise: Noise) -> Callable[[Any], Any]:
    return lambda a: noise.array(a) if getattr(getattr(a, "dtype", 0), "kind", "") == "f" else a


def _replica(a: Any) -> Any:
    return np.array(a.payload[-1]) if isinstance(a, Noisy) else a


def right_ranks(diagnosis: Diagnosis, mutant: Mutant, judge: Problem | Drawing) -> list[int]:
    """The ranks (from 0) of causes that are the mutant, or that give its numbers on the judge."""
    named = [c.id for c in diagnosis.causes]
    ranks = [i for i, n in enumerate(named) if n == mutant.id or (mutant.id, n) in SAME]
    if ranks[:1] == [0]:
        return ranks
    holds = _judge(judge, adapter(mutant))
    for i, cause in enumerate(diagnosis.causes[:3]):
        if cause.explanation and i not in ranks and holds(cause.explanation):
            ranks.append(i)
    return sorted(ranks)


def _judge(problem: Problem | Drawing, wrong: Adapter) -> Callable[[Explanation], bool]:
    """Whether an explanation gives the numbers of a wrong implementation on this problem."""
    if isinstance(problem, Drawing):
        return partial(explains, problem, wrong)
    bench = Bench.of(problem, *problem.ask(wrong), 0, 8)

    def holds(e: Explanation) -> bool:
        again = Explanation(e.elements, frozenset(bench.wrong))
        return bool(bench.wrong) and confirmed(bench, again) is not None

    return holds


def causes(some: Iterable[Mutant], problems: Problems, left_out: bool = False) -> dict[str, Any]:
    """One diagnosis for each mutant, on the first case that reveals it.

    With ``left_out``, the mutant itself is not in the catalogue.
    """
    found: dict[str, Any] = {}
    for mutant in some:
        began, told = time.perf_counter(), {"first": False, "three": False, "id": "not seen"}
        for problem, judge in zip(problems(mutant, 0), problems(mutant, 1), strict=True):
            without = frozenset({mutant.id}) if left_out else NONE
            candidate = cast(Adapter, Rounded(mutant, 1))
            diagnosis = diagnosed(problem, candidate, without=without)
            if not (diagnosis.matches or diagnosis.answer):  # what cannot run has no numbers
                ranks = right_ranks(diagnosis, mutant, judge)
                told = {"first": ranks[:1] == [0], "three": bool(ranks) and ranks[0] < 3,
                        "id": diagnosis.id}  # fmt: skip
                break
        found[mutant.id] = told | {"seconds": round(time.perf_counter() - began, 3)}
    return found


def planted(networks: Iterable[NetworkVJP], seed: int, each: int = 3) -> dict[str, Any]:
    """Mutants in one layer of a network, of a candidate that knows its own whole network alone."""
    rng, found = np.random.default_rng(seed), {}
    for number, problem in enumerate(networks):
        parts = [p for p in parts_of(problem) if len(p.place) > 1 and mutants_of(type(p.spec))]
        for i in rng.permutation(len(parts))[:each]:
            part, some = parts[i], mutants_of(type(parts[i].spec))
            mutant = some[int(rng.integers(len(some)))]
            told = _located(problem, part, mutant)
            if told:
                found[f"{mutant.id} in layer {part.name} of network {number}"] = told
    return found


def _located(problem: NetworkVJP, part: Part, mutant: Mutant) -> dict[str, Any]:
    """Whether layer and quantity are right, and the cause; empty where it is not seen.

    A layer is its place: "layer 1" is right for what is wrapped around layer 1, and the reverse.
    """
    (wrong,) = replaced((problem.network,), part.place, mutant.make)
    diagnosis = diagnosed(problem, _whole(problem.network, wrong))
    own = alone(part, problem.dtype)
    if diagnosis.matches or diagnosis.answer or own is None:
        return {}
    bench = Bench.of(own, *own.ask(adapter(mutant)), 0, 4)
    quantities = {quantity for quantity, _ in bench.wrong}
    first = {"y"} if "y" in quantities else quantities or {"y", "dx", "dparams"}
    place = diagnosis.where.layer.partition(",")[0]
    return {"layer": place == f"layer {part.name}", "said": diagnosis.where.layer,
            "quantity": diagnosis.where.quantity in first, "id": diagnosis.id}  # fmt: skip


def _whole(right: Any, wrong: Any) -> Adapter:
    def vjp(network: Any, *given: Any) -> Any:
        if network is not right:
            raise RuntimeError("it knows its own network alone")
        return NumpyReference().vjp(wrong, *given)

    return cast(Adapter, Candidate("whole", vjp=vjp))


def wrong_steps(problems: Problems) -> dict[str, bool]:
    """Whether the first wrong step of each wrong optimizer is the one where its numbers differ."""
    found: dict[str, bool] = {}
    everything = frozenset(h.kind for h in hypotheses())
    for mutant in [m for m in mutants().values() if m.kind == "optimizer"]:
        for problem in problems(mutant, 0):
            diagnosis = diagnosed(problem, adapter(mutant), without=everything)
            if not diagnosis.matches:
                found[mutant.id] = diagnosis.where.step == _differs_from(problem, mutant)
                break
    return found


def _differs_from(problem: Problem, mutant: Mutant) -> int:
    """The first step where a wrong optimizer is off by 1e-13 of its largest number."""
    right, _ = problem.ask(NumpyReference())
    wrong, _ = problem.ask(adapter(mutant))
    for (quantity, leaf), value in right.items():
        off = np.max(np.abs(wrong[quantity, leaf] - value), initial=0)
        if not off <= 1e-13 * np.max(np.abs(value), initial=0):
            return int(quantity.split()[0])
    return 0


def invented(networks: Iterable[NetworkVJP], seed: int) -> dict[int, str]:
    """The cause that a random wrong gradient of each network gets: all should stay unknown.

    A network without any gradient is passed over.
    """
    found = {}
    for i, problem in enumerate(networks):
        right = NumpyReference().vjp(problem.network, problem.params, problem.x, problem.dy)
        if not any(np.any(g) for _, g in leaves((right.dx, right.dparams))):
            continue
        rng = np.random.default_rng([seed, i])
        size = 10.0 ** rng.uniform(-6, 1)

        def off(g: Any, rng: Any = rng, size: float = size) -> Any:
            return g + size * np.max(np.abs(g), initial=0) * rng.standard_normal(g.shape)

        answer = right.y, *tree_map(off, (right.dx, right.dparams))
        found[i] = diagnosed(problem, _of_one(problem.network, answer)).id
    return found


def _of_one(network: Any, answer: Any) -> Adapter:
    def vjp(asked: Any, *given: Any) -> Any:
        if asked is not network:
            raise RuntimeError("it knows one answer alone")
        return answer

    return cast(Adapter, Candidate("random", vjp=vjp))
