"""The ledger on a terminal: layer by layer, each step with what the frameworks have for it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .comparisons.ledger.equations import derivation, equation
from .comparisons.ledger.explanation import Bug, Explanation
from .comparisons.ledger.first_wrong import Wrong
from .comparisons.ledger.ledger import Ledger, Row
from .comparisons.ledger.modes import ForwardMode, SecondOrder
from .explain_words import (
    TITLES,
    counterpart,
    counts,
    groups,
    identity,
    numbers,
    operations,
    remarks,
    said,
    shape,
    small,
    without,
)
from .reference.tree import leaves
from .rendering import lines_of
from .tables import plain_table

TITLE, GRAVE = "bold cyan", "bold red"
WIDE = 110  # columns from which on hand and frameworks stand side by side
FEW, MANY = 3, 1000  # numbers of a step shown in the ledger, and of one step alone


def print_explanation(out: Console, e: Explanation, parts: bool = False) -> None:
    """Everything that there is to say about a network."""
    out.print(Text.assemble((e.problem.name, "bold"), f": {e.problem.description}"))
    samples = len(next(a for _, a in leaves(e.problem.shown[1])))
    _print(out, f"Shown are the numbers of {samples} sample{'s' * (samples > 1)}; steps are lined "
                "up by their numbers in two random draws.", "dim")  # fmt: skip
    for what, why in e.skipped.items():
        _print(out, f"Skipped: {what}: {why}", "yellow")
    print_ledger(out, e.ledger, parts)
    if e.ledger.events:
        _print_counts(out, e, e.ledger, "Steps with a counterpart")
    if e.forward is not None:
        _print_forward(out, e, e.forward)
    if e.second is not None:
        _print_second(out, e.second)
    if e.bug is not None:
        _print_bug(out, e.bug)
    for line in e.wrong:
        _print(out, f"\nWrong: {line}.", GRAVE)


def print_ledger(out: Console, ledger: Ledger, parts: bool, heading: str = "") -> None:
    """The rows, layer by layer."""
    phase = ""
    for group in groups(ledger, parts):
        if group.call.phase != phase:
            phase = group.call.phase
            out.print(f"\n{heading or TITLES[phase]}", style=TITLE)
        out.print(Text.assemble(("\n" + group.title, "bold"), "  ", (group.headline, "dim")))
        table = _grid(out)
        for rows in _runs(group.rows, ledger):
            _add(table, rows, ledger, side_by_side=out.width >= WIDE)
        _print_table(out, table)


def _grid(out: Console) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(justify="right", width=4, no_wrap=True)
    for _ in range(2 if out.width >= WIDE else 1):
        table.add_column(ratio=1)
    return table


def _runs(rows: list[Row], ledger: Ledger) -> Iterator[list[Row]]:
    """One row after the other; but those that nobody has a counterpart for are told together."""
    held: list[Row] = []
    for row in rows:
        if ledger.events and not row.passes and not row.matches and row.same_as is None:
            held.append(row)
            continue
        if held:
            yield held
            held = []
        yield [row]
    if held:
        yield held


def _add(table: Table, rows: list[Row], ledger: Ledger, side_by_side: bool) -> None:
    row = rows[0]
    number = Text("" if row.whole else str(row.number), style="dim")
    hand = _hand(row) if len(rows) == 1 else _together(rows)
    found = Text("\n").join(_found(row, ledger))
    if side_by_side:
        table.add_row(number, hand, found)
    else:
        table.add_row(number, Text("\n").join([hand, found]) if found else hand)


def _hand(row: Row) -> Text:
    """The hand-derived side: equation, code and place, numbers."""
    step = row.step
    lines = [Text("  " + step.text) if step.part else Text(said(step), style="bold")]
    if step.fork:
        lines.append(Text("a sum of cotangents: a value was used more than once", style="magenta"))
    code = [] if step.part or said(step).endswith(step.text) else [step.text]
    lines.append(Text("  ".join([*code, step.where]), style="dim"))
    if row.same_as is not None or row.constant:
        lines.append(Text(identity(row), style="dim"))
    else:
        lines.append(Text(f"{shape(row.shown)}: {numbers(row.shown, FEW)}"))
    return Text("\n").join(lines)


def _together(rows: list[Row]) -> Text:
    names = dict.fromkeys(row.step.name for row in rows)
    first, last = rows[0].number, rows[-1].number
    which = f"to {last}: " if last > first else ""
    lines = [Text(f"{which}{', '.join(names)}", style="dim")]
    if len(rows) == 1:
        lines = [_hand(rows[0])]
    return Text("\n").join(lines)


def _found(row: Row, ledger: Ledger) -> Iterator[Text]:
    """The frameworks' side: a line for each, and its place and difference below it."""
    width = max(map(len, ledger.events), default=0)
    for name in ledger.events:
        match = row.matches.get(name)
        label = Text(f"{name:{width}}  ", style="cyan")
        if match is None:
            if row.constant or (row.same_as is not None and not row.inside.get(name)):
                continue
            yield label.append(without(row, name), style="yellow")
            continue
        label.append(counterpart(match), style="magenta" if match.event.fork else "green")
        details = [*remarks(row, name), match.event.where, f"off {small(match.off)}"]
        yield label.append(f"\n{'':{width}}  " + "; ".join(filter(None, details)), style="dim")


