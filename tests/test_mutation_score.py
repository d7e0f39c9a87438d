"""docs/mutation-score.md is current: every family and style, counted and measured as they are."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from backproof.comparisons.mutants import mutants
from backproof.comparisons.mutants.score import hunt
from backproof.comparisons.mutants.styles import STYLES, USUAL

PAGE = Path(__file__).parents[1] / "docs" / "mutation-score.md"
AGAIN = "run `nox -s mutation_score`"
SMALL = "dropout"  # a family that is quickly measured again, by every style


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text(encoding="utf-8")


def rows(page, heading):
    """First cell to the others, in the table that has such a heading."""
    table = page[page.index(f"| {heading} |") :].partition("\n\n")[0]
    cells = [re.findall(r"[^|]+?(?= \|)", line) for line in table.splitlines()[2:]]
    return {first.strip(): [cell.strip() for cell in others] for first, *others in cells}


def test_every_family_is_there_and_counted(page):
    counts = Counter(m.family for m in mutants().values())
    assert set(rows(page, "family")) == {f"{name} ({n})" for name, n in counts.items()}, AGAIN
    assert f"How many of {len(mutants())} wrong implementations" in page, AGAIN


def test_every_style_is_there_and_said(page):
    table = rows(page, "style of test")
    assert {name: cells[0] for name, cells in table.items()} == {
        style.name: style.description for style in STYLES.values()
    }, AGAIN


def test_we_catch_them_all(page):
    whole = f"{len(mutants())} of {len(mutants())}, 100.0 %"
    assert rows(page, "style of test")["backproof"][2].startswith(whole), AGAIN


def test_the_numbers_are_those_of_today(page):
    members = [m for m in mutants().values() if m.family == SMALL]
    *typical, own, _, _ = rows(page, "family")[f"{SMALL} ({len(members)})"]
    for cell, style in zip(typical, (STYLES["backproof"], *USUAL), strict=True):
        outcomes = [hunt(m, style, "typical").outcome for m in members]
        assert cell == f"{outcomes.count('killed')} of {len(members)}", f"{style.name}: {AGAIN}"
    assert own == f"{len(members)} of {len(members)}", AGAIN
