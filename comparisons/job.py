"""The main job: named networks, every dtype, every optimizer, every adapter, one table.

The work is cut into tasks, one for each network and dtype, which run in processes of their own:
each loads the frameworks once and keeps its compiled functions.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..adapters.loading import MissingFramework
from ..adapters.protocols import Adapter
from ..reference import discovery
from ..reference.protocols import Function, Initialiser, Optimizer, Sample, Tree
from ..reference.tree import as_dtype
from .case import COMPARE, Case
from .cases import DEFAULT_ADAPTERS, CaseError
from .collecting import together
from .compare import compare_convention
from .conventions import CONVENTIONS, Convention
from .distributions import compare_initialiser
from .formats import FORMATS
from .networks import NETWORKS, named

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
    diagnose: bool = False

    @property
    def label(self) -> str:
        """The task in a word or two."""
        return f"{self.network} {self.dtype}"

    @property
    def parts(self) -> int:
        """How often ``run`` reports."""
        return 1 + len(self.optimizers) * self.steps

    @property
    def weight(self) -> int:
        """How long it takes, compared with other tasks: the later in the list, the longer."""
        return 1 + list(NETWORKS).index(self.network)

    def cases(self) -> Iterator[Case]:
        """The VJP on the first batch, then the training with each optimizer."""
        network, dtype = named(self.network), FORMATS[self.dtype].dtype
        batches = network.batches(self.steps, dtype, self.seed)
        common: dict[str, Any] = {
            "params": network.start(dtype, self.seed), "adapters": self.adapters,
            "dtype": self.dtype, "seed": self.seed, "case": network.name,
        }  # fmt: skip
        yield Case.vjp(network.network, x=batches[0][0], **common)
        for name in self.optimizers:
            trained = network.network, network.loss, network.optimizer(name)
            yield Case.training(*trained, batches=batches, **common)

    def run(self, report: Report = lambda part: None) -> pd.DataFrame:
        """Compare; ``report`` hears of each part that is done, in words."""
        tables = []
        for what, case in zip(("gradients", *self.optimizers), self.cases(), strict=True):
            label = f"{self.label} {what}"
            progress = partial(_report, report, label)
            tables.append(case.compare(progress=progress, diagnose=self.diagnose))
            if case.kind == "vjp":
                report(label)
        return together(tables)


def _report(report: Report, label: str, step: str) -> None:
    report(f"{label} {step}")


class WorkerDied(RuntimeError):
    """A worker process ended without a result, most likely for want of memory."""


class WorkerFailed(RuntimeError):
    """A task raised what it should not have; the message holds the worker's traceback."""


def compare_sample(
    sample: Sample, *, dtype: str, adapters: Sequence[str | Adapter] | None = None, seed: int = 0,
    number: str = "", params: Tree = None, steps: int = 20, diagnose: bool = False,
) -> pd.DataFrame:  # fmt: skip
    """Compare one sample in the way of its kind.

    ``params``: a layer's, drawn if None; ``steps``: of an optimizer.
    """
    kind, given = _given(sample, dtype, seed, params, steps)
    common: dict[str, Any] = {
        "adapters": adapters, "dtype": dtype, "seed": seed, "case": sample.case("", number),
    }  # fmt: skip
    if kind == "initialiser":
        common["case"] += f" {given['shape']}"
        return compare_initialiser(sample.spec, **given, **common, diagnose=diagnose)
    if kind == "vjp":
        common["case"] = partial(sample.case, number=number)
    rows: pd.DataFrame = COMPARE[kind](sample.spec, **given, **common, diagnose=diagnose)
    return rows


def _given(
    sample: Sample, dtype: str, seed: int, params: Tree, steps: int
) -> tuple[str, dict[str, Any]]:
    """The kind of a sample's comparison, and what that is given."""
    rng = np.random.default_rng([seed, 1])  # not the draws of the parameters
    kind = FORMATS[dtype].dtype
    spec, x = sample.spec, as_dtype(sample.x(rng), kind)
    if isinstance(spec, Optimizer):
        given = {"params": {"w": x}, "gradient_scale": sample.gradient_scale, "steps": steps}
        return "optimizer", given
    if isinstance(spec, Initialiser):
        return "initialiser", {"shape": tuple(int(n) for n in x)}
    if isinstance(spec, Function):
        return "function", {"x": x}
    if sample.target is not None:
        return "vjp", {"x": x, "target": as_dtype(sample.target(rng), kind)}
    return "vjp", {"x": x, "params": params}


