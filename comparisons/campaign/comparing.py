"""Random correct comparisons as tasks for the workers, and what each of them came to.

One comparison is one candidate on one case in one dtype: all that it answered, with all its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ...adapters.loading import load
from ...adapters.protocols import Adapter
from ...reference import discovery
from ...reference.protocols import Sample
from ..compare import compare_training, compare_vjp
from ..diagnosis.parts import places
from ..job import compare_sample
from ..records import BAD
from .architectures import architecture, of_layer, samples
from .cases import cases_of, trainings_of
from .kinked import KINDS as KINKS
from .kinked import kinked

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["networks", "layers", "losses", "kinks", "trainings"]
Compare = Callable[[Sequence[Adapter]], "pd.DataFrame"]  # with these candidates
DTYPES = ("float64", "float32")
CANDIDATES = ("numpy", "torch", "jax")
NOT_A_CASE = ("vacuous", "reference not finite")  # findings on the question, not on the answer


@dataclass(frozen=True)
class Some:
    """The comparisons of one random architecture: ``each`` cases in both dtypes.

    ``kind``: ``networks`` of random layers, ``layers`` of which each sample is put between others,
    ``losses``, samples too, ``kinks``, networks with some entries on one, or ``trainings``. Run by
    ``job.run_tasks``.
    """

    kind: Kind
    base: int
    index: int
    each: int
    parts, weight = 1, 0  # it reports once; all are small

    @property
    def label(self) -> str:
        """The task in a word or two."""
        return f"{self.kind} {self.index}"

    def questions(self) -> Iterator[tuple[str, str, Compare]]:
        """The name of each case, its dtype, and what compares it."""
        of = {"networks": _network, "layers": _layer, "losses": _loss, "kinks": _kink,
              "trainings": _training}  # fmt: skip
        yield from of[self.kind](self)

    def run(self, report: Callable[[str], None] = lambda part: None) -> pd.DataFrame:
        """A row for each comparison."""
        import pandas as pd

        found = [outcome | {"kind": self.kind, "index": self.index, "number": number}
                 for number, (name, dtype, compare) in enumerate(self.questions())
                 for outcome in outcomes(name, dtype, compare(adapters()))]  # fmt: skip
        report(self.label)
        return pd.DataFrame(found)

    def again(self, number: int, candidate: str) -> list[dict[str, Any]]:
        """What one of them comes to now, in other circumstances, say."""
        _, question = next(q for q in enumerate(self.questions()) if q[0] == number)
        name, dtype, compare = question
        return outcomes(name, dtype, compare([load(candidate)]))

    def layers(self) -> set[str]:
        """The layers that occur in it."""
        specs: list[Any] = []  # of losses, none
        if self.kind in ("networks", "trainings"):
            specs = [architecture(self.base, self.index).network]
        elif self.kind == "layers":
            specs = [samples(discovery.layers())[self.index][1].spec]
        elif self.kind == "kinks":
            specs = [kinked(kind, 0, np.float64, self.base)[0] for kind in KINKS]
        return {type(part).__name__ for _, part in places(tuple(specs))}


@cache
def adapters() -> list[Adapter]:
    """The candidates, loaded once in each process."""
    return [load(name) for name in CANDIDATES]


def _network(some: Some) -> Iterator[tuple[str, str, Compare]]:
    made = architecture(some.base, some.index)
    for case in cases_of(made, (some.base, some.index), some.each):
        yield from _vjp(case)


def _vjp(case: Any) -> Iterator[tuple[str, str, Compare]]:
    for dtype in DTYPES:
        params, x = case.draw(dtype)
        given = {"x": x, "params": params, "seed": case.seed[2], "case": str(case)}

        def compare(adapters: Sequence[Adapter], given: Any = given, dtype: str = dtype) -> Any:
            network = case.architecture.network
            return compare_vjp(network, adapters=adapters, dtype=dtype, **given)

        yield str(case), dtype, compare


def _layer(some: Some) -> Iterator[tuple[str, str, Compare]]:
    """The sample between other layers; where that is not possible, the sample itself."""
    made = of_layer(some.base, some.index)
    if made is not None:
        for case in cases_of(made, (some.base, some.index), some.each):
            yield from _vjp(case)
        return
    yield from _sample(some, *samples(discovery.layers())[some.index])


def _loss(some: Some) -> Iterator[tuple[str, str, Compare]]:
    yield from _sample(some, *samples(discovery.losses())[some.index])


def _sample(some: Some, number: str, sample: Sample) -> Iterator[tuple[str, str, Compare]]:
    for k in range(some.each):
        for dtype in DTYPES:

            def compare(adapters: Sequence[Adapter], k: int = k, dtype: str = dtype) -> Any:
                seed = 1000 * some.base + k
                return compare_sample(
                    sample, dtype=dtype, adapters=adapters, seed=seed, number=number
                )

            yield f"{sample.case('', number)}, {k}", dtype, compare


def _kink(some: Some) -> Iterator[tuple[str, str, Compare]]:
    """``index`` is that of the kind of kink."""
    kind = list(KINKS)[some.index]
    for number in range(some.each):
        for dtype in DTYPES:
            network, params, x = kinked(kind, number, dtype, some.base)
            name = f"{kind}, {number}"
            given = {"x": x, "params": params, "seed": number, "case": name, "dtype": dtype}

            def compare(adapters: Sequence[Adapter], n: Any = network, given: Any = given) -> Any:
                return compare_vjp(n, adapters=adapters, **given)

            yield name, dtype, compare


def _training(some: Some) -> Iterator[tuple[str, str, Compare]]:
    made = architecture(some.base, some.index)
    for run in trainings_of(made, (some.base, some.index), some.each):
        for dtype in DTYPES:
            params, _ = run.case.draw(dtype)
            given = {"batches": run.batches(dtype), "params": params, "seed": run.case.seed[2],
                     "case": str(run.case), "dtype": dtype}  # fmt: skip

            def compare(adapters: Sequence[Adapter], run: Any = run, given: Any = given) -> Any:
                what = run.case.architecture.network, run.loss, run.optimizer
                return compare_training(*what, adapters=adapters, **given)

            yield str(run), dtype, compare


def outcomes(case: str, dtype: str, rows: pd.DataFrame) -> list[dict[str, Any]]:
    """What each candidate's comparison came to, with its numbers."""
    return [
        {"case": case, "dtype": dtype, "candidate": candidate, **_outcome(some)}
        for candidate, some in rows.groupby("candidate", sort=False)
    ]  # fmt: skip