def print_step(out: Console, e: Explanation, number: int) -> None:
    """One step in full: the derivation, every number, and everything that computes it."""
    row = next(r for r in e.ledger.rows if r.number == number and r.whole is None)
    step, call = row.step, row.step.call
    where = " ".join(filter(None, (call.path, call.layer)))
    out.print(Text.assemble((f"{number}  {step.name}", "bold"), f"  {call.phase} pass, {where}"))
    repeated = identity(row) if row.same_as is not None or row.constant else ""
    _listed(out, "", {
        "equation": equation(step), "code": step.statement, "where": step.where,
        "numbers": repeated, "fork": "a value was used more than once" if step.fork else "",
        "shape": shape(row.shown),
    })  # fmt: skip
    with np.printoptions(precision=10, threshold=MANY, linewidth=max(out.width - 4, 20)):
        out.print(Padding(Text(str(row.shown)), (1, 0, 1, 2)))
    for name in e.adapters:
        out.print(name, style="cyan")
        _print_match(out, e, row, name)
    pieces = [r for r in e.ledger.rows if r.whole is row]
    if pieces:
        out.print("\nParts of the expression", style=TITLE)
        for piece in pieces:
            print_row(out, piece, e.ledger)
    out.print("\nDerivation", style=TITLE)
    out.print(Padding(Text(derivation(step.call.spec)), (0, 0, 0, 2)))


def _print_match(out: Console, e: Explanation, row: Row, name: str) -> None:
    match = row.matches.get(name)
    if match is None:
        _print(out, f"  {without(row, name) or 'nothing: it depends on no number'}")
        return
    ran = operations(e.ledger, name, match)
    _listed(out, "  ", {
        "made by": f"#{match.event.number} {counterpart(match)}",
        "ran there": ", ".join(ran) if len(ran) > 1 else "",
        "line": match.event.where, "as": "; ".join(remarks(row, name)),
        "then": ", ".join(dict.fromkeys(event.name for event in match.later)),
        "off": f"{small(match.off)}; relative, worst of all draws {small(match.relative)}",
    })  # fmt: skip


def _listed(out: Console, indent: str, entries: dict[str, str]) -> None:
    for label, text in entries.items():
        if text:
            _print(out, f"{indent}{label:9} {text}")


def print_row(out: Console, row: Row, ledger: Ledger) -> None:
    """A row by itself."""
    table = _grid(out)
    _add(table, [row], ledger, side_by_side=out.width >= WIDE)
    _print_table(out, table)


def _print_table(out: Console, table: Table) -> None:
    for line in lines_of(out, table, out.width):
        out.print(line, soft_wrap=True)


