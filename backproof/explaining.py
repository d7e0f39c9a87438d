"""``explain``: what ``backproof explain`` tells, for programs and notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from io import StringIO
from typing import TYPE_CHECKING, Any

from . import explain_words as words
from .comparisons.ledger.explanation import Explanation, explanation, problem_of
from .comparisons.ledger.ledger import Ledger, Row
from .comparisons.ledger.problem import of_named
from .comparisons.named_network import NamedNetwork

if TYPE_CHECKING:
    import pandas as pd

FEW = 3  # numbers of a step


@dataclass(frozen=True)
class Explained:
    """The ledger of a network: print it, look at it in a notebook, or take its ``table()``.

    ``explanation`` holds all that was found, as ``backproof.comparisons.ledger`` has it.
    """

    explanation: Explanation

    @property
    def ledger(self) -> Ledger:
        """The steps, with what each framework has for them."""
        return self.explanation.ledger

    def only(self, phase: str = "", layer: str = "") -> Explained:
        """The steps of the "forward" or "backward" pass, of the layer of that place or type.

        Raises ValueError where nothing is left; the message names what there is.
        """
        calls = {f"{r.step.call.path} {r.step.call.layer}": r.step.call for r in self.ledger.rows}
        kept = [
            r for r in self.ledger.rows
            if phase in ("", r.step.call.phase)
            and layer in ("", r.step.call.path, r.step.call.layer)
        ]  # fmt: skip
        if not kept:
            known = ", ".join(calls)
            raise ValueError(
                f"no step of {layer or 'a layer'} in the {phase or 'whole'} pass: {known}"
            )
        ledger = replace(self.ledger, rows=kept)
        return Explained(
            replace(self.explanation, ledger=ledger, forward=None, second=None, bug=None)
        )

    def table(self) -> pd.DataFrame:
        """A row for each step.

        Columns: step (its number), pass, place and layer, quantity, equation, code, where, value
        (an array), and for each framework what computes it ("" for nothing) and the largest
        difference, as "torch" and "torch off".
        """
        import pandas as pd

        return pd.DataFrame(list(map(self._record, self._shown())))

    def _shown(self) -> Iterator[Row]:
        for group in words.groups(self.ledger, whole=False):
            yield from group.rows

    def _record(self, row: Row) -> dict[str, Any]:
        step, call = row.step, row.step.call
        record = {
            "step": row.number, "pass": call.phase, "place": call.path, "layer": call.layer,
            "quantity": step.leaf or step.name, "equation": words.said(step), "code": step.text,
            "where": step.where, "value": row.shown,
        }  # fmt: skip
        for name in self.ledger.events:
            match = row.matches.get(name)
            record[name] = words.counterpart(match) if match else ""
            record[f"{name} off"] = match.off if match else float("nan")
        return record

    def __str__(self) -> str:
        """As the command line prints it."""
        from .explain_report import print_explanation
        from .rendering import console

        stream = StringIO()
        print_explanation(console(file=stream), self.explanation)
        return stream.getvalue()

    def page(self) -> str:
        """The page to step through and to play with, that ``backproof explain --html`` writes."""
        from .explain_page import page

        return page(self.explanation)

    def _repr_html_(self) -> str:
        """A table for notebooks: plain HTML, its classes there to be styled."""
        skipped = "".join(
            f"<p>Skipped: {escape(what)}: {escape(why)}</p>"
            for what, why in self.explanation.skipped.items()
        )
        names = list(self.ledger.events)
        head = "".join(f'<th scope="col">{escape(n)}</th>' for n in ["", "by hand", *names])
        body = "".join(self._bodies(names))
        return (f'{skipped}<table class="backproof-ledger"><thead><tr>{head}</tr></thead>'
                f"{body}</table>")  # fmt: skip

    def _bodies(self, names: list[str]) -> Iterator[str]:
        for group in words.groups(self.ledger, whole=False):
            title = f"{words.TITLES[group.call.phase]}: {group.title}"
            yield (f'<tbody><tr class="layer"><th colspan="{2 + len(names)}" scope="rowgroup">'
                   f"{escape(title)} <code>{escape(group.headline)}</code></th></tr>")  # fmt: skip
            for row in group.rows:
                cells = "".join(
                    f'<td data-of="{escape(name)}">{_theirs(row, name)}</td>' for name in names
                )
                yield f'<tr><td class="number">{row.number}</td><td>{_ours(row)}</td>{cells}</tr>'
            yield "</tbody>"


def _ours(row: Row) -> str:
    step = row.step
    says = words.identity(row) or words.numbers(row.shown, FEW)
    code = "" if words.said(step).endswith(step.text) else f"<code>{escape(step.text)}</code><br>"
    return (f"<strong>{escape(words.said(step))}</strong><br>{code}"
            f"<small>{escape(step.where)}</small><br>{escape(says)}")  # fmt: skip


def _theirs(row: Row, name: str) -> str:
    match = row.matches.get(name)
    if match is None:
        known = row.constant or (row.same_as is not None and not row.inside.get(name))
        return "" if known else f"<em>{escape(words.without(row, name))}</em>"
    more = escape("; ".join(filter(None, [*words.remarks(row, name), match.event.where])))
    off = f"<span>off {words.small(match.off)}</span>"
    return (f"<code>{escape(words.counterpart(match))}</code><br>"
            f"<small>{'; '.join(filter(None, [more, off]))}</small>")  # fmt: skip


def explain(
    network: str | NamedNetwork, *, adapters: Sequence[str] | None = None, unfused: bool = False,
    jvp: bool = False, hvp: bool = False, mutant: str = "", seed: int = 0,
) -> Explained:  # fmt: skip
    """Line each hand-derived step of a network up with what PyTorch and JAX compute it with.

    ``network`` is a ``NamedNetwork``, or a name that ``backproof explain`` knows. ``adapters`` are
    names, by default torch and jax; one that is not installed is skipped, and the result says so.
    ``unfused``: elementary operations, where a framework has one kernel. ``jvp`` adds forward
    mode, ``hvp`` second order, ``mutant`` the first step that this mistake makes wrong.

    Raises UnknownName for a name that is not known, CaseError where the network cannot run.
    """
    from .adapters.loading import load
    from .comparisons import environment
    from .comparisons.cases import one_thread

    problem = of_named(network, seed) if isinstance(network, NamedNetwork) else (
        problem_of(network, seed)
    )  # fmt: skip
    wanted = ("torch", "jax") if adapters is None else adapters
    lacking = {name: why for name in wanted if (why := environment.lacking(name))}
    tracers: Any = {name: load(name) for name in wanted if name not in lacking}
    with one_thread():
        told = explanation(problem, tracers, unfused=unfused, jvp=jvp, hvp=hvp, update=True,
                           mutant=mutant, seed=seed)  # fmt: skip
    told.skipped.update(lacking)
    return Explained(told)
