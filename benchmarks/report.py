"""The page that a run writes: what was measured, how, where, and which goals were met."""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from dataclasses import dataclass

import startup
from gradients import BATCH, Validation
from models import Model
from steps import Task
from threadpoolctl import threadpool_info
from timing import Timed

from backproof.comparisons import environment


@dataclass(frozen=True)
class Goal:
    """A number that is wanted, and the one that was measured."""

    what: str
    wanted: str
    measured: str
    met: bool


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; every column but the first is aligned to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def seconds(t: float) -> str:
    """Three digits and a unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if t >= size:
            return f"{t / size:.3g} {unit}"
    return f"{t * 1e6:.3g} µs"


Steps = list[tuple[Task | Model, dict[str, Timed]]]


def step_section(steps: Steps) -> tuple[str, list[Goal]]:
    """One training step of each task."""
    rows, goals = [], []
    for task, times in steps:
        ratio = {other: times["reference"].ratio(times[other]) for other in ("torch", "jax")}
        name = f"{task.name}, batch {task.batch}, {task.optimizer}"
        rows.append([
            name, *(seconds(times[n].seconds) for n in ("reference", "torch", "jax")),
            f"{ratio['torch']:.2f}", f"{ratio['jax']:.2f}",
        ])  # fmt: skip
        if task.goal is not None:
            goals.append(Goal(
                f"a step of {name}, in torch's", f"at most {task.goal}", f"{ratio['torch']:.2f}",
                ratio["torch"] <= task.goal,
            ))  # fmt: skip
    head = ["network", "reference", "torch", "JAX", "reference / torch", "reference / JAX"]
    return STEPS + table(head, rows), goals


def memory_section(memory: dict[str, float]) -> tuple[str, list[Goal]]:
    """What three steps of LeNet need beside parameters and data."""
    if not memory:
        return MEMORY + "Not measured: this system does not tell the peak.", []
    ratio = memory["reference"] / memory["torch"]
    rows = [[name, f"{size / 2**20:.1f} MiB"] for name, size in memory.items()]
    goal = Goal("peak memory of a step of LeNet, in torch's", "at most 2", f"{ratio:.2f}",
                ratio <= 2)  # fmt: skip
    return MEMORY + table(["framework", "peak"], rows), [goal]


def gradient_section(v: Validation) -> tuple[str, list[Goal]]:
    """Three implementations compared, against gradcheck."""
    judged, alone = v.times["three-way"], v.times["three-way, gradients alone"]
    fast = v.times["gradcheck fast"]
    sizes = "-".join(map(str, v.widths))
    ways = [
        ("`compare_vjp`: NumPy, torch, JAX, within computed tolerances", judged.seconds),
        ("three gradients and their differences, no tolerances", alone.seconds),
        ("`gradcheck`, every parameter (scaled from a slice)", v.gradcheck),
        ("`gradcheck(fast_mode=True)`: one random projection of all", fast.seconds),
    ]
    rows = [[way, seconds(t), f"{t / judged.seconds:,.3g}", f"{t / alone.seconds:,.3g}"]
            for way, t in ways]  # fmt: skip
    text = GRADIENTS.format(sizes=sizes, n=v.parameters, batch=BATCH, sliced=v.sliced)
    cheaper = v.gradcheck / alone.seconds, v.gradcheck / judged.seconds
    goals = [
        Goal(f"gradcheck, in {what}", "at least 1,000", f"{times:,.0f}", times >= 1000)
        for what, times in zip(
            ("three gradients without tolerances", "`compare_vjp` runs"), cheaper, strict=True
        )
    ]
    head = ["way", "time", "in `compare_vjp`s", "in three gradients"]
    return text + table(head, rows), goals


def startup_section(times: dict[str, Timed]) -> tuple[str, list[Goal]]:
    """Imports and the command line."""
    bare, numpy = times[startup.BARE].seconds, times[startup.NUMPY].seconds
    rows = [
        [f"`{name}`" if name != startup.BARE else name, seconds(t.seconds),
         *(seconds(t.seconds - less) if t.seconds > less else "none" for less in (bare, numpy))]
        for name, t in times.items()
    ]  # fmt: skip
    beyond = max(0.0, times[startup.IMPORT].seconds - numpy)
    # `import backproof` alone imports nothing, not even NumPy: comparing is what takes time.
    goals = [Goal("`import backproof`, beyond NumPy", "at most 0.2 s", f"{beyond:.2f} s",
                  beyond <= 0.2)]  # fmt: skip
    if listed := times.get("backproof list"):
        t = listed.seconds
        goals.append(Goal("`backproof list`", "at most 1 s", f"{t:.2f} s", t <= 1))
    return STARTUP + table(["process", "wall time", "beyond Python", "beyond NumPy"], rows), goals


def page(
    steps: Steps, memory: dict[str, float], validation: Validation, starts: dict[str, Timed],
    quick: bool, load: float,
) -> str:  # fmt: skip
    """The whole report."""
    sections, goals = [], []
    for text, wanted in (
        step_section(steps), memory_section(memory), gradient_section(validation),
        startup_section(starts),
    ):  # fmt: skip
        sections.append(text)
        goals += wanted
    missed = sum(not goal.met for goal in goals)
    verdict = f"{missed} of {len(goals)} goals are not met." if missed else "Every goal is met."
    rows = [[g.what, g.wanted, g.measured, "yes" if g.met else "**no**"] for g in goals]
    return "\n\n".join([
        HEAD.rstrip() + ("\n\n**A quick run: these numbers are rough.**" if quick else ""),
        table(["", ""], _circumstances(load)),
        f"## Goals\n\n{verdict}", table(["what", "goal", "measured", "met"], rows), *sections,
    ]) + "\n"  # fmt: skip


def _circumstances(load: float) -> list[list[str]]:
    machine = environment.machine()
    versions = environment.versions(("numpy", "torch", "jax"))
    return [
        ["date", datetime.date.today().isoformat()],
        ["processor", str(machine["processor"])],
        ["cores", str(machine["cores"])],
        ["system", str(machine["system"])],
        ["NumPy's BLAS", ", ".join(_blas())],
        ["load before the run", f"{load:.1f}" if hasattr(os, "getloadavg") else "unknown"],
        ["versions", ", ".join(f"{name} {version}" for name, version in versions.items())],
    ]


def _blas() -> list[str]:
    """Library, version and kernel: an environment variable may force an older kernel."""
    return [
        f"{pool['internal_api']} {pool['version']}, {pool.get('architecture', 'unknown')} kernel"
        for pool in threadpool_info()
        if pool["user_api"] == "blas" and "numpy" in pool["filepath"]
    ] or ["unknown"]


HEAD = """\
# Benchmarks

