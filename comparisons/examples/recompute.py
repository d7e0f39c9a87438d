"""The examples by name, recomputed in every adapter and compared with what is printed."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from ...adapters.loading import UnknownName
from ...adapters.protocols import Adapter, Unsupported
from ..cases import Loaded, load_adapters, one_thread
from .example import Example, Figure, agrees

if TYPE_CHECKING:
    import pandas as pd

Outcome = Literal["reproduced", "wrong as printed", "not compared", "differs", "missing"]
BAD: tuple[Outcome, ...] = ("differs", "missing")


@cache
def worked_examples() -> dict[str, Example]:
    """Every published worked example by name, those of one source together."""
    package = importlib.import_module(__package__)
    found: dict[str, Example] = {}
    for module in pkgutil.iter_modules(package.__path__):
        content = importlib.import_module(f"{package.__name__}.{module.name}")
        found |= {example.name: example for example in getattr(content, "EXAMPLES", ())}
    return found


def worked_example(name: str) -> Example:
    """The example of that name, or UnknownName with the nearest one."""
    known = worked_examples()
    if name not in known:
        raise UnknownName("example", name, list(known))
    return known[name]


@dataclass(frozen=True)
class Recomputed:
    """One figure of one example as one adapter gives it."""

    example: str
    quantity: str
    figure: Figure
    candidate: str
    value: float | None
    outcome: Outcome


@dataclass(frozen=True)
class Column:
    """One example in one adapter: its figures, or why there are none.

    ``skipped`` is set where a framework or a translation is missing, ``failed`` where it raised.
    """

    candidate: str
    figures: tuple[Recomputed, ...] = ()
    skipped: str = ""
    failed: str = ""

    @property
    def bad(self) -> bool:
        """Whether anything is not as recorded."""
        return bool(self.failed) or any(f.outcome in BAD for f in self.figures)


def outcome(figure: Figure, value: float | None) -> Outcome:
    """What a recomputed value says of a figure.

    A figure recorded as wrong must be missed by the value, which must hit the right digits.
    """
    if value is None:
        return "missing"
    if figure.digits == 0:
        return "not compared"
    if not agrees(value, figure.truth, figure.digits):
        return "differs"
    if figure.verdict in ("X", "R"):
        return "differs" if agrees(value, figure.printed) else "wrong as printed"
    return "reproduced"


def recompute(example: Example, loaded: Iterable[Loaded]) -> Iterator[Column]:
    """The example in each of the adapters, one after another."""
    for name, adapter, missing in loaded:
        if adapter is None:
            yield Column(name, skipped=missing)
            continue
        try:
            with one_thread():
                values = example.compute(adapter)
        except Unsupported as error:
            yield Column(name, skipped=str(error))
        except Exception as error:
            yield Column(name, failed=f"{type(error).__name__}: {error}")
        else:
            yield Column(name, tuple(
                Recomputed(example.name, quantity, figure, name, value, outcome(figure, value))
                for quantity, figure in example.figures.items()
                for value in (_number(values.get(quantity)),)
            ))  # fmt: skip


def recompute_example(name: str, adapters: Sequence[str | Adapter] | None = None) -> pd.DataFrame:
    """A published worked example, recomputed: a row for each figure and each adapter.

    Columns: quantity, printed, right (the digits that a correct program gives), digits (how many
    are compared), verdict, candidate, value, outcome. ``adapters`` are names or objects, by
    default numpy, torch and jax, of which one that is not installed is left out.

    Raises UnknownName for an example that is not known, RuntimeError where an adapter fails.
    """
    import pandas as pd

    rows = []
    for column in recompute(worked_example(name), load_adapters(adapters)):
        if column.failed:
            raise RuntimeError(f"{column.candidate} fails on {name}: {column.failed}")
        rows += [
            {"quantity": row.quantity, "printed": row.figure.printed, "right": row.figure.truth,
             "digits": row.figure.digits, "verdict": row.figure.verdict,
             "candidate": row.candidate, "value": row.value, "outcome": row.outcome}
            for row in column.figures
        ]  # fmt: skip
    return pd.DataFrame(rows)


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


@dataclass(frozen=True)
class Digits:
    """A wrong figure as the buggy program gives it, and whether it is what is printed.

    ``as_printed``: the value has the digits printed, and not the right ones.
    """

    printed: str
    right: str
    value: float
    as_printed: bool


def as_printed(example: Example) -> dict[str, Digits]:
    """The wrong figures that the example's buggy program gives, by quantity."""
    assert example.buggy
    values = example.buggy.run()
    found = {}
    for quantity, figure in example.figures.items():
        if figure.verdict in ("X", "R") and quantity in values:
            value, printed = float(values[quantity]), figure.printed
            hit = agrees(value, printed) and not agrees(value, figure.right)
            found[quantity] = Digits(printed, figure.right, value, hit)
    return found
