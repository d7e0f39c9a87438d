"""The benchmarks run and write a well-formed page. How fast anything is, no test asserts."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
SECTIONS = ["Goals", "One training step", "Memory", "Validating a gradient", "Starting up"]


def run(*arguments):
    command = [sys.executable, str(FOLDER / "run.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def tables(page):
    """The cells of every table of the page, head and rule included."""
    blocks = re.findall(r"(?:^\|.*\|\n)+", page, re.MULTILINE)
    return [[line.strip("| ").split(" | ") for line in b.splitlines()] for b in blocks]


def test_quick_run_writes_a_well_formed_page(tmp_path, installed):
    output = tmp_path / "new" / "benchmarks.md"
    done = run("--quick", "--output", str(output))
    if not {"torch", "jax"} <= set(installed):
        assert done.returncode == 2
        assert "not installed: pip install 'backproof[" in done.stderr
        assert not output.exists()
        return
    assert done.returncode == 0, done.stderr
    page = output.read_text(encoding="utf-8")
    assert re.findall("^## (.*)$", page, re.MULTILINE) == SECTIONS
    assert "A quick run" in page
    assert "measured on a slice" in page
    assert not re.search(r"\b(nan|inf|None)\b", page)
    circumstances, goals, steps, *memory, ways, starts = tables(page)
    for _, rule, *rows in (goals, steps, *memory, ways, starts):
        assert rows
        assert {len(row) for row in rows} == {len(rule)}
        assert all(cell.strip() for row in rows for cell in row)
    assert {"date", "processor", "cores", "versions"} <= {row[0] for row in circumstances}
    verdicts = [row[-1] for row in goals[2:]]
    assert set(verdicts) <= {"yes", "**no**"}
    missed = f"{verdicts.count('**no**')} of {len(verdicts)} goals are not met."
    assert (missed if "**no**" in verdicts else "Every goal is met.") in page


@pytest.fixture
def timing(monkeypatch):
    """benchmarks/timing.py, on a clock that a test sets."""
    spec = importlib.util.spec_from_file_location("timing", FOLDER / "timing.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "timing", module)  # its dataclass looks itself up there
    spec.loader.exec_module(module)
    return module


def test_ratio_is_of_the_same_round(timing):
    """The second round was slow for both; the ratio of the medians would be 3."""
    a, b = timing.Timed((1.0, 30.0, 3.0)), timing.Timed((2.0, 60.0, 1.0))
    assert (a.seconds, b.seconds) == (3.0, 2.0)
    assert a.ratio(b) == 0.5


def test_turns_are_interleaved_and_rotate(timing, monkeypatch):
    now, order = [0.0], []
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])

    def takes(name, seconds):
        def run():
            order.append(name)
            now[0] += seconds

        return run

    got = timing.interleaved({"a": takes("a", 1.0), "b": takes("b", 3.0)}, rounds=2, seconds=2)
    assert order[-6:] == ["a", "a", "b", "b", "a", "a"]  # two calls of a take as long as asked for
    assert (got["a"].rounds, got["b"].rounds) == ((1.0, 1.0), (3.0, 3.0))