Written by `nox -s bench`; do not edit. Times differ from machine to machine, ratios much less.

One thread for every library. What is compared runs interleaved in one process (A B C, B C A, ...),
so that whatever slows the machine down for a while slows all of them. A time is the median over
rounds; a ratio is the median of the rounds' own ratios."""

STEPS = """\
## One training step

float32; forward, loss, backward and update. The reference is `backproof.reference.training.step`
as it stands. torch is eager, with `torch.nn`, autograd and `torch.optim` in their defaults; JAX is
`value_and_grad` and optax under one `jax.jit`, compiled beforehand and waited for. No array is
converted between them while the clock runs, and their losses over 20 steps are checked to agree.
A ratio below 1: the reference is faster.

"""

MEMORY = """\
## Memory

By how much a fresh process grows at its peak in three steps of LeNet 28x28, batch 64, float32.

"""

GRADIENTS = """\
## Validating a gradient

A network {sizes} (tanh) of {n:,} parameters, batch {batch}, float64, everything warm: the gradient
of <dy, y> by every parameter. `torch.autograd.gradcheck` needs two forwards for each parameter. It
was **measured on a slice**, the {sliced:,} numbers of the biases, **and scaled** by the number of
parameters. `compare_vjp` spends its time on the tolerances: the reference in extended precision,
and 17 times with noise.

"""

STARTUP = """\
## Starting up

New processes, the page cache warm. PyTorch and JAX are imported when an adapter needs them, not
here.

"""
