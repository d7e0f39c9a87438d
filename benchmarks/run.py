"""Measure Backproof's speed and write docs/benchmarks.md: `nox -s bench`.

`--quick` takes a few rounds of everything, to see that all of it works, and writes a report only
where `--output` says so.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
XLA = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def one_thread() -> None:
    """Limit every library to one thread; must run before any of them is imported."""
    os.environ.update(dict.fromkeys(THREADS, "1"))
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {XLA}".strip()
    os.environ["JAX_PLATFORMS"] = "cpu"


def lacking() -> str:
    """What is not installed of what the benchmarks compare with, and how to install it."""
    from backproof.comparisons import environment

    missing = (environment.lacking("torch"), environment.lacking("jax"))
    return "; ".join(what for what in missing if what)


def measure(quick: bool) -> str:
    """Run everything and return the report."""
    import gradients
    import models
    import report
    import startup
    import torch
    from steps import TASKS, build
    from threadpoolctl import threadpool_limits
    from timing import interleaved

    torch.set_num_threads(1)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    rounds = 3 if quick else 100
    memory = models.peak_memory()
    with threadpool_limits(1):
        steps: report.Steps = []
        for task in TASKS[-2:] if quick else TASKS:
            print(f"{task.name}, batch {task.batch}, {task.optimizer}", flush=True)
            steps.append((task, interleaved(build(task), rounds, seconds=0.02)))
        for make in () if quick else models.MODELS:
            model = make()
            print(model.name, flush=True)
            steps.append((model, interleaved(models.build(model), 30, seconds=0.1)))
        print("gradients", flush=True)
        widths = gradients.NARROW if quick else gradients.WIDE
        validation = gradients.measure(widths, 2 if quick else 15)
    print("start-up", flush=True)
    starts = startup.measure(1 if quick else 15)
    return report.page(steps, memory, validation, starts, quick, load)


def main() -> None:
    """Parse arguments, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fast and rough run")
    parser.add_argument("--output", type=Path, help="where to write (docs/benchmarks.md)")
    given = parser.parse_args()
    one_thread()
    if missing := lacking():
        parser.error(missing)
    output = given.output or (None if given.quick else PAGE)
    text = measure(given.quick)
    print(text)
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
        print(f"written to {output}")


if __name__ == "__main__":
    main()
