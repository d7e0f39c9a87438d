"""Cases on the command line: saved where somebody disagrees, run again, shrunk."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap

import pytest
from click.testing import CliRunner

import backproof as bp
from backproof.cli import main
from backproof.comparisons.case_files import CaseFileError
from backproof.comparisons.results import read

FAULTY = """
    from dataclasses import replace
    import numpy as np
    from backproof.adapters.numpy_reference import NumpyReference
    from backproof.adapters.protocols import VJP
    from backproof.reference.tree import leaves, tree_map

    def off(tree):  # biases a little too small
        return tree_map(lambda g: g * g.dtype.type(0.99) if g.ndim == 1 else g, tree)

    class Wrong(NumpyReference):
        name = "wrong"
        def vjp(self, *args):
            y, dx, dparams, _ = super().vjp(*args)
            return VJP(y, dx, off(dparams))
        def train(self, *args, **kwargs):
            for step in super().train(*args, **kwargs):
                yield replace(step, grads=off(step.grads)) if step.t >= 2 else step
"""
TINY = ["compare", "--network", "lesson", "--steps", "3", "--no-diagnosis"]
SMALL = bp.Sequential(bp.Dense(3, 4), bp.Tanh(), bp.Dense(4, 2))


@pytest.fixture(autouse=True)
def faulty(tmp_path, monkeypatch):
    """An outside package with an adapter that is wrong, and an empty working directory."""
    folder = tmp_path / "outside"
    info = folder / "faulty-1.5.dist-info"
    info.mkdir(parents=True)
    (folder / "faulty.py").write_text(textwrap.dedent(FAULTY))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text("[backproof.adapters]\nwrong = faulty:Wrong\n")
    monkeypatch.syspath_prepend(folder)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    yield folder
    sys.modules.pop("faulty", None)


def run(*args, **environ):
    return CliRunner().invoke(main, [str(a) for a in args], env={"COLUMNS": "120", **environ})


def saved(path="case.json", **given):
    case = bp.Case.vjp(SMALL, **{"x": (5, 3), "adapters": ["wrong", "numpy"]} | given)
    case.save(path, case.compare())
    return case


# Saving


def test_cases_that_fail_are_saved_and_reproduce():
    first = run(*TINY, "--adapter", "wrong", "--adapter", "numpy", "--save-case", "cases")
    assert first.exit_code == 1
    names = [f"lesson-{rule}{dtype}.json" for dtype in ("float32", "float64")
             for rule in ("", "Adam-", "SGD-")]  # fmt: skip
    assert sorted(os.listdir("cases")) == sorted(names)
    commands = re.findall(r"Reproduce: backproof (.*)", first.stdout)
    assert "compare --case cases/lesson-float64.json --adapter wrong" in commands
    for command in dict.fromkeys(commands):
        again = run(*command.split(), "--no-diagnosis")
        assert again.exit_code == 1
        (told, *_) = re.findall(r'  (?:dparams|gradient|weights)\["2.b"\].*', again.stdout)
        assert told in first.stdout  # the same numbers
        assert "as when the case was saved, to the last bit\n" in again.stdout
        assert f"Reproduce: backproof {command}\n" in again.stdout


def test_a_saved_case_holds_what_the_job_compared(tmp_path):
    """The rows of the file are those of the run that saved it."""
    run(*TINY, "--adapter", "wrong", "--save-case", "cases", "--output", "all.parquet")
    rows = read("all.parquet")
    for file in os.listdir("cases"):
        case = bp.read_case(f"cases/{file}")
        again = case.compare()
        assert again.to_json() == case.rows_in(rows).reset_index(drop=True).to_json()


def test_samples_are_saved_by_name():
    result = run("compare", "--layer", "Dense", "--adapter", "wrong", "--save-case", "cases",
                 "--no-diagnosis")  # fmt: skip
    assert result.exit_code == 1
    files = os.listdir("cases")
    assert len(files) == 6  # three samples have a bias that is a parameter
    assert "Dense-n-in-4-n-out-3-bias-True-float64.json" in files


def test_nothing_is_saved_where_all_match():
    result = run(*TINY, "--adapter", "numpy", "--save-case", "cases", "--shrink")
    assert result.exit_code == 0
    assert os.listdir("cases") == []
    assert result.stdout.splitlines()[-1].endswith("no mismatch, no error.")


def test_where_cases_cannot_be_saved(monkeypatch):
    with open("cases", "w"):
        pass
    result = run(*TINY, "--adapter", "wrong", "--save-case", "cases")
    assert result.exit_code == 2
    assert "cases: File exists" in result.stderr
    assert not result.stdout

    def full(*args):
        raise CaseFileError("No space left on device")

    monkeypatch.setattr("backproof.comparisons.case_files.save", full)
    result = run(*TINY, "--adapter", "wrong", "--save-case", "other")
    assert result.exit_code == 2
    assert "disagrees with the reference on lesson" in result.stdout  # the report is still due
    assert "No space left on device" in result.stderr


# Running again


def test_a_case_is_run_with_the_adapters_of_its_file():
    saved()
    result = run("compare", "--case", "case.json")
    assert result.exit_code == 1
    assert re.search(r"wrong +\d+ .*2 mismatch", result.stdout)
    assert re.search(r"numpy +\d+ .*6 match", result.stdout)
    last = "case.json: wrong is wrong in dparams 2.b, as when the case was saved, to the last bit"
    assert result.stdout.splitlines()[-1] == last
    other = run("compare", "--case", "case.json", "--adapter", "numpy", "--output", "rows.csv")
    assert other.exit_code == 0
    assert set(read("rows.csv").candidate) == {"numpy"}


def test_several_cases_in_one_table():
    saved("a.json", case="one")
    saved("b.json", case="two", dtype="float32")
    result = run("compare", "--case", "a.json", "--case", "b.json", "--adapter", "wrong")
    assert result.exit_code == 1
    for file, dtype in (("a.json", "float64"), ("b.json", "float32")):
        assert f"Reproduce: backproof compare --case {file} --adapter wrong" in result.stdout
        assert f", {dtype}, seed" in result.stdout


def test_what_changed_since_it_was_saved_is_told(faulty):
    saved()
    text = (faulty / "faulty.py").read_text()
    for old, new, told in (
        ("0.99)", "0.985)", r"wrong is wrong in dparams 2.b, as when the case was saved; "
                           r"noise ratio \S+ then, \S+ now"),
        ("VJP(y,", "VJP(1.01 * y,", "wrong was wrong in dparams 2.b when the case was saved, "
                                    "and now is in y"),
        ("0.99)", "1)", "wrong was wrong in dparams 2.b when the case was saved, and is not now"),
    ):  # fmt: skip
        sys.modules.pop("faulty")
        (faulty / "faulty.py").write_text(text.replace(old, new))
        result = run("compare", "--case", "case.json", "--adapter", "wrong")
        assert re.search(told, result.stdout.splitlines()[-1]), result.stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--network", "lesson"], "--case says all there is to compare: leave out --network"),
        (["--seed", "0", "--shrink"], "leave out --seed, --shrink, or change the file"),
        (["--adapter", "wrung"], "unknown adapter 'wrung'. Did you mean wrong?"),
        (["--case", "absent.json"], "absent.json does not exist"),
        (["--import", "no.such.module"], "--import no.such.module: ModuleNotFoundError"),
        (["--import", "absent.py"], "--import absent.py: FileNotFoundError"),
        (["--output", "rows.xlsx"], "unknown suffix '.xlsx'"),
    ],
)
def test_wrong_usage(args, message):
    saved()
    result = run("compare", "--case", "case.json", *args)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert os.listdir() == ["case.json"]


def test_what_is_imported_for_nothing():
    result = run("compare", "--import", "my_layers")
    assert result.exit_code == 2
    assert "--import is for the layers of a saved case" in result.stderr


def test_a_damaged_case():
    saved()
    with open("case.json") as file:
        text = file.read()
    with open("case.json", "w") as file:
        file.write(text[: len(text) // 2])
    for command in (["compare", "--case", "case.json"], ["shrink", "case.json"]):
        result = run(*command)
        assert result.exit_code == 2
        assert "case.json is damaged, or no case" in result.stderr
        assert "Traceback" not in result.output


def test_a_case_of_somebody_who_is_not_here():
    case = bp.Case.vjp(SMALL, x=(5, 3), adapters=[bp.Candidate("mine")])
    case.save("case.json")
    for command in (["compare", "--case", "case.json"], ["shrink", "case.json"]):
        result = run(*command)
        assert result.exit_code == 2
        told = " ".join(result.stderr.split())
        assert "case.json is a case of mine, which no package registers as an adapter" in told
        assert "read_case('case.json').compare([...])" in told
    assert run("compare", "--case", "case.json", "--adapter", "numpy").exit_code == 0


OWN = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Doubled:
    def init(self, rng): return {}
    def forward(self, params, x): return 2 * x, ()
    def backward(self, residuals, dy): return 2 * dy, {}
"""


