"""The lesson: code taken from the source, exercises that there are, and cells that run.

`nox -s lesson` runs every chapter with PyTorch and JAX while it builds the site, and stops at a
link that leads nowhere. Where neither is installed, the chapters are run here.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path

import pytest

LESSON = Path(__file__).parents[1] / "docs" / "lesson"
CHAPTERS = sorted(LESSON.glob("[0-9]*.md"))
FENCE = re.compile(r"^```(\S*)[ ]?([^\n]*)\n(.*?)^```$", flags=re.M | re.S)  # kind, file, body
FRAMEWORKS = [name for name in ("torch", "jax") if importlib.util.find_spec(name)]
FIGURES = importlib.util.find_spec("matplotlib") is not None


def text(chapter):
    return chapter.read_text(encoding="utf-8")


def cells(chapter):
    """The code of every cell, without its options."""
    found = [body for what, _, body in FENCE.findall(text(chapter)) if what == "{code-cell}"]
    return [re.sub(r"\A---\n.*?^---\n", "", body, flags=re.M | re.S) for body in found]


def definitions(path):
    """The functions of a file, and the methods of its classes, by their dotted names."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    groups = [("", tree), *((f"{c.name}.", c) for c in tree.body if isinstance(c, ast.ClassDef))]
    return {
        prefix + node.name
        for prefix, group in groups for node in group.body if isinstance(node, ast.FunctionDef)
    }  # fmt: skip


def exercises(chapter):
    """The exercises that a chapter names, all of which stand in its last section."""
    *body, last = re.split(r"^## ", text(chapter), flags=re.M)
    assert last.startswith("Exercises\n"), f"{chapter.name} ends with {last.splitlines()[0]}"
    assert "exercise start" not in "".join(body)
    return re.findall(r"`backproof exercise start ([\w-]+)`", last)


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request):
    return request.param


def test_chapters_are_in_order():
    assert [int(path.name[:2]) for path in CHAPTERS] == list(range(1, len(CHAPTERS) + 1))
    listed = re.findall(r"^(\d\d-\S+)$", text(LESSON / "index.md"), flags=re.M)
    assert listed == [path.stem for path in CHAPTERS]
    headings = [re.search(r"^# (\d+)\. ", text(path), flags=re.M)[1] for path in CHAPTERS]
    assert headings == [str(n) for n in range(1, len(CHAPTERS) + 1)]


def test_code_comes_from_the_source(chapter):
    """What is not run is included, so that it can neither be wrong nor go stale."""
    fences = FENCE.findall(text(chapter))
    assert {what for what, _, _ in fences} == {"{code-cell}", "{literalinclude}"}
    for what, file, options in fences:
        if what == "{literalinclude}":
            name = re.search(r"^:pyobject: (\S+)$", options, flags=re.M)[1]
            assert name in definitions(LESSON / file), f"{file} defines no {name}"


def test_chapter_has_all_its_parts(chapter):
    code = "\n".join(cells(chapter))
    assert "## What goes wrong here\n" in text(chapter)
    assert re.search(r"^## .*[Ll]edger|^## One truth, three seats", text(chapter), flags=re.M)
    assert re.search(r"bp\.(explain|compare_optimizer)\(", code), "no ledger"
    assert re.search(r"bp\.diagnose_\w+\(", code), "no diagnosis"
    assert "assert " in code, "no number is held to anything"
    assert max(map(len, code.splitlines())) <= 84, "a line is cut on the page"


def test_a_failing_cell_stops_the_build():
    """It is a warning, so that all of them are told, with the cell and its traceback."""
    noxfile = (LESSON.parents[1] / "noxfile.py").read_text(encoding="utf-8")
    (session,) = re.findall(r"^def lesson\(.*?(?=^@|^def )", noxfile, flags=re.M | re.S)
    assert '"-W"' in session
    conf = (LESSON.parent / "conf.py").read_text(encoding="utf-8")
    assert "suppress_warnings" not in conf
    assert "allow_errors" not in conf
    assert 'nb_execution_mode = "force"' in conf


def test_exercises_exist_in_their_chapter():
    registry = pytest.importorskip("backproof.comparisons.exercises.registry")
    named = {name: int(path.name[:2]) for path in CHAPTERS for name in exercises(path)}
    assert named == {e.name: e.chapter for e in registry.built_in()}


@pytest.mark.skipif(bool(FRAMEWORKS), reason="nox -s lesson runs the chapters with PyTorch and JAX")
def test_chapter_runs_without_frameworks(chapter, monkeypatch, capsys):
    monkeypatch.chdir(LESSON)
    monkeypatch.setenv("MPLBACKEND", "agg")
    namespace = {}
    for number, cell in enumerate(cells(chapter), start=1):
        if FIGURES or "plt." not in cell:
            tree = ast.parse(cell)
            if isinstance(tree.body[-1], ast.Expr):  # what a notebook shows
                shown = ast.Call(ast.Name("print", ast.Load()), [tree.body[-1].value], [])
                tree.body[-1].value = shown
            exec(compile(ast.fix_missing_locations(tree), f"cell {number}", "exec"), namespace)
    assert "Skipped: torch: torch not installed" in capsys.readouterr().out or "explain" not in (
        "".join(cells(chapter))
    )
