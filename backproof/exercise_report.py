"""Exercises as people read them: the list, the answer to an attempt, a class's table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .comparisons.exercises import Exercise
from .comparisons.exercises.checking import Outcome
from .comparisons.exercises.progress import Progress, Record
from .comparisons.exercises.running import Checked
from .rendering import lines_of
from .tables import plain_table

if TYPE_CHECKING:
    import pandas as pd

NARROWEST = 12  # columns that a last column of text needs
LINES = 5  # of what the code printed
UNFINISHED = ("hole", "missing")
COUNTS = ("right", "wrong", "unfinished")
HEADLINES = {
    "hole": "there is a hole left",
    "raised": "it raises an exception",
    "syntax": "Python cannot read it",
    "too long": "it does not end",
    "died": "it ended its process",
}  # of what is not plainly "not right yet"


def print_list(out: Console, order: Sequence[Exercise], progress: Progress) -> None:
    """Every exercise with what is done, and what comes next."""
    rows: list[list[str | Text]] = []
    for e in order:
        record = progress.records.get(e.name)
        state = "" if record is None else "yes" if record.done else "started"
        tries = str(record.tries) if record and record.tries else ""
        coloured = Text(state, "green" if state == "yes" else "yellow")
        rows.append([e.name, coloured, tries, str(e.chapter), e.title])
    _print_table(out, ["exercise", "done"], ["tries", "chapter"], "", rows)
    done = sum(e.name in progress.records and progress.records[e.name].done for e in order)
    left = [e for e in order if e.name not in progress.records or not progress.records[e.name].done]
    out.print(f"\n{done} of {len(order)} done.", style="bold", end=" " if left else "\n")
    if left:
        e = next((e for e in left if e.name == progress.last), left[0])
        verb = "check" if e.name in progress.records else "start"
        out.print(f"Next: backproof exercise {verb} {e.name}", soft_wrap=True)


def print_started(out: Console, e: Exercise, path: Path) -> None:
    """What was written, and what to do now."""
    todo = "find the mistake in it" if e.mutant else "fill the holes in it"
    out.print(Text.assemble((e.name, "bold"), f": {e.title} (chapter {e.chapter})"))
    out.print(f"Written: {path}. Now {todo}, then", soft_wrap=True)
    out.print("  backproof exercise check", style="bold", soft_wrap=True)
    out.print(f"(python {path} runs its worked example; backproof exercise check --hint helps.)",
              soft_wrap=True)  # fmt: skip


def print_outcome(
    out: Console, e: Exercise, record: Record, checked: Checked, following: Exercise | None
) -> None:
    """The answer to one attempt."""
    outcome = checked.outcome
    if outcome.done:
        _print_right(out, e, record, checked, following)
        return
    headline = HEADLINES.get(outcome.kind, "not right yet")
    times = f" (try {record.tries})" if record.tries > 1 else ""
    out.print(Text.assemble((e.name, "bold"), ": ", (headline, "bold red"), times))
    grid = _grid()
    if outcome.passed:
        grid.add_row(Text("right", "green"), "; ".join(outcome.passed))
    grid.add_row(Text("wrong", "red"), _what(outcome))
    if outcome.kind == "wrong":
        grid.add_row(Text("cause", "yellow"), _cause(e, outcome, record.hints))
    _add_printed(grid, outcome)
    if e.hints and record.hints and outcome.answered:
        grid.add_row(*_hint(e, record.hints))
    _print_lines(out, grid)
    out.print("Try again: backproof exercise check" + ("" if outcome.kind != "hole" else
              " (a first hint: --hint)"), soft_wrap=True)  # fmt: skip


def _print_table(
    out: Console, words: list[str], numbers: Sequence[str], last: str, rows: list[list[str | Text]]
) -> None:
    """A table whose last column is text, and alone gives way where the terminal is narrow."""

    def made(room: int) -> Table:
        table = plain_table(*words, numbers=numbers)
        if room > 0:
            table.add_column(last, no_wrap=True)
        for row in rows:
            text = Text(str(row[-1]))
            text.truncate(max(room, 1), overflow="ellipsis")
            table.add_row(*row[:-1], *([text] if room > 0 else []))
        return table

    wide = out.options.update(width=1000)
    room = out.width - out.measure(made(0), options=wide).maximum - 2
    _print_lines(out, made(room if room >= NARROWEST else 0))


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, min_width=9)
    grid.add_column(overflow="fold")
    return grid


def _print_lines(out: Console, table: Table) -> None:
    """The table without blanks at the ends of lines."""
    for line in lines_of(out, table, out.width) if table.row_count else ():
        out.print(line, soft_wrap=True)


def _what(outcome: Outcome) -> str:
    """Which results, in which case, and how."""
    if outcome.kind != "wrong":
        told = outcome.kind not in ("hole", "no function")
        where = f" ({outcome.case})" if outcome.case and told else ""
        return f"{outcome.text[:1].upper()}{outcome.text[1:]}{where}"
    good = f" ({_all(outcome.right)} right)" if outcome.right else ""
    return f"{_names(outcome.wrong)}, in {outcome.case}{good}: {outcome.text}"


def _names(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _all(words: Sequence[str]) -> str:
    return f"{_names(words)} {'are' if len(words) > 1 else 'is'}"


def _cause(e: Exercise, outcome: Outcome, hints: int) -> str:
    """The diagnosis; a planted bug that is still there is named only with the last hint."""
    if e.mutant in outcome.ids and hints < len(e.hints):
        return "It is the planted bug: what it is, is told with the last hint."
    if outcome.cause:
        return outcome.cause + ("" if outcome.cause.endswith("?") else ".")
    return "No mistake that is known here has these numbers. Look at the shapes, then at the signs."


def _add_printed(grid: Table, outcome: Outcome) -> None:
    lines = outcome.printed.splitlines()
    if lines:
        more = f"\n... and {len(lines) - LINES} lines more" if len(lines) > LINES else ""
        grid.add_row(Text("printed", "dim"), Text("\n".join(lines[:LINES]) + more, "dim"))


def _hint(e: Exercise, number: int) -> tuple[Text, str]:
    return Text(f"hint {number}/{len(e.hints)}", "cyan"), e.hints[number - 1]


def print_hint(out: Console, e: Exercise, number: int) -> None:
    """One hint, and whether there is a plainer one."""
    grid = _grid()
    grid.add_row(*_hint(e, number))
    _print_lines(out, grid)
    if number == len(e.hints):
        out.print("That was the plainest one.", style="dim")


def _print_right(
    out: Console, e: Exercise, record: Record, checked: Checked, following: Exercise | None
) -> None:
    cases = len(checked.outcome.passed)
    tried = f", at try {record.tries}" if record.tries > 1 else ""
    all_cases = "its one case" if cases == 1 else f"all {cases} cases"
    out.print(Text.assemble((e.name, "bold"), ": ", (f"right in {all_cases}", "bold green"), tried))
    grid = _grid()
    _add_printed(grid, checked.outcome)
    for line in checked.elsewhere:
        name, _, told = line.partition(": ")
        grid.add_row(Text(name, "cyan"), told or "")
    if following:
        grid.add_row(Text("next", "yellow"), f"{following.title}: backproof exercise start "
                     f"{following.name}")  # fmt: skip
    _print_lines(out, grid)
    if not following:
        out.print("That was the last one: all exercises are done.", style="bold green")


def print_grades(out: Console, table: pd.DataFrame) -> None:
    """Students, then exercises with what goes wrong most often."""
    rows: list[list[str | Text]] = []
    for student, own in table.groupby("student", sort=False):
        rows.append([str(student), *_counts(own), ", ".join(own["exercise"][_wrong(own)])])
    _print_table(out, ["student"], COUNTS, "wrong in", rows)
    out.print()
    rows = []
    for name, own in table.groupby("exercise", sort=False):
        told = own["cause"].where(own["cause"] != "", own["outcome"])[_wrong(own)]
        brief = told.str.removeprefix("Your numbers are ")
        often = [f"{n} × {text}" for text, n in brief.value_counts().items()]
        rows.append([str(name), *_counts(own), (often or [""])[0]])
    _print_table(out, ["exercise"], COUNTS, "most often", rows)
    counts = (f"{n} {word}{'s' * (n != 1)}" for word in ("student", "exercise")
              for n in (table[word].nunique(),))  # fmt: skip
    total = f"{', '.join(counts)}: {table['passed'].sum()} of {len(table)} right."
    out.print(f"\n{total}", style="bold")


def _wrong(rows: pd.DataFrame) -> pd.Series[bool]:
    return ~rows["passed"] & ~rows["outcome"].isin(UNFINISHED)


def _counts(rows: pd.DataFrame) -> list[str]:
    each = rows["passed"], _wrong(rows), rows["outcome"].isin(UNFINISHED)
    return [str(n.sum()) for n in each]
