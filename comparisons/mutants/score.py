"""The mutation score: which mutants a style of test catches on which inputs, and how surely."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Literal

from .inputs import INPUTS
from .registry import Mutant, mutants, unmutated
from .styles import STYLES, Seen, Style
from .trials import NotApplicable, Trial

if TYPE_CHECKING:
    import pandas as pd

Outcome = Literal["killed", "survived", "equivalent", "not applicable", "useless"]
EQUIVALENT = 1e-12  # a normwise error that rounding explains in float64


@dataclass(frozen=True)
class Hunt:
    """How one style of test did against one mutant.

    ``outcome``: killed; survived; equivalent (it survived, and its numbers are the right ones on
    all of these inputs); not applicable (this style has nothing to run on this spec); useless (the
    right implementation fails the test as well, wherever it was tried). ``noise_ratio`` is the one
    that killed, or the largest that did not, ``difference`` the normwise error that went with it;
    NaN but for the suite's own style. ``trial`` is where it was caught, or last tried, ``seconds``
    the processor's time until then. ``false_alarms`` counts the trials that the right
    implementation failed, and which were therefore left out.
    """

    id: str
    subject: str
    kind: str
    family: str
    style: str
    inputs: str
    outcome: Outcome = "not applicable"
    noise_ratio: float = math.nan
    difference: float = math.nan
    trial: str = ""
    seconds: float = 0.0
    false_alarms: int = 0


def hunt(mutant: Mutant, style: Style, inputs: str = "own", seed: int = 0) -> Hunt:
    """Run a style of test on one trial after the other, until the mutant is caught."""
    target = mutant.target
    found = Hunt(mutant.id, mutant.subject, mutant.kind, mutant.family, style.name, inputs)
    for trial in INPUTS[inputs](target, seed):
        use = use_of(style, trial, target)
        if use == "useless":
            found = replace(found, false_alarms=found.false_alarms + 1)
        if use != "of use":
            found = found if found.trial else replace(found, outcome=use)
            continue
        began = time.process_time()
        seen = style.judge(mutant, trial)
        found = replace(
            found, outcome=_outcome(seen, found), trial=trial.label,
            noise_ratio=_larger(seen.noise_ratio, found.noise_ratio),
            difference=_larger(seen.difference, found.difference),
            seconds=found.seconds + time.process_time() - began,
        )  # fmt: skip
        if seen.caught:
            break
    return found


@cache
def use_of(style: Style, trial: Trial, target: type) -> Outcome | Literal["of use"]:
    """Whether the right implementation can run the test, and passes it."""
    try:
        seen = style.judge(unmutated(target), trial)
    except NotApplicable:
        return "not applicable"
    return "useless" if seen.caught else "of use"


def _outcome(seen: Seen, before: Hunt) -> Outcome:
    if seen.caught:
        return "killed"
    same = seen.difference < EQUIVALENT and before.outcome != "survived"
    return "equivalent" if same else "survived"


def _larger(a: float, b: float) -> float:
    return a if math.isnan(b) else max(a, b)


@dataclass(frozen=True)
class ScoreTask:
    """The mutants of one spec against some styles; run by ``job.run_tasks``."""

    subject: str
    ids: tuple[str, ...]
    styles: tuple[str, ...]
    inputs: tuple[str, ...]
    seed: int = 0

    @property
    def weight(self) -> int:
        """Training loops, and whatever has many mutants, take longest."""
        return len(self.ids)

    @property
    def label(self) -> str:
        """The task in a word."""
        return self.subject

    @property
    def parts(self) -> int:
        """How often ``run`` reports."""
        return len(self.ids)

    def run(self, report: Callable[[str], None] = lambda part: None) -> pd.DataFrame:
        """Hunt each; ``report`` hears of each mutant that is done."""
        import pandas as pd

        rows = []
        for id in self.ids:
            rows += [hunt(mutants()[id], STYLES[style], inputs, self.seed)
                     for style in self.styles for inputs in self.inputs]  # fmt: skip
            report(f"{self.subject} {id}")
        return pd.DataFrame(rows, columns=[f.name for f in fields(Hunt)])


def tally(rows: pd.DataFrame) -> tuple[int, int]:
    """How many were killed, of how many on which the style has a test that passes."""
    usable = ~rows["outcome"].isin(["not applicable", "useless"])
    return int((rows["outcome"] == "killed").sum()), int(usable.sum())


def survivors(table: pd.DataFrame) -> list[str]:
    """The ids of the mutants that nothing of what was run has caught."""
    caught = set(table["id"][table["outcome"] == "killed"])
    return [id for id in dict.fromkeys(table["id"]) if id not in caught]


def tasks(
    chosen: Sequence[Mutant], styles: Sequence[str] = ("backproof",),
    inputs: Sequence[str] = ("own",), seed: int = 0,
) -> list[ScoreTask]:  # fmt: skip
    """A task for each spec that has a mutant among the chosen."""
    of: dict[str, list[str]] = {}
    for mutant in chosen:
        of.setdefault(mutant.subject, []).append(mutant.id)
    return [
        ScoreTask(subject, tuple(ids), tuple(styles), tuple(inputs), seed)
        for subject, ids in of.items()
    ]
