"""The main job: named networks, every dtype, every optimizer, every adapter, one table.

The work is cut into tasks, one for each network and dtype, which run in processes of their own:
each loads the frameworks once and keeps its compiled functions.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ..adapters.loading import MissingFramework
from .compare import compare_training, compare_vjp
from .networks import named

if TYPE_CHECKING:
    import pandas as pd

DTYPES = ("float64", "float32")
OPTIMIZERS = ("sgd", "adam")
STEPS = 100
Report = Callable[[str], None]


@dataclass(frozen=True)
class Task:
    """One network in one dtype: its VJP, then its training with each optimizer.

    ``adapters`` None stands for the default three, of which a missing one is reported in a row.
    """

    network: str
    dtype: str
    optimizers: tuple[str, ...] = OPTIMIZERS
    adapters: tuple[str, ...] | None = None
    steps: int = STEPS
    seed: int = 0

    @property
    def parts(self) -> int:
        """How often ``run`` reports."""
        return 1 + len(self.optimizers) * self.steps

    def run(self, report: Report = lambda part: None) -> pd.DataFrame:
        """Compare; ``report`` hears of each part that is done, in words."""
        import pandas as pd

        network = named(self.network)
        params = network.start(self.dtype, self.seed)
        batches = network.batches(self.steps, self.dtype, self.seed)
        common: dict[str, Any] = {
            "params": params, "adapters": self.adapters, "dtype": self.dtype, "seed": self.seed,
            "case": network.name,
        }  # fmt: skip
        tables = [compare_vjp(network.network, x=batches[0][0], **common)]
        report(f"{self.network} {self.dtype} gradients")
        for name in self.optimizers:
            tables.append(compare_training(
                network.network, network.loss, network.optimizer(name), batches=batches,
                progress=partial(_report, report, f"{self.network} {self.dtype} {name}"), **common,
            ))  # fmt: skip
        return pd.concat(tables, ignore_index=True)


def _report(report: Report, label: str, step: str) -> None:
    report(f"{label} {step}")


class WorkerDied(RuntimeError):
    """A worker process ended without a result, most likely for want of memory."""


def run_tasks(
    tasks: Sequence[Task], report: Report = lambda part: None, jobs: int = 1
) -> Iterator[tuple[Task, pd.DataFrame | MissingFramework]]:
    """Run the tasks, ``jobs`` at a time; yield each with its table in the order given.

    A task whose data are not installed yields the MissingFramework that says so. Raises
    WorkerDied where a process was killed.
    """
    if jobs == 1 or len(tasks) == 1:
        for task in tasks:
            yield task, _attempt(task, report)
        return
    context = multiprocessing.get_context("spawn")  # forking after JAX has run hangs the child
    with context.Manager() as manager:
        heard = manager.Queue()
        with ProcessPoolExecutor(jobs, mp_context=context) as pool:
            futures: list[Future[Any]] = [pool.submit(_attempt, t, heard.put) for t in tasks]
            pending = set(futures)
            while pending:
                _, pending = wait(pending, timeout=0.1, return_when=FIRST_COMPLETED)
                while not heard.empty():
                    report(heard.get())
            try:
                yield from zip(tasks, (f.result() for f in futures), strict=True)
            except BrokenProcessPool as error:
                raise WorkerDied(
                    "a worker process was killed, most likely for want of memory: try --jobs 1"
                ) from error


def _attempt(task: Task, report: Report) -> pd.DataFrame | MissingFramework:
    try:
        return task.run(report)
    except MissingFramework as error:
        if task.adapters is None or "digits" in str(error):
            return error
        raise
