"""What every comparison ends with: its rows as one table, timed, for whoever listens."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .records import Comparison, frame

if TYPE_CHECKING:
    import pandas as pd

SECONDS = ("seconds_tolerances", "seconds_comparing")  # attrs of a table: of these, of all of it
_listening: list[list[pd.DataFrame]] = []


class Stopwatch:
    """The time since it was made, and how much of it went into tolerances."""

    def __init__(self) -> None:
        self._began, self.tolerances = time.perf_counter(), 0.0

    @contextmanager
    def on_tolerances(self) -> Iterator[None]:
        """Whatever is done in the block is done for the tolerances."""
        began = time.perf_counter()
        yield
        self.tolerances += time.perf_counter() - began

    @property
    def total(self) -> float:
        """Seconds since the beginning."""
        return time.perf_counter() - self._began


def finished(rows: Sequence[Comparison], watch: Stopwatch) -> pd.DataFrame:
    """The table of a comparison, which ``collecting`` hears of."""
    table = frame(rows)
    table.attrs = dict(zip(SECONDS, (watch.tolerances, watch.total), strict=True))
    for heard in _listening:
        heard.append(table)
    return table


@contextmanager
def collecting() -> Iterator[list[pd.DataFrame]]:
    """Every table that a comparison ends with inside the block, in order."""
    heard: list[pd.DataFrame] = []
    _listening.append(heard)
    try:
        yield heard
    finally:
        _listening[:] = [h for h in _listening if h is not heard]


def together(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One table of all, with the seconds of all."""
    import pandas as pd

    whole = pd.concat(tables, ignore_index=True)
    whole.attrs = {name: sum(t.attrs.get(name, 0.0) for t in tables) for name in SECONDS}
    return whole
