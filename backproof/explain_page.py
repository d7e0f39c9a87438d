"""The ledger as one page of HTML: no script, no network, light and dark, printable."""

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
STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --paper: #fff; --dim: #5c5f66; --line: #d5d7dc;
  --code: #f3f4f6; --good: #0b6b3a; --fork: #7a2a8c; --none: #8a5a00; --bad: #b00020; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7e7ea; --paper: #16171a; --dim: #a3a6ad;
  --line: #3a3c42; --code: #22242a; --good: #6fd39b; --fork: #e0a2ee; --none: #e0b060;
  --bad: #ff8a94; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  margin: 0 auto; max-width: 84rem; padding: 1rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; margin: .5rem 0; } h2 { font-size: 1.3rem; margin: 2.5rem 0 0; }
h3 { font-size: 1.05rem; margin: 1.5rem 0 .3rem; } p { margin: .3rem 0; max-width: 60rem; }
code, pre, .numbers, .equation { font-family: ui-monospace, Menlo, Consolas, monospace;
  font-size: .88em; overflow-wrap: anywhere; }
pre { background: var(--code); padding: .6rem .8rem; white-space: pre-wrap; margin: .4rem 0; }
table { border-collapse: collapse; width: 100%; margin: .3rem 0 .8rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; font-weight: normal;
  border-top: 1px solid var(--line); } thead th { color: var(--dim); font-size: .88em; }
table.ledger { table-layout: fixed; } .ledger .number { width: 2.2rem; text-align: right;
  color: var(--dim); } .ledger .hand { width: 44%; } td.count { text-align: right; }
.equation { font-weight: 600; } .dim, .place { color: var(--dim); font-size: .88em; }
.good { color: var(--good); } .fork { color: var(--fork); } .none { color: var(--none); }
.bad { color: var(--bad); } summary { cursor: pointer; color: var(--dim); font-size: .88em; }
summary:focus-visible, a:focus-visible { outline: 2px solid currentcolor; outline-offset: 2px; }
.scroll { overflow-x: auto; }
@media (max-width: 46rem) { table.ledger, .ledger tbody, .ledger tr, .ledger td, .ledger th {
  display: block; width: auto; } .ledger thead { display: none; } .ledger td, .ledger th {
  border: 0; padding: .1rem 0; text-align: left; } .ledger tr { border-top: 1px solid var(--line);
  padding: .5rem 0; } .ledger .hand { width: auto; } .ledger td[data-of]::before {
  content: attr(data-of) ": "; color: var(--dim); } }
@media print { body { font-size: 10pt; max-width: none; } details { display: none; }
  tr { break-inside: avoid; } h2, h3 { break-after: avoid; } }
"""


def page(e: Explanation) -> str:
    """The whole document."""
    title = f"{e.problem.name}: the ledger"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
<p>{escape(e.problem.description)}</p>
<p class="dim">Each hand-derived step beside what computes the same numbers elsewhere. They are
lined up by their numbers in two random draws; shown are those of the network itself.</p>
{"".join(_paragraph(f"Skipped: {k}: {v}", "none") for k, v in e.skipped.items())}
{"".join(_paragraph(f"Wrong: {line}.", "bad") for line in e.wrong)}
</header>
<main>
{"".join(_sections(e))}
</main>
</body>
</html>
"""


def _sections(e: Explanation) -> Iterator[str]:
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
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
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
    for phase, found in by_phase.items():
        yield _section(titles[phase], "".join(_layer(group, ledger) for group in found))


def _layer(group: Group, ledger: Ledger) -> str:
    names = list(ledger.events)
    head = "".join(f'<th scope="col">{escape(n)}</th>' for n in names)
    rows = "".join(_row(row, ledger) for row in group.rows)
    return f"""<h3>{escape(group.title)} <span class="dim">{escape(group.headline)}</span></h3>
<details><summary>derivation</summary><pre>{escape(derivation(group.call.spec))}</pre></details>
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
    parts = [r for r in ledger.rows if r.whole is row]
    known = said(step).endswith(step.text)
    code = "" if known else f"<code>{escape(step.text)}</code> "
    return f"""<span class="equation">{escape(said(step))}</span>{fork if step.fork else ""}
<br>{code}<span class="place">{escape(step.where)}</span>
<br><span class="numbers">{escape(shown)}</span>
<details><summary>in full</summary>{_paragraph(equation(step))}<pre>{escape(step.statement)}</pre>
<pre>{escape(numbers(row.shown, MANY))}</pre>{_parts(parts, ledger)}</details>"""


def _parts(parts: list[Row], ledger: Ledger) -> str:
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