@pytest.mark.parametrize("name", ["my_layers", "my_layers.py"])
def test_a_module_is_imported_when_asked_and_never_else(name, monkeypatch):
    with open("my_layers.py", "w") as file:
        file.write(OWN)
    monkeypatch.syspath_prepend(os.getcwd())
    import my_layers

    bp.Case.vjp(bp.Sequential(my_layers.Doubled()), x=(2, 3), adapters=["numpy"]).save("case.json")
    del sys.modules["my_layers"]
    refused = run("compare", "--case", "case.json")
    assert refused.exit_code == 2
    assert "uses Doubled of my_layers" in " ".join(refused.stderr.split())
    assert "my_layers" not in sys.modules
    assert run("compare", "--case", "case.json", "--import", name).exit_code == 0
    sys.modules.pop("my_layers")


# Shrinking


def test_shrink():
    saved()
    result = run("shrink", "case.json", "--adapter", "wrong", "--no-diagnosis")
    assert result.exit_code == 0
    assert os.path.exists("case-shrunk.json")
    head, _, program = result.stdout.partition("\n\nimport numpy")
    lines = head.splitlines()
    assert lines[1].startswith("wrong on Sequential(layers=(Dense(")
    assert lines[2] == "  from 3 layers, 51 numbers; wrong in dparams Dense.b, vjp"
    assert lines[3] == "  to 1 layer, 4 numbers; wrong in dparams Dense.b, vjp"
    assert re.fullmatch(r"  \d+ comparisons in \d+\.\d s", lines[4])
    assert re.fullmatch(r"  0\.01 off at \(0,\): 0\.99 instead of 1, \S+ allowed", lines[5])
    assert re.fullmatch(r"  noise ratio \S+, allowed 1024", lines[6])
    assert lines[7] == "  Saved to case-shrunk.json"
    again = run(*lines[8].removeprefix("  Reproduce: backproof ").split())
    assert again.exit_code == 1
    assert "as when the case was saved, to the last bit" in again.stdout
    assert "network = bp.Dense(1, 1)" in program


