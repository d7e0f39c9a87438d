"""Mutants and mutation scores as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from .comparisons.confidence import share
from .comparisons.mutants import Mutant, mutants
from .comparisons.mutants.score import tally
from .rendering import GRAVE, MILD, _print_line, _title, ratio
from .tables import plain_table

if TYPE_CHECKING:
    import pandas as pd

TOLD = {
    "wrong version of": "subject", "kind": "kind", "family": "family", "seen in": "sources",
    "revealed by": "revealed_by", "missed by": "misses",
}  # fmt: skip
OUTCOMES = ("killed", "survived", "equivalent")


def print_list(out: Console, chosen: Sequence[Mutant]) -> None:
    """A line for each, family by family."""
    for family in dict.fromkeys(m.family for m in chosen):
        of_family = [m for m in chosen if m.family == family]
        _title(out, f"{family} ({len(of_family)})")
        table = plain_table("id", "of")
        for column in ("what is wrong", "revealed by"):
            table.add_column(column, ratio=1)
        for m in of_family:
            table.add_row(m.id, m.subject, m.description, m.revealed_by)
        out.print(table)
    subjects = {m.subject for m in chosen}
    out.print()
    counted = f"{len(chosen)} mutants of {len(subjects)} layers, losses, optimizers, ..."
    _print_line(out, Text(f"{counted} `backproof mutants show {chosen[0].id}` prints one whole."))


def print_mutant(out: Console, mutant: Mutant) -> None:
    """Everything there is to say about one, and its code."""
    _print_line(out, Text(f"{mutant.id}: {mutant.description}", style="bold cyan"))
    table = Table.grid(padding=(0, 2))
    told = mutant.record()
    for label, field in TOLD.items():
        table.add_row(Text(label, style="dim"), told[field])
    out.print(Padding(table, (0, 0, 1, 2)))
    out.print(Syntax(mutant.code, "python", background_color="default"))


def print_score(out: Console, table: pd.DataFrame, survivors: Sequence[Mutant]) -> None:
    """By family where one style ran on one set of inputs, by style where several did."""
    several = len(table.groupby(["style", "inputs"])) > 1
    (_print_styles if several else _print_families)(out, table)
    if survivors:
        _title(out, "Survivors", "what was not caught, and what would have revealed it")
        for mutant in survivors:
            _print_survivor(out, mutant)
    out.print()
    _print_line(out, _total(table, survivors))


def _print_families(out: Console, table: pd.DataFrame) -> None:
    lines = plain_table("family", numbers=("mutants", *OUTCOMES, "weakest ratio", "slowest, s"))
    for family, rows in table.groupby("family"):
        counts = rows["outcome"].value_counts()
        killed = rows[rows["outcome"] == "killed"]
        lines.add_row(
            str(family), f"{len(rows)}",
            *(_count(counts.get(outcome, 0), outcome) for outcome in OUTCOMES),
            ratio(killed["noise_ratio"].min()), f"{rows['seconds'].max():.2f}",
        )  # fmt: skip
    out.print(lines)


def _count(number: int, outcome: str) -> Text:
    style = GRAVE if outcome == "survived" else MILD if outcome == "equivalent" else ""
    return Text(f"{number}", style=style if number else "dim")


def _print_styles(out: Console, table: pd.DataFrame) -> None:
    numbers = ("killed (95 % confidence)", "n/a", "s")
    lines = plain_table("style", "inputs", numbers=numbers)
    for (style, inputs), rows in table.groupby(["style", "inputs"], sort=False):
        killed, of = tally(rows)
        lines.add_row(
            str(style), str(inputs), share(killed, of), f"{len(rows) - of}",
            f"{rows['seconds'].sum():.1f}",
        )  # fmt: skip
    out.print(lines)


def _print_survivor(out: Console, mutant: Mutant) -> None:
    head = Text(f"  {mutant.id} ", style=GRAVE)
    text = f"{mutant.subject}: {mutant.description}"
    _print_line(out, head.append(text, style="not bold default"))
    _print_line(out, Text(f"      revealed by: {mutant.revealed_by}"))
    _print_line(out, Text(f"      missed by: {mutant.misses}", style="dim"))


def print_test(out: Console, table: pd.DataFrame, file: str) -> None:
    """What a user's tests caught, and what they would let through."""
    let_through = [mutants()[id] for id in table["id"][table["outcome"] == "survived"]]
    caught = table[table["outcome"] == "killed"]
    if len(caught):
        _title(out, "Caught", "by the first test that failed")
        for test, rows in caught.groupby("test", sort=False):
            _print_line(out, Text(f"  {str(test).rpartition('::')[2]}: {', '.join(rows['id'])}"))
    if let_through:
        _title(out, "Let through", "mistakes that these tests would not have seen")
        for mutant in let_through:
            _print_survivor(out, mutant)
    out.print()
    for subject, rows in table.groupby("subject", sort=False):
        killed = int((rows["outcome"] == "killed").sum())
        text = f"{file} catches {killed} of {len(rows)} wrong versions of {subject}."
        _print_line(out, Text(text, style="bold" if killed == len(rows) else GRAVE))


def _total(table: pd.DataFrame, survivors: Sequence[Mutant]) -> Text:
    of = table["id"].nunique()
    killed = of - len(survivors)
    first = table[table["style"] == table["style"].iloc[0]]  # ours, unless others were asked for
    slow = first.loc[first["seconds"].idxmax()]
    text = f"Mutation score: {share(killed, of)}."
    slowest = f" The slowest to be found: {slow['id']} in {slow['seconds']:.2f} s."
    head = Text(text, style="bold" if killed == of else GRAVE)
    return head.append(slowest, style="not bold default")
