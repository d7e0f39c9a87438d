"""docs/coverage.md is current: every item is there, with the translation that the adapters have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from backproof.reference import discovery

PAGE = Path(__file__).parents[1] / "docs" / "coverage.md"
AGAIN = "run `nox -s coverage`"


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def rows(page):
    """Item to its cells."""
    lines = re.findall(r"^\| (.+) \|$", page, re.MULTILINE)
    return {name: cells for name, *cells in (line.split(" | ") for line in lines) if cells}


def test_every_item_is_there_and_counted(page, rows):
    assert set(rows) - {"item"} == set(discovery.everything()), AGAIN
    for kind in ("layers", "losses", "optimizers", "schedules", "transforms", "initialisers"):
        count = len(getattr(discovery, kind)())
        assert f"## {kind.capitalize()} ({count})" in page, AGAIN


def test_translations_are_those_of_the_adapter(framework, rows):
    column = {"torch": 1, "jax": 2}[framework.name]
    for name, spec in discovery.everything().items():
        how, ratios, *_ = rows[name][column].split("<br>")
        assert how == framework.translation(spec) != "", f"{name}: {AGAIN}"
        assert re.fullmatch(r"[-.e+0-9]+, [-.e+0-9]+", ratios), f"{name}: {AGAIN}"


def test_what_is_not_compared_has_a_reason(rows):
    for name, (_, *cells) in rows.items():
        for cell in cells:
            if "-, -" in cell:
                assert "unsupported: " in cell, name