@pytest.mark.parametrize(("adapter", "hinted"), [("wrong", True), ("numpy", False)])
def test_a_failure_says_how_to_shrink_it(adapter, hinted):
    result = run(*TINY, "--adapter", adapter)
    assert ("Add --shrink to find the smallest case" in result.stderr) == hinted


def test_the_program_runs(faulty):
    saved()
    program = run(
        "shrink", "case.json", "--quiet", "--output", "small.json", "--no-diagnosis"
    ).stdout
    assert program.startswith("import numpy")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(faulty)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.search(r"wrong +dparams +b .* mismatch", done.stdout)


def test_a_long_program_is_left_in_the_file():
    """Where hardly anything can be left out, what is printed reads the file."""
    saved(x=(400, 3))
    result = run("shrink", "case.json", "--seconds", "1e-9", "--output", "small.json")
    assert result.exit_code == 0
    assert "out of time: it may get smaller still" in result.stdout
    assert result.stdout.endswith(
        'import backproof\n\nprint(backproof.read_case("small.json").compare().to_string())\n'
    )


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["case.json", "--adapter", "numpy"], "numpy agrees on all of case.json"),
        (["absent.json"], "absent.json does not exist"),
        (["case.json", "--seconds", "0"], "0.0 is not in the range x>0"),
        (["case.json", "--output", "small.txt"], "small.txt: a case is a .json file"),
        (["case.json", "--output", "no/small.json"], "there is no directory"),
    ],
)
def test_nothing_to_shrink(args, message):
    saved()
    result = run("shrink", *args)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert os.listdir() == ["case.json"]


def test_compare_and_shrink_at_once():
    """One small case for everybody that disagrees, of the smallest case that shows it."""
    result = run(*TINY, "--adapter", "wrong", "--adapter", "numpy", "--shrink", "--quiet")
    assert result.exit_code == 1
    assert "Saved to backproof-cases/lesson-float64-wrong-shrunk.json" in result.stderr
    report, _, program = result.stdout.partition("import numpy as np")
    assert "disagrees with the reference on lesson" in report
    assert 'case="lesson, shrunk"' in program
    small = bp.read_case("backproof-cases/lesson-float64-wrong-shrunk.json")
    assert small.specs["network"] == bp.Dense(1, 1)
    assert small.adapters == ("wrong",)