def _outcome(rows: pd.DataFrame) -> dict[str, Any]:
    """``outcome``: agrees, alarm, known divergence; or none: vacuous, undefined, unsupported."""
    finding, verdict = rows["finding"], rows["verdict"]
    bad = rows[verdict.isin(BAD) & ~finding.isin(NOT_A_CASE)]
    kinds = {
        "alarm": len(bad) > 0, "unsupported": (verdict == "unsupported").any(),
        "vacuous": (finding == "vacuous").any(),
        "undefined": (finding == "reference not finite").any(),
        "known divergence": (verdict == "known divergence").any(),
    }  # fmt: skip
    judged = rows[rows["quantity"] != ""]
    matched = judged[judged["verdict"] == "match"]
    whole = judged["n_compared"].where(judged["verdict"] == "unresolved", judged["n_unresolved"])
    return {
        "outcome": next((kind for kind, is_so in kinds.items() if is_so), "agrees"),
        "rows": len(judged), "entries": int(judged["n_compared"].sum()),
        "unresolved": int(whole.sum()), "zeros": int((verdict == "structural zero").sum()),
        "kinks": int((finding == "kinks resolved").sum()),
        "ratio": float(matched["noise_ratio"].max()) / matched["allowed"].max(),
        "optimizer": rows["optimizer"].iloc[0],
        "told": "; ".join(f"{r.quantity}[{r.leaf}] step {r.step}: {r.reason}"
                          for r in bad.head(3).itertuples()),
    }  # fmt: skip
