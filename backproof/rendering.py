"""A table of comparisons as people read it: summary, gradients, trajectories, and why.

Every number comes from the rows; ``comparisons.summary`` picks them, this file lays them out for
the width at hand.
"""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .comparisons import summary
from .comparisons.collecting import SECONDS
from .comparisons.formats import FORMATS
from .comparisons.records import BAD, VERDICTS

if TYPE_CHECKING:
    import pandas as pd

PLAIN_WIDTH = 120  # where the output is no terminal and COLUMNS does not say
WIDE, WIDEST = 100, 1000
SECTION = "\N{SECTION SIGN}"  # stands for a section's title until the table is laid out
Sectioned = tuple[Table, list[str]]
GRAVE, MILD = "bold red", "yellow"
IN_FULL, SHOWN = 8, 6  # disagreements told in full, and names listed in one line
MARKS = {"error": "!", "mismatch": "!", "unexpected match": "!", "unresolved": "*"}


def console(stderr: bool = False, file: IO[str] | None = None) -> Console:
    """A console on stdout, stderr or a file that prints everywhere, letters it lacks as "?"."""
    stream = sys.stderr if stderr else sys.stdout
    if file is None and hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")
    made = Console(stderr=stderr, file=file, markup=False, highlight=False, emoji=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = PLAIN_WIDTH
    return made


def print_report(out: Console, results: pd.DataFrame, quiet: bool = False) -> None:
    """Everything there is to say about the results; ``quiet``, the summary and problems only."""
    meta = {str(key): value for key, value in results.attrs.items()}
    if not quiet:
        _title(out, "Summary", "values compared, worst noise ratio and what is allowed, verdicts")
    print_summary(out, results)
    if not quiet:
        print_gradients(out, summary.gradient_table(results))
        print_trajectories(out, summary.trajectory_table(results), summary.short_names(results))
        print_explanations(out, results)
        print_power(out, results)
    print_divergences(out, results, meta)
    if not quiet:
        print_provenance(out, meta)
    print_verdict(out, results)


def print_summary(out: Console, results: pd.DataFrame) -> None:
    """A line for each case and candidate."""
    rows = summary.summary(results)
    dtypes = [d for d in FORMATS if d in rows.columns]
    limits = results.groupby("dtype")["allowed"].max()
    table = _table(padding=1)
    table.add_column("\nnetwork" if _has_training(results) else "\ncase", overflow="fold")
    table.add_column("\nadapter", no_wrap=True)
    _numbers(table, "\nvalues", "\nnon-zero", *(f"{d}\n≤ {limits[d]:g}" for d in dtypes))
    table.add_column("\nverdicts", min_width=14)
    for row in _records(rows):
        counts = {v: row[v] for v in VERDICTS if row[v]}
        table.add_row(
            str(row["case"]), str(row["candidate"]), f"{row['n_compared']:,}",
            f"{row['n_nonzero']:,}", *(ratio(row[d]) for d in dtypes),
            _counts(counts, ", " if out.width >= WIDE else ",\n"),
        )  # fmt: skip
    for line in lines_of(out, table, out.width):
        out.print(line, soft_wrap=True)


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in rows.to_dict("records")]


def _has_training(results: pd.DataFrame) -> bool:
    return bool((results["mode"] != "vjp").any())


