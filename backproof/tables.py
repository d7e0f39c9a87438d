"""Plain tables for a terminal: words to the left, numbers to the right, no frame."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.table import Table


def plain_table(*words: str, numbers: Iterable[str] = ()) -> Table:
    """An empty table with columns for words, and after them columns for numbers."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim",
                  padding=(0, 1, 0, 0))  # fmt: skip
    for name in words:
        table.add_column(name, no_wrap=True)
    for name in numbers:
        table.add_column(name, no_wrap=True, justify="right")
    return table
