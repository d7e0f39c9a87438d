"""Published worked examples as people read them: a table of all, or one whole."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from .comparisons.examples.example import MEANING, Example, Figure
from .comparisons.examples.recompute import BAD, Column, Digits, Recomputed
from .tables import plain_table

STYLE = {"OK": "green", "key": "green", "D": "yellow", "R": "yellow", "X": "bold red"}
NARROWEST = 8  # characters of a source that are worth showing
MORE = 3  # digits shown of a recomputed number beyond those printed
Results = list[tuple[Example, list[Column]]]


def print_table(out: Console, results: Results) -> None:
    """A line for each example: how many of its figures each implementation gives as recorded."""
    width = out.measure(_counts(results), options=out.options.update(width=1000)).maximum
    out.print(_counts(results, room=out.width - width - 1))
    out.print()
    for verdict, meaning in MEANING.items():
        out.print(Text.assemble("  ", _verdict(verdict), f"{'':{4 - len(verdict)}}{meaning}"))
    _print_wrong(out, results)
    _print_failures(out, results)
    _print_total(out, results)


def _counts(results: Results, room: int = 0) -> Table:
    """The table; the sources are cut to the room that is left for them."""
    names = [column.candidate for column in results[0][1]]
    sources = ["source"] if room >= NARROWEST else []
    table = plain_table("example", numbers=["verdict", "figures", *names])
    for name in sources:
        table.add_column(name, no_wrap=True)
    for example, columns in results:
        source = Text(example.source)
        source.truncate(max(room, 1), overflow="ellipsis")
        cells = [_count(column) for column in columns]
        table.add_row(example.name, _verdict(example.verdict), str(len(example.figures)), *cells,
                      *([source] if sources else []))  # fmt: skip
    return table


def _count(column: Column) -> Text:
    if column.skipped:
        return Text("-", style="dim")
    good = sum(f.outcome not in BAD for f in column.figures)
    return Text("error" if column.failed else str(good), style="bold red" if column.bad else "")


def _print_wrong(out: Console, results: Results) -> None:
    out.print(
        "\nWrong as published; --buggy shows the program behind the digits", style="bold cyan"
    )
    for example, _ in results:
        for quantity, figure in example.figures.items():
            if figure.verdict == "X":
                what = f"  {example.name}: {quantity} {figure.printed}, right {figure.right}"
                out.print(what, soft_wrap=True)


def _print_failures(out: Console, results: Results) -> None:
    for example, columns in results:
        for column in columns:
            if column.failed:
                out.print(f"{column.candidate} fails on {example.name}: {column.failed}",
                          style="bold red", soft_wrap=True)  # fmt: skip
            for row in column.figures:
                if row.outcome in BAD:
                    out.print(_complaint(row), style="bold red", soft_wrap=True)


def _complaint(row: Recomputed) -> str:
    figure = row.figure
    wanted = f"{figure.truth}, and not the printed {figure.printed}" if figure.right else (
        figure.truth
    )  # fmt: skip
    return f"{row.candidate} gives {row.value} for {row.quantity} of {row.example}, not {wanted}"


def _print_total(out: Console, results: Results) -> None:
    rows = [row for _, columns in results for column in columns for row in column.figures]
    compared = [row for row in rows if row.outcome != "not compared"]
    bad = sum(column.bad for _, columns in results for column in columns)
    names = dict.fromkeys(row.candidate for row in rows)
    text = (f"{len(results)} examples, {sum(len(e.figures) for e, _ in results)} figures, "
            f"{len(compared)} comparisons in {', '.join(names)}: ")  # fmt: skip
    out.print()
    out.print(text + (f"{bad} not as recorded." if bad else "all as recorded."), style="bold",
              soft_wrap=True)  # fmt: skip


def print_example(out: Console, example: Example, columns: list[Column]) -> None:
    """Everything there is to say about one example."""
    _print_head(out, example)
    out.print("Inputs", style="bold cyan")
    width = max(map(len, example.inputs))
    for name, value in example.inputs.items():
        out.print(f"  {name:{width}}  {_shown(value)}", soft_wrap=True)
    out.print("\nFigures", style="bold cyan")
    ran = [column for column in columns if column.figures]
    table = _figures(example, ran)
    if out.measure(table, options=out.options.update(width=1000)).maximum > out.width:
        table = _figures(example, ran, narrow=True)
    out.print(table)
    for column in columns:
        if column.skipped:
            out.print(f"{column.candidate}: skipped, {column.skipped}", style="yellow")
    _print_failures(out, [(example, columns)])
    verdict = example.verdict
    out.print(Text.assemble("\nVerdict ", _verdict(verdict), f": {MEANING[verdict]}."))
    if example.note:
        out.print(example.note)
    if example.buggy:
        out.print(f"The mistake behind it: backproof examples {example.name} --buggy")


def _print_head(out: Console, example: Example) -> None:
    out.print(Text.assemble((example.name, "bold"), f": {example.title}"))
    out.print(example.source)
    if example.url:
        out.print(example.url, soft_wrap=True)
    out.print()


def _figures(example: Example, ran: list[Column], narrow: bool = False) -> Table:
    """All figures; ``narrow``, one implementation's number and marks for all."""
    right = any(figure.right and figure.printed for figure in example.figures.values())
    table = plain_table("", "printed", *(["right"] if right else []))
    names = [column.candidate for column in ran]
    for name in ["recomputed", " ".join(names)] if narrow and ran else names:
        table.add_column(name, no_wrap=True)
    table.add_column("verdict")
    for i, (quantity, figure) in enumerate(example.figures.items()):
        rows = [column.figures[i] for column in ran]
        cells = [_value(row, 10) for row in rows[:1]] if narrow else [_value(row) for row in rows]
        if narrow:
            cells.append(Text(" ").join(_mark(row, len(row.candidate)) for row in rows))
        printed = [figure.printed or f"(ours) {figure.right}", *([figure.right] if right else [])]
        table.add_row(quantity, *printed, *cells, _checked(figure))
    return table


