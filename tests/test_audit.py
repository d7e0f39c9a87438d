"""``backproof audit``: what a comparison could not have shown, of results and of programs."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from backproof import Dense, Sequential, Softmax, Tanh, compare_vjp, save_results
from backproof.cli import main
from backproof.comparisons.auditing import WEAK, audit
from backproof.comparisons.records import Comparison, frame
from backproof.comparisons.results import SUFFIXES

LIVE = "import backproof as bp\nbp.compare_vjp(bp.Dense(2, 3), x=(4, 2), adapters=[{adapter!r}])\n"
CONSTANT = """
import numpy as np
import backproof as bp
rows = bp.compare_vjp(bp.Dense(2, 3), x=(4, 2), dy=np.ones((4, 3)), adapters=["numpy"])
bp.compare_vjp(bp.Dense(2, 3), x=(4, 2), adapters=["numpy"])
"""


def run(*args):
    return CliRunner().invoke(main, ["audit", *map(str, args)])


def row(**changes):
    facts = {
        "case": "net", "mode": "vjp", "baseline": "reference", "candidate": "torch",
        "quantity": "dx", "dtype": "float64", "n_compared": 4, "n_nonzero": 4, "n_distinct": 4,
        "n_finite": 4, "resolution": 1e-12, "verdict": "match",
    }  # fmt: skip
    return Comparison(**(facts | changes))


def kinds(*rows):
    return [finding.kind for finding in audit(frame(rows))]


# The findings, one by one


def test_a_sound_comparison_has_no_finding(installed):
    others = [name for name in installed if name != "numpy"]
    if others:
        assert audit(compare_vjp(Sequential(Dense(2, 3), Tanh()), x=(4, 2), adapters=others)) == []


def test_every_kind_of_vacuity_is_found():
    assert kinds() == ["vacuous"]
    assert kinds(row(verdict="error", n_compared=0, reason="it raised")) == ["vacuous"]
    assert kinds(row(finding="vacuous", verdict="error", n_compared=0), row()) == ["vacuous"]
    assert kinds(row(n_nonzero=0, n_distinct=2), row(n_nonzero=0, n_distinct=2)) == ["vacuous"]
    assert kinds(row(n_nonzero=0, n_distinct=2), row()) == []  # one leaf of zeros is fine


@pytest.mark.parametrize(("dtype", "least"), WEAK.items())
def test_a_resolution_above_the_limit_is_weak(dtype, least):
    assert kinds(row(dtype=dtype, resolution=least)) == []
    assert kinds(row(dtype=dtype, resolution=2 * least)) == ["weak"]
    (finding,) = audit(frame([row(dtype=dtype, resolution=2 * least, leaf="0.W")]))
    assert finding.where == f'net, {dtype}, torch, dx["0.W"]'
    assert finding.why == f"an error of {2 * least:.2g} of the largest entry would have passed"


def test_the_reference_alone_is_weak():
    assert kinds(row(candidate="numpy")) == ["weak"]
    assert kinds(row(candidate="numpy"), row()) == []


def test_unresolved_constant_and_unsupported_rows_are_told():
    assert kinds(row(verdict="unresolved", reason="why")) == ["unresolved"]
    assert kinds(row(n_distinct=1)) == ["constant"]
    assert kinds(row(n_distinct=1, n_compared=1)) == []
    assert kinds(row(), row(candidate="jax", verdict="unsupported", n_compared=0)) == [
        "not compared"
    ]


# The command


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_saved_results(suffix, tmp_path):
    path = tmp_path / f"results{suffix}"
    save_results(compare_vjp(Tanh(), x=(3, 2), adapters=["numpy"]), path)
    result = run(path)
    assert result.exit_code == 0
    head = "1 comparisons, 2 rows: 12 numbers compared, 12 not zero, 12 distinct, 12 finite."
    assert result.output.startswith(head)
    assert "the reference was compared with nobody but itself" in result.output
    vacuous = compare_vjp(Softmax(), x=(3, 4), dy=np.ones((3, 4)), adapters=["numpy"])
    save_results(vacuous, path)
    assert run(path).exit_code == 1


def test_an_older_file_is_read_and_what_it_lacks_is_said(tmp_path):
    path = tmp_path / "old.csv"
    table = compare_vjp(Tanh(), x=(3, 2), adapters=["numpy"])
    older = table.drop(columns=["n_distinct", "n_finite", "origin"])
    text = older.to_csv(index=False, na_rep="nan")
    path.write_text(f"# seed: 0\n# rows: {len(older)}\n{text}", encoding="utf-8")
    result = run(path)
    assert result.exit_code == 0
    assert "12 not zero, how many distinct: not recorded" in result.output


def test_a_program_is_run_and_what_it_compares_is_collected(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(CONSTANT)
    result = run(path)
    assert result.exit_code == 1
    assert result.output.startswith("2 comparisons, 9 rows: ")
    assert "1 vacuous: could not have shown a mistake" in result.output
    assert "float64, numpy (5 rows): the cotangent is the same number everywhere" in result.output
    assert " #2, float64, numpy" in result.output  # the second comparison is sound, if alone


def test_a_program_sees_its_arguments_and_may_exit(tmp_path):
    path = tmp_path / "mine.py"
    more = "import sys\nassert sys.argv[1:] == ['a', '--b']\nsys.exit(3)\n"
    path.write_text(LIVE.format(adapter="numpy") + more)
    assert run(path, "--", "a", "--b").exit_code == 0


def test_a_file_of_tests_is_run_by_pytest(tmp_path):
    path = tmp_path / "test_mine.py"
    path.write_text(
        "import backproof as bp\n"
        "def test_it():\n"
        "    bp.compare_vjp(bp.Tanh(), x=(2, 3), adapters=['numpy'])\n"
        "    raise AssertionError('whether it passes is not the question')\n"
    )
    result = run(path)
    assert result.exit_code == 0
    assert "1 comparisons, 2 rows: 12 numbers compared" in result.output


def test_a_program_that_compares_nothing_is_vacuous(tmp_path):
    path = tmp_path / "none.py"
    path.write_text("print('nothing to see')\n")
    result = run(path)
    assert result.exit_code == 1
    assert "no comparison was made" in result.output


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("bad.py", "x = 1\nraise ValueError('no')\n", "bad.py raised ValueError at line 2: no"),
        ("bad.py", "def f(:\n", "bad.py raised SyntaxError"),
        ("there.txt", "hello", "unknown suffix '.txt': .parquet, .csv, .json for results, .py"),
        ("there.csv", "hello", "not written by backproof"),
        ("gone.py", None, "gone.py does not exist"),
        ("gone.csv", None, "gone.csv does not exist"),
    ],
)
def test_unusable_input(name, content, message, tmp_path):
    if content is not None:
        (tmp_path / name).write_text(content)
    result = run(tmp_path / name)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert "Traceback" not in result.output


def test_many_findings_are_counted_and_told_on_demand(tmp_path):
    path = tmp_path / "many.json"
    table = frame([row(case=f"net {i}", verdict="unresolved", reason="why") for i in range(15)])
    table.attrs = {}
    save_results(table, path)
    few, every = run(path), run(path, "--all")
    assert "15 unresolved: not decided" in few.output
    assert "and 5 more: --all tells them" in few.output
    assert "net 14" not in few.output
    assert "net 14" in every.output