def print_gradients(out: Console, rows: pd.DataFrame) -> None:
    """A line for y, dx and every parameter."""
    if rows.empty:
        return
    keys = ["case", "quantity", "leaf", "dtype"]
    worst = _worst(rows, keys, ["normwise_error", "max_ulp", "noise_ratio"])
    ratios = _worst(rows, [*keys, "candidate"], ["noise_ratio"])
    lines = rows.drop_duplicates(["case", "quantity", "leaf"])[
        ["case", "quantity", "leaf", "shape"]
    ]
    grave = rows.groupby(["case", "quantity", "leaf"])["verdict"].agg(_gravest).to_dict()

    def build(dtypes: list[str], names: list[str]) -> Sectioned:
        table = _table("", "shape", padding=1)
        for dtype in dtypes:
            _numbers(table, f"{dtype}\nerror", "\nULP", *(f"\n{n or 'ratio'}" for n in names))
        table.add_column("\nverdict")
        previous, titles = None, []
        for case, quantity, leaf, shape in lines.itertuples(index=False):
            if case != previous:
                titles.append(str(case))
                table.add_row(SECTION)
            previous = case
            cells: list[str] = []
            for dtype in dtypes:
                key = (case, quantity, leaf, dtype)
                off, ulps, of_all = worst.get(key, (math.nan,) * 3)
                own = (ratios.get((*key, n), (math.nan,))[0] if n else of_all for n in names)
                cells += [error(off), ulp(ulps), *map(ratio, own)]
            label = f"d{leaf}" if quantity == "dparams" else quantity
            verdict = _colored(grave[case, quantity, leaf])
            table.add_row(f"  {label}", _shape(shape), *cells, verdict)
        return table, titles

    _title(out, "Gradients", "normwise error and ULP of the worst adapter; noise ratio")
    _print_fitting(out, build, rows)


def print_trajectories(out: Console, rows: pd.DataFrame, short: dict[str, str]) -> None:
    """A line for each quantity, a column for each of the chosen steps."""
    if rows.empty:
        return
    keys = ["case", "optimizer", "mode", "quantity"]
    errors = _worst(rows, [*keys, "dtype", "step"], ["normwise_error"])
    grave = rows.groupby([*keys, "dtype", "step"])["verdict"].agg(_gravest).to_dict()
    ratios = _worst(rows, [*keys, "dtype", "candidate"], ["noise_ratio"])
    of_all = _worst(rows, [*keys, "dtype"], ["noise_ratio"])
    lines = rows[keys].drop_duplicates()
    steps = sorted(set(rows["step"]))

    def build(dtypes: list[str], names: list[str]) -> Sectioned:
        table = _table("", padding=0)
        for dtype in dtypes:
            heads = [f"{dtype if not i else ''}\n{step}" for i, step in enumerate(steps)]
            _numbers(table, *heads, *(f"\n{n or 'ratio'}" for n in names))
        previous, titles = None, []
        for key in lines.itertuples(index=False, name=None):
            case, optimizer, mode, quantity = key
            if (case, optimizer) != previous:
                titles.append(f"{case}, {short[optimizer]}")
                table.add_row(SECTION)
            previous = (case, optimizer)
            cells: list[Text | str] = []
            for dtype in dtypes:
                at = [(*key, dtype, step) for step in steps]
                cells += [_at_step(errors.get(k, (math.nan,))[0], grave.get(k, "")) for k in at]
                wanted = ((*key, dtype, n) if n else (*key, dtype) for n in names)
                cells += [ratio((ratios | of_all).get(w, (math.nan,))[0]) for w in wanted]
            free = ", free" if mode == "free-running" else ""
            table.add_row(f"  {quantity}{free}", *cells)
        return table, titles

    _title(
        out, "Trajectories", "normwise error by step, of the worst leaf and adapter; noise ratio"
    )
    _print_fitting(out, build, rows)
    star = "; * not judged, see below" if (rows["verdict"] == "unresolved").any() else ""
    out.print(f"free: free-running, otherwise in lockstep{star}", style="dim")


def _worst(rows: pd.DataFrame, keys: list[str], values: list[str]) -> dict[Any, tuple[float, ...]]:
    table = rows.groupby(keys, sort=False)[values].max()
    return dict(zip(table.index, table.itertuples(index=False, name=None), strict=True))


def _at_step(off: float, verdict: str) -> Text:
    mark = MARKS.get(verdict, "")
    style = GRAVE if mark == "!" else "dim" if mark else ""
    return Text(error(off, digits=0) + mark, style=style)


