"""backproof mutants: lists, scores, a user's tests, and clear errors for bad input."""

from __future__ import annotations

import json
import subprocess
import sys

import pandas as pd
import pytest
from click.testing import CliRunner

from backproof.cli import main
from backproof.comparisons.mutants import mutants, mutants_of
from backproof.comparisons.mutants.styles import STYLES
from backproof.reference.layers.dropout import Dropout

DROPOUT = [m.id for m in mutants_of(Dropout)]


def run(*args):
    return CliRunner().invoke(main, ["mutants", *args], catch_exceptions=False)


# Lists


def test_every_mutant_is_listed():
    listed = run().stdout
    assert all(id in listed for id in mutants())
    assert f"{len(mutants())} mutants of" in listed


def test_lists_are_filtered():
    chosen = json.loads(run("--target", "adam", "--json").stdout)
    assert {m["subject"] for m in chosen} == {"Adam"}
    assert all(chosen[0].values())
    families = json.loads(run("--family", "sgd", "--family", "pooling", "--json").stdout)
    assert {m["family"] for m in families} == {"sgd", "pooling"}
    loops = json.loads(run("--kind", "training loop", "--json").stdout)
    assert {m["subject"] for m in loops} == {"TrainingLoop"}


def test_one_is_shown_whole():
    shown = run("show", "x99").stdout
    for part in ("X99: ε inside the square root", "Adam", "optax's eps_root", "gradients near ε",
                 "with gradients of order 1", "np.sqrt(v + self.eps)"):  # fmt: skip
        assert part in shown
    (told,) = json.loads(run("show", "X99", "--json").stdout)
    assert told["code"].startswith("class _(Adam):")


# Scores


def test_our_own_score_by_family():
    done = run("--score", "--target", "Dropout", "--jobs", "1")
    assert done.exit_code == 0, done.output
    assert "dropout" in done.stdout
    assert f"Mutation score: {len(DROPOUT)} of {len(DROPOUT)}, 100.0 %" in done.stdout
    assert "The slowest to be found" in done.stdout


def test_a_survivor_is_named_and_the_exit_code_is_1():
    done = run("--score", "--target", "Dropout", "--jobs", "1", "--inputs", "typical")
    assert done.exit_code == 1
    assert "X68 Dropout: the mask inferred from the output" in done.stdout
    assert "revealed by: exact zeros that were dropped" in done.stdout


def test_usual_styles_beside_ours(tmp_path):
    saved = tmp_path / "score.json"
    done = run("--score", "--target", "Dropout", "--style", "all", "--inputs", "both",
               "--jobs", "2", "--output", str(saved))  # fmt: skip
    assert done.exit_code == 0, done.output
    assert all(style in done.stdout for style in STYLES)
    content = json.loads(saved.read_text(encoding="utf-8"))
    assert len(content["rows"]) == len(DROPOUT) * len(STYLES) * 2
    assert content["meta"]["seed"] == 0
    assert content["meta"]["machine"]


def test_the_same_seed_gives_the_same_score(tmp_path):
    tables = []
    for jobs in ("1", "2"):
        saved = tmp_path / f"{jobs}.parquet"
        run("--score", "--family", "dropout", "--family", "schedules", "--jobs", jobs,
            "--seed", "7", "--output", str(saved))  # fmt: skip
        tables.append(pd.read_parquet(saved).drop(columns="seconds"))
    pd.testing.assert_frame_equal(*tables)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--target", "Adamw2"], "unknown target 'Adamw2'. Did you mean AdamW?"),
        (["--target", "Adam", "--family", "pooling"], "no mutant is of all that was asked for"),
        (["show", "X999"], "unknown mutant 'X999'"),
        (["--score", "--style", "golf"], "unknown style 'golf'. Did you mean golden?"),
        (["--score", "--test", "test.py"], "--score hunts with our test, --test with yours"),
        (["--style", "golden"], "--style is for --score"),
        (["--output", "o.json"], "--output is for --score and --test"),
        (["--score", "--json"], "--json is for lists"),
        (["--score", "--output", "nowhere/o.json"], "there is no directory"),
        (["--test", "t.py", "--family", "adam"], "--family is not for --test"),
        (["--test", "t.py", "--target", "Adam", "--target", "SGD"], "--test takes one --target"),
        (["--test", "t.py", "--target", "Densee"], "unknown target 'Densee'. Did you mean Dense?"),
        (["--test", "absent.py"], "there is no file absent.py"),
    ],
)
def test_wrong_usage(args, message):
    done = run(*args)
    assert done.exit_code == 2
    assert message in " ".join(done.output.split())


# A user's test


MARKED = "import pytest\n\n@pytest.mark.implementation('Dropout')\ndef test_it(implementation):\n"


@pytest.mark.parametrize(
    ("code", "messages"),
    [
        ("", ["no test was collected in test_mine.py"]),
        ("def test_it():\n    pass\n", ["no test of test_mine.py takes the fixture"]),
        (
            MARKED.replace("Dropout", "Dropin") + "    pass\n\ndef test_2(implementation): ...\n",
            ["::test_it: unknown target 'Dropin'. Did you mean Dropout?",
             "::test_2 does not say what it tests: mark it @pytest.mark.implementation("],
        ),
        (
            MARKED + "    assert implementation().p == 7\n",
            ["::test_it fails with the right implementation: mend the test first", "== 7"],
        ),
        ("import no_such_module\n", ["cannot be collected", "No module named 'no_such_module'"]),
    ],
)  # fmt: skip
def test_a_test_that_cannot_hunt(code, messages, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test_mine.py").write_text(code, encoding="utf-8")
    done = run("--test", "test_mine.py")
    assert done.exit_code == 2, done.output
    told = " ".join(done.output.split())
    assert all(message in told for message in messages), told


HUNTER = """
import numpy as np
import pytest
import backproof.pytest_plugin

backproof.pytest_plugin.PATIENCE = 0.1

@pytest.fixture(params=[0.0, 0.5])
def p(request):
    return request.param

def test_dx(implementation, p):
    mask = np.array([True, False, True])
    layer = implementation(p)
    _, residuals = layer.forward({}, (np.array([0.0, 0.0, 2.0]), mask))
    (dx, _), _ = layer.backward(residuals, np.ones(3))
    assert dx[2] >= 1, "too small"
    while dx[2] != 1 / (1 - p):
        assert True  # a wrong implementation makes this test run for ever
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no alarms")
def test_a_hunt_of_ones_own(tmp_path, monkeypatch):
    """Unmarked, with a fixture of its own and options that would get into the way."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -x -n 2 --strict-markers\n")
    (tmp_path / "test_mine.py").write_text(HUNTER, encoding="utf-8")
    done = run("--test", "test_mine.py", "--target", "dropout", "--output", "hunt.parquet")
    assert done.exit_code == 1, done.output
    table = pd.read_parquet("hunt.parquet").set_index("id")
    assert set(table.index) == set(DROPOUT)
    assert table.outcome["X66"] == "killed"
    assert table.test["X66"] == "test_mine.py::test_dx"
    assert "still running after" in table.message["X66"]
    assert table.outcome["X68"] == "survived"
    assert "X68 Dropout: the mask inferred from the output" in done.stdout


def test_the_plugin_is_light():
    code = "import sys, backproof.pytest_plugin; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert not {"numpy", "pandas", "rich", "click"} & set(loaded.stdout.split())


def test_importing_backproof_loads_no_mutant():
    code = "import sys, backproof; backproof.Adam; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert not [name for name in loaded.stdout.split() if "mutants" in name]
