"""The ledger as tables of HTML: all that the page holds without a script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from .comparisons.ledger.equations import derivation, equation
from .comparisons.ledger.explanation import Bug, Explanation
from .comparisons.ledger.ledger import Ledger, Row
from .explain_words import (
    TITLES,
    Group,
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

FEW, MANY = 4, 256  # numbers of a step in its row, and in its details
LONGEST = 100  # rows of a ledger whose steps have details; of a longer one JSON holds them


def sections(e: Explanation) -> Iterator[str]:
    """The ledger, and whatever else was asked for, section by section."""
    if e.ledger.events:
        yield _section("Steps with a counterpart", _counts(e, e.ledger))
    if e.bug is not None:
        yield _section(f"First wrong step of {e.bug.name}", _bug(e.bug))
    yield from _passes(e.ledger, TITLES)
    if e.forward is not None:
        heading = {"forward": "Forward mode: the tangent of every step along a random direction"}
        yield from _passes(e.forward.ledger, heading)
        rates = {"reverse mode": e.forward.by_gradient, **e.forward.rates}
        cells = [[escape(k), f"{v:.12g}"] for k, v in rates.items()]
        yield _section("The loss's rate", _table(["", "rate"], cells))
    if e.second is not None:
        yield _section("Second order: the Hessian times a random direction v", _second(e))


def _section(title: str, content: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n{content}\n</section>\n"


def _paragraph(text: str, kind: str = "") -> str:
    return f'<p class="{kind}">{escape(text)}</p>\n' if text else ""


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    named = '<th scope="col">{}</th>'
    top = "".join(named.format(escape(cell)) if cell else "<td></td>" for cell in head)
    body = "\n".join(
        f'<tr><th scope="row">{first}</th>'
        + "".join(f'<td class="numbers">{cell}</td>' for cell in rest) + "</tr>"
        for first, *rest in rows
    )  # fmt: skip
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>'  # noqa: E501


def _counts(e: Explanation, ledger: Ledger) -> str:
    rows = ([escape(label), *map(escape, cells.values())] for label, cells in counts(e, ledger))
    return _table(["", *ledger.events], rows)


def _passes(ledger: Ledger, titles: dict[str, str]) -> Iterator[str]:
    by_phase: dict[str, list[Group]] = {}
    for group in groups(ledger, whole=False):
        by_phase.setdefault(group.call.phase, []).append(group)
    derived: set[str] = set()
    for phase, found in by_phase.items():
        yield _section(titles[phase], "".join(_layer(group, ledger, derived) for group in found))


def _layer(group: Group, ledger: Ledger, derived: set[str]) -> str:
    """A layer's table; its derivation where it comes for the first time."""
    names = list(ledger.events)
    head = "".join(f'<th scope="col">{escape(n)}</th>' for n in names)
    rows = "".join(_row(row, ledger) for row in group.rows)
    text = "" if group.call.layer in derived else derivation(group.call.spec)
    derived.add(group.call.layer)
    return f"""<h3>{escape(group.title)} <span class="dim">{escape(group.headline)}</span></h3>
{_details("derivation", f"<pre>{escape(text)}</pre>") if text else ""}
<table class="ledger"><thead><tr><th scope="col" class="number">#</th>
<th scope="col" class="hand">by hand</th>{head}</tr></thead>
<tbody>
{rows}</tbody></table>
"""


def _row(row: Row, ledger: Ledger) -> str:
    cells = "".join(
        f'<td data-of="{escape(name)}">{_found(row, ledger, name)}</td>' for name in ledger.events
    )
    return (f'<tr><th scope="row" class="number">{row.number}</th>'
            f'<td class="hand">{_hand(row, ledger)}</td>{cells}</tr>\n')  # fmt: skip


def _hand(row: Row, ledger: Ledger) -> str:
    step = row.step
    fork = '<br><span class="fork">a sum of cotangents: a value was used more than once</span>'
    repeated = identity(row)
    shown = repeated or f"{shape(row.shown)}: {numbers(row.shown, FEW)}"
    known = said(step).endswith(step.text)
    code = "" if known else f"<code>{escape(step.text)}</code> "
    return f"""<span class="equation">{escape(said(step))}</span>{fork if step.fork else ""}
<br>{code}<span class="place">{escape(step.where)}</span>
<br><span class="numbers">{escape(shown)}</span>{_in_full(row, ledger)}"""


def _in_full(row: Row, ledger: Ledger) -> str:
    if sum(r.is_step for r in ledger.rows) > LONGEST:
        return ""
    texts = row.step.statement, numbers(row.shown, MANY)
    whole = "".join(f"<pre>{escape(text)}</pre>" for text in texts)
    return _details("in full", _paragraph(equation(row.step)) + whole + _parts(row, ledger))


def _details(summary: str, content: str) -> str:
    return f"<details><summary>{summary}</summary>{content}</details>"


def _parts(row: Row, ledger: Ledger) -> str:
    parts = [r for r in ledger.rows if r.whole is row]
    if not parts:
        return ""
    rows = (
        [f"<code>{escape(r.step.text)}</code>", escape(numbers(r.shown, FEW)),
         *(escape(counterpart(r.matches[n])) if n in r.matches else "" for n in ledger.events)]
        for r in parts
    )  # fmt: skip
    return _table(["part", "numbers", *ledger.events], rows)


def _found(row: Row, ledger: Ledger, name: str) -> str:
    match = row.matches.get(name)
    if match is None:
        return f'<span class="none">{escape(without(row, name))}</span>'
    kind = "fork" if match.event.fork else "good"
    ran = operations(ledger, name, match)
    details = [
        *remarks(row, name), f"ran there: {', '.join(ran)}" if len(ran) > 1 else "",
        match.event.where, f"off {small(match.off)}",
    ]  # fmt: skip
    return (f'<span class="{kind}">{escape(counterpart(match))}</span>'
            f'<br><span class="dim">{escape("; ".join(filter(None, details)))}</span>')  # fmt: skip


def _second(e: Explanation) -> str:
    second = e.second
    assert second is not None
    offs = {name: second.off(name) for name in second.products if name != "numpy"}
    rows = (
        [f"d²{escape(leaf)}", escape(f"{shape(v)}: {numbers(v, FEW)}"),
         *(small(off[leaf]) for off in offs.values())]
        for leaf, v in leaves(second.products["numpy"])
    )  # fmt: skip
    note = (f"vᵀHv = {second.curvature:.9g}. By hand: {second.how}. Differences are relative to a "
            f"leaf's largest number; {second.tolerance:g} is allowed. H is symmetric to "
            f"{small(second.asymmetry)}.")  # fmt: skip
    return _table(["", "H v by hand", *(f"{n} off" for n in offs)], rows) + _paragraph(note, "dim")


def _bug(bug: Bug) -> str:
    rows = []
    for name, wrong in bug.first.items():
        if wrong is None:
            rows.append([escape(name), "none in these draws", "", ""])
        else:
            call = wrong.call
            where = " ".join(filter(None, (wrong.right.step.name, "of", call.path, call.layer)))
            rows.append([escape(name), f"{escape(where)}, {call.phase} pass",
                         f"<code>{escape(wrong.step.text)}</code> {escape(wrong.step.where)}",
                         escape(wrong.hint)])  # fmt: skip
    return _paragraph(bug.description) + _table(["", "step", "code", "hint"], rows)