def _print_fitting(
    out: Console, build: Callable[[list[str], list[str]], Sectioned], rows: pd.DataFrame
) -> None:
    """The first layout that fits: every adapter's noise ratio, dtypes side by side, or less."""
    dtypes = list(dict.fromkeys(rows["dtype"]))
    names = list(dict.fromkeys(rows["candidate"]))
    one_by_one = [[d] for d in dtypes]
    for parts, shown in (
        ([dtypes], names),
        ([dtypes], [""]),
        (one_by_one, names),
        (one_by_one, [""]),
    ):
        tables = [build(part, shown) for part in parts]
        if all(_width(out, table) <= out.width for table, _ in tables):
            break
    for table, titles in tables:
        _print_sections(out, table, iter(titles))


def _width(out: Console, table: Table) -> int:
    return out.measure(table, options=out.options.update(width=WIDEST)).maximum


def _print_sections(out: Console, table: Table, titles: Iterator[str]) -> None:
    """The table, with the titles of its sections in place of the rows that stand for them."""
    for text in lines_of(out, table, max(out.width, _width(out, table))):
        titled = Text(next(titles), style="bold") if text.plain == SECTION else text
        out.print(titled, soft_wrap=True)


def lines_of(out: Console, table: Table, width: int) -> Iterator[Text]:
    """The lines of a table laid out for a width, without trailing spaces."""
    for line in out.render_lines(table, out.options.update(width=width), pad=False):
        text = Text("").join(Text(s.text, s.style or "") for s in line if not s.control)
        text.rstrip()
        yield text


def print_explanations(out: Console, results: pd.DataFrame) -> None:
    """Every verdict that is no plain match, counted and in words."""
    lines = summary.explanations(results)
    if lines.empty:
        return
    _title(out, "Other verdicts", "every one that is no plain match, and why")
    for row in _records(lines):
        head = Text(f"  {row['rows']:,} {row['verdict']}", style=MILD)
        place = f": {row['where']} ({row['candidates']}): {row['reason']}"
        _print_line(out, head.append(place, style="not bold default"))


def print_power(out: Console, results: pd.DataFrame) -> None:
    """How small an error would have been seen."""
    lines = summary.power(results)
    if lines.empty:
        return
    _title(out, "Power", "the smallest error, in units of a tensor's largest entry, to be seen in "
           "any entry")  # fmt: skip
    for row in _records(lines):
        text = f"  {row['dtype']}: {error(row['median'])} in the median tensor, "
        text += f"{error(row['weakest'])} in the weakest ({row['where']})"
        if row["unresolved"]:
            text += f"; {100 * row['unresolved']:.2g} % of the values unresolved"
        _print_line(out, Text(text))


def print_divergences(out: Console, results: pd.DataFrame, meta: dict[str, Any]) -> None:
    """The first wrong step, layer and quantity of every candidate that went wrong.

    What goes wrong at the same place in several dtypes or modes is told once; beyond the first
    few, in a line each.
    """
    first = summary.first_divergence(results)
    if first.empty:
        return
    short = summary.short_names(results)
    failed = first["reason"].where(first["verdict"] == "error", "")
    place = ["candidate", "case", "optimizer", "step", "quantity", "leaf", "verdict"]
    _title(out, "First divergences", "what is wrong, from the first step and layer that is")
    for i, (_, same) in enumerate(first.groupby([*place, failed], sort=False)):
        rows = _records(same)
        if i < IN_FULL:
            head, *more = disagreement(rows, results, short, meta)
            _print_line(out, Text(head, style=GRAVE))
            for line in more:
                _print_line(out, Text(f"  {line}"))
        else:
            _print_line(out, Text(f"{_headline(rows, short)}: {_leaf(rows[0]) or 'error'}"))