def _print_counts(out: Console, e: Explanation, ledger: Ledger, title: str) -> None:
    out.print(f"\n{title}", style=TITLE)
    table = plain_table("", numbers=ledger.events)
    for label, cells in counts(e, ledger):
        table.add_row(label, *cells.values())
    out.print(table)
    hidden = any(r.is_step and r.inside.get(a) for r in ledger.rows for a in ledger.events)
    if hidden and not e.unfused:
        _print(out, "A step without a counterpart is inside a fused operation, or a closed form "
                    "of ours; --unfused runs elementary operations instead.", "dim")  # fmt: skip
    elif hidden:
        _print(out, "A step without a counterpart is inside an operation that is not taken apart, "
                    "or added up in another order.", "dim")  # fmt: skip


def _print_forward(out: Console, e: Explanation, mode: ForwardMode) -> None:
    heading = "Forward mode: the tangent of every step along a random direction of all inputs"
    print_ledger(out, mode.ledger, parts=False, heading=heading)
    _print_counts(out, e, mode.ledger, "Tangents with a counterpart")
    out.print()
    table = plain_table("the loss moves at the rate", numbers=("",))
    table.add_row("reverse mode, gradient times direction", f"{mode.by_gradient:.12g}")
    for name, rate in mode.rates.items():
        how = "a complex step" if name == "numpy" else "forward mode"
        table.add_row(f"{name}, {how}", f"{rate:.12g}")
    out.print(table)
    _print(out, f"Forward and reverse mode differ by {small(mode.disagreement)} of it; 1e-9 is "
                "allowed.", "dim")  # fmt: skip


def _print_second(out: Console, second: SecondOrder) -> None:
    out.print("\nSecond order: the Hessian in the parameters times a random direction v",
              style=TITLE)  # fmt: skip
    others = [name for name in second.products if name != "numpy"]
    table = plain_table("", "shape", "H v by hand", numbers=[f"{n} off" for n in others])
    offs = {name: second.off(name) for name in others}
    for leaf, value in leaves(second.products["numpy"]):
        cells = [small(offs[name][leaf]) for name in others]
        table.add_row(f"d²{leaf}", shape(value), numbers(value, 2), *cells)
    out.print(table)
    for name, why in second.skipped.items():
        _print(out, f"Skipped: {name}: {why}", "yellow")
    _print(out, f"vᵀHv = {second.curvature:.9g}. By hand: {second.how}. Differences are relative "
                f"to a leaf's largest number, {second.tolerance:g} is allowed; H is symmetric to "
                f"{small(second.asymmetry)}.", "dim")  # fmt: skip


def _print_bug(out: Console, bug: Bug) -> None:
    out.print(f"\nFirst wrong step of {bug.name}: {bug.description}", style=TITLE)
    for name, wrong in bug.first.items():
        if wrong is None:
            _print(out, f"{name}: none; in these draws every step that has a counterpart is right")
        else:
            _print_wrong(out, name, wrong)


def _print_wrong(out: Console, name: str, wrong: Wrong) -> None:
    step, right = wrong.step, wrong.right
    layer = " ".join(filter(None, (wrong.call.path, wrong.call.layer)))
    out.print(Text.assemble((f"{name}: ", "cyan"), (f"{right.step.name} of {layer}", GRAVE),
                            f", {wrong.call.phase} pass"))  # fmt: skip
    shown = [f"its code  {step.text}  {step.where}"]
    if equation(right.step):
        shown.append(f"should be {equation(right.step)} (step {right.number})")
    if name in right.matches:
        shown.append(f"misses    {counterpart(right.matches[name])}")
    if wrong.hint:
        shown.append(f"hint      {wrong.hint}")
    if wrong.after is not None:
        shown.append(f"right, as all before it: {wrong.after.label}")
    names = list(dict.fromkeys(s.name for s in wrong.unchecked if not s.part))
    if names:
        shown.append(f"in between, without a counterpart: {', '.join(names)}")
    for line in shown:
        _print(out, f"  {line}")


def _print(out: Console, text: str, style: str = "") -> None:
    """Wrapped below its indent on a terminal; one line in a file."""
    if not out.is_terminal:
        out.print(Text(text, style=style), soft_wrap=True)
        return
    indent = len(text) - len(text.lstrip())
    if math.isfinite(indent):
        out.print(Padding(Text(text.strip(" "), style=style), (0, 0, 0, indent)))
