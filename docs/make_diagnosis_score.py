"""Score the diagnosis and write docs/diagnosis-score.md, with the figures beside it as JSON.

python docs/make_diagnosis_score.py [--seed 20261205] [--few N]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from backproof import (
    SGD,
    Adam,
    AdamW,
    Dense,
    MeanSquaredError,
    Sequential,
    Sigmoid,
    SoftmaxCrossEntropy,
    Tanh,
    __version__,
)
from backproof.comparisons import cases, environment
from backproof.comparisons.campaign import diagnosed as score
from backproof.comparisons.campaign.wrong import Elsewhere
from backproof.comparisons.confidence import share
from backproof.comparisons.diagnosis.lockstep import TrainingRun
from backproof.comparisons.diagnosis.verdicts import UNKNOWN
from backproof.comparisons.distributions import drawing
from backproof.comparisons.mutants import Mutant, mutants
from backproof.comparisons.posing import of_sample, training_run

HERE = Path(__file__).parent
STEPS = 7  # of an optimizer
PLANTED, INVENTED = 60, 100  # networks with a wrong layer, and with a random gradient


class Samples:
    """The specs and sizes on which the hypotheses were written, with other numbers."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def problems(self, mutant: Mutant, draw: int) -> Iterator[Any]:
        """A case for each sample of the mutant's target."""
        seed = self.seed + 17 * draw
        if mutant.kind == "training loop":
            yield from _trainings(seed)
            return
        for i, sample in enumerate(mutant.target.samples()):
            if mutant.kind == "initialiser":
                shape = tuple(int(n) for n in sample.x(np.random.default_rng(seed)))
                yield drawing(sample.spec, shape, "float64", seed + i)
                continue
            yield of_sample(sample, "float64", [seed, i], STEPS)


def _trainings(seed: int) -> Iterator[Any]:
    for i, (rule, n) in enumerate(((SGD(0.3), 5), (Adam(0.02), 4), (AdamW(0.02), 3),
                                   (SGD(0.05, momentum=0.8), 4))):  # fmt: skip
        rng = np.random.default_rng([seed, i])
        network = Sequential(Dense(3, n), Tanh() if i % 2 else Sigmoid(), Dense(n, 2))
        loss = SoftmaxCrossEntropy() if i == 1 else MeanSquaredError()
        batches = [
            (rng.standard_normal((5, 3)),
             rng.integers(0, 2, 5) if i == 1 else rng.standard_normal((5, 2))) for _ in range(3)
        ]  # fmt: skip
        training, dtype = training_run(network, loss, rule, batches, None, None, seed)
        yield TrainingRun.of(training, 3, dtype)


def measured(seed: int, few: int) -> dict[str, Any]:
    """All figures, with a line of progress for each."""
    some = list(mutants().values())[:few]
    here, there = Samples(seed), Elsewhere(seed)

    def shown(what: str) -> Iterable[Mutant]:
        return track(some, what)

    with cases.one_thread(), np.errstate(all="ignore"):
        return {
            "own": score.causes(shown("mutants, samples"), here.problems),
            "elsewhere": score.causes(shown("mutants, elsewhere"), there.problems),
            "left out": score.causes(shown("the mutant left out"), here.problems, left_out=True),
            "planted": score.planted(
                track(list(islice(there.networks(), min(few, PLANTED))), "in networks"), seed
            ),
            "steps": score.wrong_steps(there.problems),
            "random": score.invented(
                track(list(islice(there.networks(), min(few, INVENTED))), "random gradients"), seed
            ),
        }


