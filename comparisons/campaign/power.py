"""How small an error is seen: planted in single entries, and judged as a candidate's would be.

The candidate is the reference in its own dtype, whose numbers are right; in one entry of one leaf
an error is planted, relative to the largest entry of the leaf. It is caught if that leaf becomes a
mismatch. Every sample of every layer, loss and optimizer is planted with errors of every size. A
leaf is resolved if its row says, before anything is planted, that ``RESOLVED`` would be seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ...adapters.numpy_reference import NumpyReference
from ...reference import discovery
from ..judging import judge_values
from ..mutants import mutants
from ..posing import of_sample
from ..problems import Problem
from ..records import Comparison
from ..rows import Context
from ..tolerances import Expectations, Key, Values, expectations

if TYPE_CHECKING:
    import pandas as pd

SIZES = tuple(float(f"1e{power}") for power in range(-16, 1))
RESOLVED = {"float64": 1e-9, "float32": 1e-3}  # of the largest entry, in whichever entry
STEPS = 3  # of an optimizer
PLACES = ("any", "noisiest")


@cache
def families() -> dict[str, str]:
    """The family of each layer, loss and optimizer: that of most of its mutants."""
    counted: dict[str, Counter[str]] = {}
    for mutant in mutants().values():
        counted.setdefault(mutant.target.__name__, Counter())[mutant.family] += 1
    return {name: found.most_common(1)[0][0] for name, found in counted.items()}


@dataclass(frozen=True)
class Planting:
    """Errors planted in the samples of one spec, in both dtypes; run by ``job.run_tasks``."""

    name: str
    seed: int
    parts, weight = 1, 0  # it reports once; all are small

    @property
    def label(self) -> str:
        """The task in a word."""
        return self.name

    def run(self, report: Callable[[str], None] = lambda part: None) -> pd.DataFrame:
        """A row for each error planted: where, how large, whether its leaf was resolved, caught."""
        import pandas as pd

        rows = []
        for i, sample in enumerate(discovery.everything()[self.name].samples()):
            for dtype in ("float64", "float32"):
                problem = of_sample(sample, dtype, self.seed + i, STEPS)
                rows += [{"spec": self.name, "family": families().get(self.name, "others"),
                          "sample": sample.case(""), "dtype": dtype, **found}
                         for found in planted(problem, self.seed + i)]  # fmt: skip
        report(self.label)
        return pd.DataFrame(rows)


def plantings(seed: int) -> list[Planting]:
    """A task for each layer, loss and optimizer."""
    kinds = (discovery.layers, discovery.losses, discovery.optimizers)
    return [Planting(name, seed) for find in kinds for name in find()]


def planted(problem: Problem, seed: int) -> Iterator[dict[str, Any]]:
    """What becomes of errors of every size in every leaf that has a number to be wrong in."""
    rng = np.random.default_rng(seed)
    with np.errstate(all="ignore"):
        expected = expectations(partial(problem.run, problem.specs), problem.dtype, seed)
        values, _ = problem.ask(NumpyReference())
        rows = _rows(problem, expected, values)
        for key, e in expected.leaves.items():
            if not (e.finite and e.top) or rows[key].verdict not in ("match", "unresolved"):
                continue
            least = rows[key].resolution
            resolved = (
                rows[key].verdict == "match" and least <= RESOLVED[np.dtype(problem.dtype).name]
            )
            entries = {"any": int(rng.integers(e.gold.size)), "noisiest": int(e.noise.argmax())}
            for size in SIZES:
                for place in PLACES:
                    error = rng.choice([-1, 1]) * size * e.top
                    wrong = values | {key: _with_error(values[key], entries[place], error)}
                    caught = _rows(problem, expected, wrong)[key].verdict == "mismatch"
                    yield {"leaf": "/".join(key), "entries": e.gold.size, "size": size,
                           "place": place, "resolved": resolved, "caught": caught}  # fmt: skip


def _with_error(value: Any, entry: int, error: float) -> Any:
    wrong = np.array(value)
    wrong.flat[entry] = wrong.flat[entry].astype(np.float64) + error
    return wrong


def _rows(problem: Problem, expected: Expectations, values: Values) -> dict[Key, Comparison]:
    context = Context("", problem.mode, problem.dtype, candidate="planted")
    return dict(zip(expected.leaves, judge_values(context, expected, values), strict=False))