def _headline(rows: list[dict[str, Any]], short: dict[str, str]) -> str:
    """Who disagrees on what, and at which step."""
    row, says = rows[0], "disagrees with the reference on"
    if row["finding"] == "vacuous":
        says = "shows nothing on"
    elif row["verdict"] == "error" and not row["quantity"]:
        says = "fails on"
    elif row["verdict"] == "unexpected match":
        says = "no longer differs from the reference, as it is known to, on"
    dtypes = " and ".join(dict.fromkeys(r["dtype"] for r in rows))
    modes = " and ".join(dict.fromkeys(r["mode"] for r in rows if r["mode"] != "vjp"))
    where = ", ".join(p for p in (row["case"], short[row["optimizer"]], dtypes, modes) if p)
    at = f" at step {row['step']}" if row["step"] else ""
    return f"{row['candidate']} {says} {where}{at}"


def disagreement(
    rows: list[dict[str, Any]], results: pd.DataFrame, short: dict[str, str], meta: dict[str, Any]
) -> list[str]:
    """What went wrong first, what still matched there, and how to see it again.

    ``rows`` went wrong at the same place, in different dtypes or modes; the first is told.
    """
    row = rows[0]
    lines = [f"{_headline(rows, short)}, seed {meta.get('seed', 0)}"]
    if not row["quantity"]:
        lines.append(row["reason"])
    else:
        lines.append(f"{_leaf(row)} {row['shape']}: {_distance(row)}")
        run = results[(results[summary.CASE] == [row[c] for c in summary.CASE]).all(axis=1)]
        now = run[run["step"] == row["step"]]
        wrong = now["verdict"].isin(BAD)
        also, good = ([_leaf(r) for r in _records(part)] for part in (now[wrong], now[~wrong]))
        if good:
            lines.append(f"{_some(good)} {'matches' if len(good) == 1 else 'match'}.")
        also.remove(_leaf(row))
        if also:
            lines.append(f"{_some(also)} {'is' if len(also) == 1 else 'are'} wrong too.")
    if row["cause"]:
        lines.append(f"Likely cause: {row['cause']}")
    return [*lines, f"Reproduce: {command(rows, meta)}"]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _distance(row: dict[str, Any]) -> str:
    numbers = ""
    if math.isfinite(row["noise_ratio"]):
        numbers = f"noise ratio {ratio(row['noise_ratio'])}, allowed {row['allowed']:g}"
    if row["reason"]:
        return "; ".join(part for part in (row["reason"], numbers) if part)
    off = f"{row['minimum_passing']:.3g} off at {row['worst_index']}"
    return f"{off}; {numbers}"


def _leaf(row: dict[str, Any]) -> str:
    return f'{row["quantity"]}["{row["leaf"]}"]' if row["leaf"] else str(row["quantity"])


def command(rows: list[dict[str, Any]], meta: dict[str, Any]) -> str:
    """The command line that shows again what went wrong."""
    row, dtypes = rows[0], {r["dtype"] for r in rows}
    if file := meta.get("cases", {}).get(summary.case_key(row)):
        return f"backproof compare --case {file} --adapter {row['candidate']}"
    sample = re.match(r"\w+", row["case"]) if row["case"] not in meta.get("networks", ()) else None
    what = f"--network {row['case']}"
    if sample:
        what = f"--{'loss' if sample[0] in meta.get('losses', ()) else 'layer'} {sample[0]}"
    words = ["backproof compare", what, f"--adapter {row['candidate']}"]
    if len(dtypes) == 1:
        words.append(f"--dtype {row['dtype']}")
    if row["optimizer"]:
        words.append(f"--optimizer {row['optimizer'].partition('(')[0].lower()}")
        words.append(f"--steps {row['step'] or meta.get('steps', 1)}")
    elif not sample:
        words.append("--steps 1")
    return " ".join([*words, f"--seed {meta.get('seed', 0)}"])


