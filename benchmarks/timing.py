"""Timing several implementations against each other: interleaved, medians, paired ratios."""

from __future__ import annotations

import gc
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

Run = Callable[[], object]


@dataclass(frozen=True)
class Timed:
    """Seconds a call, one number for each round; the rounds of all that ran together match."""

    rounds: tuple[float, ...]

    @property
    def seconds(self) -> float:
        """The median."""
        return median(self.rounds)

    def ratio(self, to: Timed) -> float:
        """The median over rounds of this one's time in the round, divided by the other's."""
        return median(a / b for a, b in zip(self.rounds, to.rounds, strict=True))


def interleaved(runs: dict[str, Run], rounds: int, seconds: float) -> dict[str, Timed]:
    """Time A B C, A B C, ...: whatever slows the machine down for a while slows all of them.

    Each turn repeats its call for about ``seconds``; which one goes first rotates.
    """
    repeats = {name: _repeats(run, seconds) for name, run in runs.items()}
    taken: dict[str, list[float]] = {name: [] for name in runs}
    names = list(runs)
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name in names:
                taken[name].append(_per_call(runs[name], repeats[name]))
            names.append(names.pop(0))
    finally:
        gc.enable()
    return {name: Timed(tuple(times)) for name, times in taken.items()}


def _repeats(run: Run, seconds: float) -> int:
    for _ in range(3):  # compiles, fills caches
        run()
    return max(1, round(seconds / _per_call(run, 1 + int(seconds / 10 / _per_call(run, 1)))))


def _per_call(run: Run, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        run()
    return (time.perf_counter() - start) / repeats


def commands(given: dict[str, list[str]], rounds: int) -> dict[str, Timed]:
    """Wall time of whole processes, each started anew, interleaved; the first round is not kept."""

    def start(command: list[str]) -> Run:
        return lambda: subprocess.run(command, check=True, capture_output=True)

    runs = {name: start(command) for name, command in given.items()}
    taken = [{name: _per_call(run, 1) for name, run in runs.items()} for _ in range(rounds + 1)]
    return {name: Timed(tuple(times[name] for times in taken[1:])) for name in runs}
