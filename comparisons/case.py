"""A case: everything that a comparison was given, complete, so that it can be run again.

A ``Case`` made from the arguments of a comparison holds what the comparison would have drawn, and
``compare`` gives the same rows to the last bit, here and from the file that ``save`` wrote.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..adapters.protocols import Adapter
from ..reference.protocols import Array, Function, Layer, Loss, Optimizer, Tree
from ..reference.tree import leaves, tree_map
from . import posing
from .cases import CaseError
from .compare import Progress, compare_function, compare_optimizer, compare_training, compare_vjp
from .layouts import dense_tree
from .summary import TRAINING

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["vjp", "optimizer", "training", "function"]
COMPARE: dict[str, Any] = {
    "vjp": compare_vjp,
    "optimizer": compare_optimizer,
    "training": compare_training,
    "function": compare_function,
}
SPECS = ("network", "loss", "optimizer", "function")  # in the order of the arguments
ARRAYS: dict[str, tuple[str, ...]] = {
    "vjp": ("params", "x", "dy", "target"),
    "optimizer": ("params", "grads"),
    "training": ("params", "batches"),
    "function": ("x",),
}
SETTINGS = ("replicas", "twins")


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """What one comparison is given: specs, arrays of one dtype, a seed, and who is compared.

    ``kind`` names the comparison: ``compare_vjp``, ``compare_optimizer``, ``compare_training`` or
    ``compare_function``; ``specs`` and ``arrays`` are its arguments by name. ``name`` is the
    "case" of the rows, None for the spec itself; ``adapters`` the names of those compared, none
    for the default; ``settings`` the numbers of replicas and twins, where they were given.
    """

    kind: Kind
    specs: dict[str, Any]
    arrays: dict[str, Tree]
    dtype: str
    seed: int = 0
    name: str | None = None
    adapters: tuple[str, ...] = ()
    settings: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Keep dense copies that nobody can write to."""

        def frozen(tree: Tree) -> Tree:
            copy = dense_tree(tree)
            for _, array in leaves(copy):
                array.flags.writeable = False
            return copy

        object.__setattr__(self, "arrays", {k: frozen(v) for k, v in self.arrays.items()})

    @staticmethod
    def vjp(
        network: Layer | Loss, *, x: Any, params: Tree = None, dy: Any = None, target: Any = None,
        adapters: Sequence[str | Adapter] | None = None, dtype: Any = None, seed: int = 0,
        case: str | None = None, **settings: int,
    ) -> Case:  # fmt: skip
        """The case of ``compare_vjp`` with the same arguments; raises CaseError as that does."""
        given = posing.vjp_problem(network, x, params, dy, target, dtype, seed)
        names = ("params", "x", "dy") if hasattr(network, "init") else ("x", "target", "dy")
        spec = {"network" if names[0] == "params" else "loss": network}
        arrays = {name: getattr(given, name) for name in names}
        return _case("vjp", spec, arrays, given.dtype, seed, case, adapters, settings)

    @staticmethod
    def optimizer(
        optimizer: Optimizer, *, params: Tree = None, grads: Iterable[Tree] | None = None,
        steps: int = 20, gradient_scale: float = 1.0,
        adapters: Sequence[str | Adapter] | None = None, dtype: Any = None, seed: int = 0,
        case: str | None = None, **settings: int,
    ) -> Case:  # fmt: skip
        """The case of ``compare_optimizer`` with the same arguments."""
        given = posing.replay(optimizer, params, grads, steps, gradient_scale, dtype, seed)
        arrays = {"params": given.params, "grads": given.grads}
        spec = {"optimizer": optimizer}
        return _case("optimizer", spec, arrays, given.dtype, seed, case, adapters, settings)

    @staticmethod
    def training(
        network: Layer, loss: Loss, optimizer: Optimizer, *, batches: Iterable[tuple[Any, Any]],
        params: Tree = None, adapters: Sequence[str | Adapter] | None = None, dtype: Any = None,
        seed: int = 0, case: str | None = None, **settings: int,
    ) -> Case:  # fmt: skip
        """The case of ``compare_training`` with the same arguments."""
        run, dtype = posing.training_run(
            network, loss, optimizer, list(batches), params, dtype, seed
        )
        arrays = {"params": run.params, "batches": tuple(run.batches)}
        specs = {"network": network, "loss": loss, "optimizer": optimizer}
        return _case("training", specs, arrays, dtype, seed, case, adapters, settings)

    @staticmethod
    def function(
        function: Function, *, x: Any, adapters: Sequence[str | Adapter] | None = None,
        dtype: Any = None, seed: int = 0, case: str | None = None, **settings: int,
    ) -> Case:  # fmt: skip
        """The case of ``compare_function`` with the same arguments."""
        given = posing.evaluation(function, x, dtype)
        spec, arrays = {"function": function}, {"x": given.x}
        return _case("function", spec, arrays, given.dtype, seed, case, adapters, settings)

    def compare(
        self, adapters: Sequence[str | Adapter] | str | None = None, *,
        progress: Progress = None, diagnose: bool = False,
    ) -> pd.DataFrame:  # fmt: skip
        """The rows of the comparison; by default, of the adapters that the case names."""
        given: dict[str, Any] = {**self.arrays, **self.settings, "diagnose": diagnose}
        if progress and self.kind in ("optimizer", "training"):
            given["progress"] = progress
        rows: pd.DataFrame = COMPARE[self.kind](
            *self.specs.values(), **given, adapters=adapters or self.adapters or None,
            dtype=self.dtype, seed=self.seed, case=self.name,
        )  # fmt: skip
        return rows

    @property
    def label(self) -> str:
        """The "case" of the rows."""
        return self.name or str(next(iter(self.specs.values())))

    def rows_in(self, results: pd.DataFrame) -> pd.DataFrame:
        """The rows of a table that belong to this case."""
        rule = str(self.specs["optimizer"]) if "optimizer" in self.specs else ""
        own = (results["case"] == self.label) & (results["dtype"] == self.dtype)
        own &= results["mode"].isin(TRAINING if self.kind == "training" else [self.kind])
        return results[own & (results["optimizer"] == rule)]

    @property
    def steps(self) -> int:
        """How many steps are taken; 0 where there are none."""
        return max(len(self.arrays.get(name, ())) for name in ("grads", "batches"))

    @property
    def numbers(self) -> int:
        """How many numbers the case holds."""
        return sum(array.size for _, array in self.leaves())

    def leaves(self) -> Iterator[tuple[str, Array]]:
        """Every array by its path, such as "params.0.W"."""
        return leaves(self.arrays)

    def replace(self, **changes: Any) -> Case:
        """The case with other fields; specs and arrays that are not named stay."""
        for part in ("specs", "arrays"):
            if part in changes:
                changes[part] = {**getattr(self, part), **changes[part]}
        return dataclasses.replace(self, **changes)

    def python(self) -> str:
        """The case as a Python program that runs the comparison and prints its rows."""
        from .programs import program

        return program(self)

    def save(self, path: str | Path, rows: pd.DataFrame | None = None) -> None:
        """Write the case as JSON, with what was wrong in ``rows``; raises CaseFileError."""
        from .case_files import save

        save(self, path, rows)