def print_provenance(out: Console, meta: dict[str, Any]) -> None:
    """Versions, machine, seed, duration, and what was skipped."""
    _title(out, "Run with")
    versions = (f"{name} {version}" for name, version in meta.get("versions", {}).items())
    machine = (f"{v} cores" if k == "cores" else v for k, v in meta.get("machine", {}).items())
    run = (f"{name} {meta[name]}" for name in ("seed", "steps", "jobs") if name in meta)
    seconds = [f"{meta['seconds']:.3g} s"] if "seconds" in meta else []
    spent, total = (meta.get(name, 0.0) for name in SECONDS)
    if total:
        seconds.append(f"{100 * spent / total:.0f} % of comparing spent on tolerances")
    for parts in (versions, machine, (*run, *seconds)):
        if line := ", ".join(parts):
            _print_line(out, Text(f"  {line}"))
    for line in meta.get("skipped", ()):
        _print_line(out, Text(f"  Skipped: {line}", style=MILD))


def print_verdict(out: Console, results: pd.DataFrame) -> None:
    """The last line: how much was compared, and how it went."""
    counts = summary.totals(results)
    rows, values, *parts = (counts.pop(k) for k in ("rows", *summary.COUNTS))
    bad = sum(counts.get(v, 0) for v in BAD)
    words = zip(parts, ("not zero", "distinct", "finite"), strict=True)
    known = ", ".join(f"{'all' if n == values else f'{n:,}'} {word}" for n, word in words if n >= 0)
    head = f"{rows:,} comparisons of {values:,} values ({known}): "
    end = "" if bad or not values else "; no mismatch, no error"
    out.print()
    line = Text(head, style="bold").append(_counts(counts)).append(end + ".")
    _print_line(out, line)


def _counts(counts: dict[str, int], comma: str = ", ") -> Text:
    text = Text()
    for verdict, n in counts.items():
        text.append(comma if text else "").append(_colored(verdict, f"{n:,} {verdict}"))
    return text


def _colored(verdict: str, text: str | None = None) -> Text:
    style = GRAVE if verdict in BAD else "green" if verdict == "match" else MILD
    return Text(verdict if text is None else text, style=style)


def _gravest(verdicts: Iterable[str]) -> str:
    return max(verdicts, key=summary.SEVERITY.index)


def _title(out: Console, title: str, note: str = "") -> None:
    out.print()
    text = Text(title, style="bold cyan").append(f": {note}" if note else "", style="not bold dim")
    _print_line(out, text)


def _print_line(out: Console, text: Text) -> None:
    """Wrapped below its indent on a terminal; one line in a file, to be searched and copied."""
    if not out.is_terminal or "Reproduce:" in text.plain:
        out.print(text, soft_wrap=True)
        return
    indent = len(text.plain) - len(text.plain.lstrip())
    out.print(Padding(text[indent:], (0, 0, 0, indent), expand=False))


def _table(*columns: str, padding: int = 1) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim",
                  padding=(0, padding, 0, 0), collapse_padding=True)  # fmt: skip
    for name in columns:
        table.add_column(name, no_wrap=True)
    return table


def _numbers(table: Table, *columns: str) -> None:
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)


def _shape(shape: str) -> str:
    """(4, 1, 3, 3) as 4×1×3×3."""
    return "×".join(re.findall(r"\d+", shape)) or "scalar"


def _power(text: str) -> str:
    """1e-07 as 1e-7."""
    return re.sub(r"e([+-])0*(\d)", lambda m: f"e{m[1].strip('+')}{m[2]}", text)


def error(value: float, digits: int = 1) -> str:
    """4.0e-16."""
    return _plain(value) or _power(f"{value:.{digits}e}")


def ulp(value: float) -> str:
    """0.3, 42, 18032, 5e12."""
    return _plain(value) or _short(value, 99999.5, 0)


def ratio(value: float) -> str:
    """0.25, 42, 9.3e11."""
    return _plain(value) or (f"{value:.2f}" if value < 9.995 else _short(value, 9999.5, 1))


def _plain(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:g}" if math.isinf(value) or value == 0 else ""


def _short(value: float, most: float, digits: int) -> str:
    if value >= most:
        return _power(f"{value:.{digits}e}")
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"
