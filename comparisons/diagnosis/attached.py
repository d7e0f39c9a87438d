"""Causes in a table of comparisons: each candidate's, at the first step where it goes wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ...adapters.protocols import Adapter
from ..cases import Loaded
from ..distributions import Drawing
from ..envelope import Training
from ..problems import Problem
from ..records import Comparison
from .diagnose import diagnosed
from .lockstep import TrainingRun
from .verdicts import Diagnosis

Ask = Callable[[Adapter, Comparison], Problem | Drawing]


def with_causes(
    rows: list[Comparison], loaded: Iterable[Loaded], ask: Ask, seed: int
) -> Iterator[Comparison]:
    """The rows, with the cause of each mismatch at a candidate's first wrong step.

    ``ask`` is the problem of which a row is a part.
    """
    adapters = {name: adapter for name, adapter, _ in loaded if adapter is not None}
    first: dict[tuple[str, str], Comparison] = {}
    for row in rows:
        if row.verdict == "mismatch":
            first.setdefault((row.candidate, row.mode), row)
    causes: dict[tuple[str, str], str] = {}
    for (name, mode), row in first.items():
        if ("lockstep" in mode or (name, "lockstep") not in first) and name in adapters:
            problem = ask(adapters[name], row)
            found = diagnosed(problem, adapters[name], candidate=name, case=row.case, seed=seed)
            causes[name, mode] = _told(found)
    for row in rows:
        key = (row.candidate, row.mode)
        now = key in causes and row.step == first[key].step and row.verdict == "mismatch"
        yield dataclasses.replace(row, cause=causes[key]) if now else row


def _told(found: Diagnosis) -> str:
    return "asked again, it gives the right numbers" if found.matches else found.cause


def training_problem(training: Training, dtype: np.dtype[Any]) -> Ask:
    """The run up to a wrong row's step, as it was compared: in lockstep or free-running."""

    def ask(adapter: Adapter, row: Comparison) -> Problem:
        run: Problem = TrainingRun.of(training, row.step, dtype, row.mode == "free-running")
        return run

    return ask