def _case(
    kind: Kind, specs: dict[str, Any], arrays: dict[str, Tree], dtype: np.dtype[Any], seed: int,
    name: str | None, adapters: Sequence[str | Adapter] | str | None, settings: dict[str, int],
) -> Case:  # fmt: skip
    strange = settings.keys() - SETTINGS
    if strange:
        raise TypeError(f"no comparison takes {', '.join(sorted(strange))}")
    given = [adapters] if isinstance(adapters, str) else adapters or ()
    names = tuple(a if isinstance(a, str) else a.name for a in given)
    return Case(
        kind=kind, specs=specs, arrays=arrays, dtype=dtype.name, seed=seed, name=name,
        adapters=names, settings=settings,
    )  # fmt: skip


def complete(kind: str, specs: dict[str, Any], arrays: dict[str, Tree], **common: Any) -> Case:
    """The case of any kind, checked as the arguments of its comparison are; raises CaseError."""
    wanted = {"vjp": ("network",), "optimizer": ("optimizer",),
              "training": ("network", "loss", "optimizer"), "function": ("function",)}  # fmt: skip
    if kind not in wanted:
        raise CaseError(f"unknown kind {kind!r}: use {', '.join(wanted)}")
    names = tuple(specs)
    if names != wanted[kind] and (kind, names) != ("vjp", ("loss",)):
        given = " and ".join(names) or "nothing"
        raise CaseError(f"a case of kind {kind} has {' and '.join(wanted[kind])}, not {given}")
    allowed = {"network": ("params", "x", "dy"), "loss": ("x", "target", "dy")}
    needs = allowed[names[0]] if kind == "vjp" else ARRAYS[kind]
    if set(arrays) != set(needs):
        given = ", ".join(arrays) or "nothing"
        raise CaseError(f"a case of kind {kind} has {', '.join(needs)}, not {given}")
    made: Case = getattr(Case, kind)(*specs.values(), **arrays, **common)
    return made


def mapped(case: Case, change: Any) -> Case:
    """The case with a function applied to every array."""
    return case.replace(arrays=tree_map(change, case.arrays))