@dataclass(frozen=True)
class SampleTask:
    """Every sample of some items: VJPs of layers and losses, steps of optimizers, values."""

    names: tuple[str, ...]
    dtypes: tuple[str, ...] = DTYPES
    adapters: tuple[str, ...] | None = None
    seed: int = 0
    diagnose: bool = False

    @property
    def label(self) -> str:
        """The task in a word or two."""
        return " ".join(self.names)

    @property
    def parts(self) -> int:
        """How often ``run`` reports."""
        return len(self.dtypes) * (sum(1 for _ in self._samples()) + len(self._conventions()))

    @property
    def weight(self) -> int:
        """Samples are small."""
        return 0

    def _samples(self) -> Iterator[tuple[str, Sample]]:
        """Every sample, with a number where its spec comes again."""
        for name in self.names:
            seen: list[str] = []
            for sample in discovery.everything()[name].samples():
                seen.append(str(sample.spec))
                count = seen.count(seen[-1])
                yield f"#{count}" if count > 1 else "", sample

    def cases(self) -> Iterator[Case]:
        """The case of every sample in every dtype, for each name that it has with an adapter.

        Initialisers, which draw, have none.
        """
        adapters = self.adapters or DEFAULT_ADAPTERS
        for number, sample in self._samples():
            for dtype in self.dtypes:
                kind, given = _given(sample, dtype, self.seed, None, STEPS)
                names = dict.fromkeys(sample.case(a if kind == "vjp" else "", number)
                                      for a in adapters)  # fmt: skip
                for name in names if kind != "initialiser" else ():
                    yield getattr(Case, kind)(
                        sample.spec, **given, adapters=adapters, dtype=dtype, seed=self.seed,
                        case=name,
                    )  # fmt: skip

    def run(self, report: Report = lambda part: None) -> pd.DataFrame:
        """Compare; ``report`` hears of each part that is done, in words."""
        tables = []
        for number, sample in self._samples():
            for dtype in self.dtypes:
                tables.append(self._compare(number, sample, dtype))
                report(f"{sample.case('', number)} {dtype}")
        for convention in self._conventions():
            for dtype in self.dtypes:
                tables.append(compare_convention(
                    convention, adapters=self.adapters, dtype=dtype, seed=self.seed
                ))  # fmt: skip
                report(f"{convention.id} {dtype}")
        return together(tables)

    def _conventions(self) -> list[Convention]:
        """What frameworks mean by these names, where they do not mean the same."""
        return [convention for convention in CONVENTIONS if convention.item in self.names]

    def _compare(self, number: str, sample: Sample, dtype: str) -> pd.DataFrame:
        return compare_sample(
            sample, dtype=dtype, adapters=self.adapters, seed=self.seed, number=number,
            steps=STEPS, diagnose=self.diagnose,
        )  # fmt: skip


class AnyTask(Protocol):
    """What the workers run: it is sent to one of them, and its table comes back."""

    @property
    def label(self) -> str:
        """The task in a word or two."""

    @property
    def parts(self) -> int:
        """How often ``run`` reports."""

    @property
    def weight(self) -> int:
        """How long it takes, compared with other tasks."""

    def __hash__(self) -> int:
        """Tasks are frozen: results are kept by them."""

    def run(self, report: Report) -> pd.DataFrame:
        """Do it; ``report`` hears of each part that is done, in words."""


def run_tasks(
    tasks: Sequence[AnyTask], report: Report = lambda part: None, jobs: int = 1
) -> Iterator[tuple[AnyTask, pd.DataFrame]]:
    """Run the tasks, ``jobs`` at a time and in the order given; yield each when it is done.

    Raises CaseError or MissingFramework as the task does, WorkerDied where a process was killed,
    WorkerFailed for any other exception in a worker. No process outlives the generator.
    """
    if jobs == 1 or len(tasks) == 1:
        for task in tasks:
            yield task, task.run(report)
        return
    context = multiprocessing.get_context("spawn")  # forking after JAX has run hangs the child
    parts = context.SimpleQueue()
    workers = ProcessPoolExecutor(min(jobs, len(tasks)), context, _begin, (parts,))
    before = multiprocessing.active_children()
    try:
        with _interrupts_ignored():  # the children inherit it: Ctrl-C is for the parent alone
            running = {workers.submit(_work, task): task for task in tasks}
        while running:
            done, _ = wait(running, timeout=0.1, return_when=FIRST_COMPLETED)
            while not parts.empty():
                report(parts.get())
            for future in done:
                yield running[future], _result(future, running.pop(future))
    finally:
        for process in multiprocessing.active_children():
            if process not in before:
                process.kill()
        workers.shutdown(cancel_futures=True)


_parts: Any = None  # in a worker: where it reports to


def _begin(parts: Any) -> None:
    global _parts
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _parts = parts


def _work(task: AnyTask) -> pd.DataFrame:
    return task.run(_parts.put)


def _result(future: Future[pd.DataFrame], task: AnyTask) -> pd.DataFrame:
    try:
        return future.result()
    except (CaseError, MissingFramework):
        raise
    except BrokenExecutor as error:
        raise WorkerDied(
            f"a worker process was killed before {task.label} was compared, most likely for want "
            "of memory: try --jobs 1, or fewer networks"
        ) from error
    except Exception as error:
        raise WorkerFailed(f"{task.label}: {error.__cause__ or error}") from error


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers, and only it hears of Ctrl-C
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