def _value(row: Recomputed, most: int = 17) -> Text:
    if row.value is None:
        return Text("missing", style="bold red")
    size = len(row.figure.truth.strip("-0.").replace(".", "")) + MORE
    return Text(f"{row.value:.{min(size, most)}g}", style="bold red" if row.outcome in BAD else "")


def _mark(row: Recomputed, width: int) -> Text:
    bad, none = row.outcome in BAD, row.outcome == "not compared"
    return Text(
        f"{'differs' if bad else '-' if none else 'yes':{width}}", "bold red" if bad else ""
    )


def _checked(figure: Figure) -> Text:
    """The verdict, and how many digits are compared of a figure that is not stable."""
    text = _verdict(figure.verdict)
    if figure.verdict == "D":
        text.append(f" (first {figure.digits})" if figure.digits else " (none)")
    return text


def print_buggy(out: Console, example: Example, found: Mapping[str, Digits]) -> None:
    """The program that makes the mistake, and the digits it gives."""
    assert example.buggy
    _print_head(out, example)
    out.print(f"{example.buggy.name}: {example.buggy.mistake}\n")
    source = "\n\n".join(inspect.getsource(part) for part in _parts(example.buggy.run))
    if out.is_terminal:
        out.print(Syntax(source, "python", background_color="default", word_wrap=True))
    else:
        out.print(source, soft_wrap=True)
    table = plain_table("", "printed", "the buggy program", "right", "as printed")
    for quantity, digits in found.items():
        hit = Text("yes") if digits.as_printed else Text("no", style="bold red")
        table.add_row(quantity, digits.printed, f"{digits.value:.13g}", digits.right, hit)
    out.print(table)
    rest = [q for q, f in example.figures.items() if f.verdict == "X" and q not in found]
    if rest:
        out.print(f"Not explained by this program: {', '.join(rest)}. {example.note}")
    out.print()


def _parts(program: Any) -> list[Any]:
    """The program and the functions of its own file that only it and its like call."""
    namespace = vars(inspect.getmodule(program))
    called = [namespace.get(name) for name in program.__code__.co_names]
    own = [f for f in called if inspect.isfunction(f) and f.__module__ == program.__module__]
    return [*own, program]


def _verdict(verdict: str) -> Text:
    return Text(verdict, style=STYLE[verdict])


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return " / ".join(" ".join(f"{v:g}" for v in row) for row in np.atleast_2d(value))
    return str(value)
