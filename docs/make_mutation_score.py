"""Write docs/mutation-score.md from saved scores of every style: `nox -s mutation_score`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from backproof.comparisons.confidence import share
from backproof.comparisons.mutants import mutants
from backproof.comparisons.mutants.score import survivors, tally
from backproof.comparisons.mutants.styles import OWN, STYLES, USUAL

PAGE = Path(__file__).with_name("mutation-score.md")
INTRODUCTION = """# Mutation score

How many of {count} wrong implementations a test catches: Backproof's own comparison, and the usual
styles of test, all measured by the same command, `backproof mutants --score --style all --inputs
both`. What the mutants are, and how to hunt them with a test of yours: [mutants.md](mutants.md).

*Typical inputs*: usual hyperparameters, parameters as they are initialised, normal numbers, sizes
that divide, states at rest; one setting for each layer, loss, optimizer... *Own inputs*: every
sample of the suite, awkward on purpose. A style is counted on the mutants that it has a test for: a
gradient check says nothing of an optimizer, and a test that the right implementation fails as well
is none. In brackets, the 95 % confidence interval of each share (Wilson)."""
READING = """\
Training that goes well says next to nothing. Comparing numbers on typical inputs finds {low:.0f} to
{high:.0f} % of the mistakes, whatever the tolerance: what matters most is the input, and on awkward
ones a plain `allclose` finds {best:.0f} %. A gradient check never sees what is wrong in forward and
backward alike. The comparisons of numbers are flattered here: their oracle is the reference itself,
which agrees with correct code to the last bit in float64. Beside another framework fixed tolerances
cry wolf as well."""
NUMBERS = ("golden", "assert_close", "allclose", "check_close")
FAMILIES = """\
Killed by each style on typical inputs, of the mutants that it has a test for; then by Backproof on
its own inputs, with the smallest noise ratio that killed (1024 is allowed; for initialisers 4.6)
and the seconds of processor time that the slowest took to be found."""


def page(rows: pd.DataFrame, meta: dict[str, Any]) -> str:
    """The whole page."""
    parts = [
        INTRODUCTION.format(count=rows["id"].nunique()), "\n".join(_summary(rows)), _reading(rows),
        "## By family", FAMILIES, "\n".join(_families(rows)),
        "## What slips through", _slips(rows), "## Measured with", _environment(rows, meta),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _summary(rows: pd.DataFrame) -> list[str]:
    lines = ["| style of test | what passes | typical inputs | own inputs |", "|---|---|---|---|"]
    for style in STYLES.values():
        cells = [share(*tally(_part(rows, style.name, inputs))) for inputs in ("typical", "own")]
        lines.append(f"| {style.name} | {style.description} | {' | '.join(cells)} |")
    return lines


def _reading(rows: pd.DataFrame) -> str:
    """What the table says, in words."""

    def per_cent(style: str, inputs: str) -> float:
        killed, of = tally(_part(rows, style, inputs))
        return 100 * killed / of

    typical = [per_cent(style, "typical") for style in NUMBERS]
    best = per_cent("allclose", "own")
    return READING.format(low=min(typical), high=max(typical), best=best)


def _families(rows: pd.DataFrame) -> list[str]:
    names = [style.name for style in (OWN[0], *USUAL)]
    heads = ["family", *names, "own inputs", "smallest ratio", "slowest, s"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for family, members in rows.groupby("family"):
        typical = [tally(_part(members, name, "typical")) for name in names]
        ours = _part(members, "backproof", "own")
        cells = [
            f"{family} ({len(ours)})", *(f"{k} of {n}" if n else "-" for k, n in typical),
            "{} of {}".format(*tally(ours)), f"{ours['noise_ratio'].min():.2g}",
            f"{ours['seconds'].max():.2f}",
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _slips(rows: pd.DataFrame) -> str:
    usual = rows[rows["style"].isin([style.name for style in USUAL])]
    typical = usual[usual["inputs"] == "typical"]
    return "\n".join([
        _unseen("any usual style on typical inputs", typical, named=False),
        _unseen("any usual style on any of these inputs", usual),
        _unseen("backproof in float64, on its own inputs", _part(rows, "backproof", "own")),
        _unseen("backproof in float32, on its own inputs", _part(rows, "backproof-float32", "own")),
        _alarms(rows),
    ])  # fmt: skip


def _unseen(by: str, rows: pd.DataFrame, named: bool = True) -> str:
    """Who is not caught, of those that something could have caught."""
    tried = rows[~rows["outcome"].isin(["not applicable", "useless"])]
    missed, known = survivors(tried), mutants()
    names = (f"{id} ({known[id].subject}: {known[id].description})" for id in missed)
    told = f": {'; '.join(names)}" if named and missed else ""
    return f"- Not caught by {by}: {len(missed)} of {tried['id'].nunique()}{told}."


def _alarms(rows: pd.DataFrame) -> str:
    """What cries wolf: settings that the right implementation fails."""
    worst = rows.groupby(["style", "inputs", "subject"])["false_alarms"].max()
    alarms = worst.groupby(["style", "inputs"], sort=False).sum()
    told = [f"{style} on {inputs} inputs {n}" for (style, inputs), n in alarms.items() if n]
    return f"- Settings on which the right implementation fails: {', '.join(told) or 'none'}."


def _environment(rows: pd.DataFrame, meta: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in meta["versions"].items())
    machine = meta["machine"]
    seconds = rows.groupby("style", sort=False)["seconds"].sum()
    each = ", ".join(f"{style} {total:.0f}" for style, total in seconds.items())
    slowest = _part(rows, "backproof", "own").sort_values("seconds").iloc[-1]
    return (
        f"{versions}; {machine['processor']}, {machine['cores']} cores, {machine['system']}; seed "
        f"{meta['seed']}, {meta['jobs']} processes, {meta['seconds']:.0f} s in all. Processor time "
        f"spent on the mutants, both inputs together, in seconds: {each}. The slowest to be found "
        f"by backproof: {slowest['id']}, {slowest['seconds']:.2f} s."
    )


def _part(rows: pd.DataFrame, style: str, inputs: str) -> pd.DataFrame:
    return rows[(rows["style"] == style) & (rows["inputs"] == inputs)]


def main(args: Sequence[str]) -> None:
    """Read the file named, write the page."""
    content = json.loads(Path(args[0]).read_text(encoding="utf-8"))
    rows = pd.DataFrame(content["rows"])
    rows["noise_ratio"] = rows["noise_ratio"].astype(float)  # "NaN" and "Infinity" are words there
    PAGE.write_text(page(rows, content["meta"]), encoding="utf-8")
    print(f"written to {PAGE}")


if __name__ == "__main__":
    main(sys.argv[1:])