def page(figures: dict[str, Any]) -> str:
    """docs/diagnosis-score.md."""

    def told(part: str, field: str) -> str:
        seen = [v for v in figures[part].values() if v["id"] != "not seen"]
        return share(sum(bool(v[field]) for v in seen), len(seen))

    steps, causes = figures["steps"].values(), list(figures["random"].values())
    shares = {
        "the right cause is named first": (told("own", "first"), told("elsewhere", "first")),
        "the right cause is among the first three":
            (told("own", "three"), told("elsewhere", "three")),
        "named first with the mutant itself left out of the catalogue":
            (told("left out", "first"), ""),
        "the wrong layer (its place), of a candidate that knows its whole network alone":
            ("", told("planted", "layer")),
        "the first wrong quantity of that layer": ("", told("planted", "quantity")),
        "the first wrong step of an optimizer": ("", share(sum(steps), len(steps))),
        "random wrong gradients that stay unknown":
            ("", share(causes.count(UNKNOWN), len(causes))),
    }  # fmt: skip
    seconds = sorted(v["seconds"] for part in ("own", "elsewhere") for v in figures[part].values())
    return TEMPLATE.format(
        rows="\n".join(f"| {what} | {a} | {b} |" for what, (a, b) in shares.items()),
        times=f"{np.median(seconds):.2f} s, the slowest {seconds[-1]:.1f} s",
        misses=_misses(figures), **figures,
    )  # fmt: skip


def _misses(figures: dict[str, Any]) -> str:
    places = {"own": "samples", "elsewhere": "elsewhere"}
    lines = [f"- {id}, {place}: {v['id']}" for part, place in places.items()
             for id, v in figures[part].items() if not v["first"]]  # fmt: skip
    lines += [f"- {name}: said to be in {v['said'] or 'no layer'}"
              for name, v in figures["planted"].items() if not v["layer"]]  # fmt: skip
    lines += [f"- a random gradient of network {i}: {cause}"
              for i, cause in figures["random"].items() if cause != UNKNOWN]  # fmt: skip
    return "\n".join(lines) or "- none"


TEMPLATE = """# How often the diagnosis is right

Written by `docs/make_diagnosis_score.py`, seed {seed}. {machine}; {versions};
{minutes:.0f} minutes.
Shares with their 95 % confidence intervals (Wilson).

Each mutant is put in the place of the right implementation, in two ways. *Samples*: on the specs
and sizes that the hypotheses were written with, and other numbers. *Elsewhere*: where they were not
written. A wrong layer stands in a random network, or between affine maps, under inputs of all sorts
(badly scaled, saturated, with zeros and ties); a wrong loss has a larger batch; a wrong optimizer
other rates, arrays and steps; a wrong initialiser a weight of another size; a wrong loop another
network. Hyperparameters are drawn anew. Most are right because the mutant itself is in the
catalogue; without it, see the third row. A mutant of a layer or a loss has rounding errors of its
own, not those of the reference. Right is a cause that is the mutant itself, or that gives the
mutant's numbers, to rounding (of an initialiser, numbers that a test at the level 1e-9 cannot tell
from its), on the case and on a second one that it has not seen. The other rows are of random
networks.

| what is measured | samples | elsewhere |
| --- | --- | --- |
{rows}

Median time of a diagnosis and its judgement: {times}.

What goes wrong. Where a mutant is *not seen*, none of these cases reveals it, and there was nothing
to diagnose: it is not counted above.

{misses}
"""


def main() -> None:
    """Measure everything and write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=20261205)
    parser.add_argument("--few", type=int, default=10**6, help="only so many mutants and networks")
    asked = parser.parse_args()
    began = time.perf_counter()
    machine = environment.machine()
    figures: dict[str, Any] = {
        "seed": asked.seed,
        "machine": ", ".join(f"{v} cores" if k == "cores" else str(v) for k, v in machine.items()),
        "versions": f"backproof {__version__}, NumPy {np.__version__}",
        **measured(asked.seed, asked.few),
    }
    figures["minutes"] = (time.perf_counter() - began) / 60
    (HERE / "diagnosis-score.json").write_text(json.dumps(figures) + "\n")
    (HERE / "diagnosis-score.md").write_text(page(figures))


if __name__ == "__main__":
    main()
