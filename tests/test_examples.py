"""Published worked examples: every printed digit, the wrong ones, and the programs behind them."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
from click.testing import CliRunner

import backproof
from backproof.adapters.loading import load
from backproof.adapters.numpy_reference import NumpyReference
from backproof.cli import main
from backproof.comparisons import environment
from backproof.comparisons.examples import mazur, recompute
from backproof.comparisons.examples.example import Example, agrees, digits_in_common
from backproof.comparisons.examples.recompute import as_printed, outcome, worked_examples
from backproof.reference.circuit import Circuit

EXAMPLES = worked_examples()
BUGGY = [name for name, example in EXAMPLES.items() if example.buggy]
LONG = 1000  # steps: beyond these the tests run one implementation, and all with --full


def circuits():
    """Every circuit that an example is made of."""
    for example in EXAMPLES.values():
        module = __import__(example.compute.__module__, fromlist=["_"])
        for name, value in vars(module).items():
            if isinstance(value, Circuit):
                yield pytest.param(value, id=f"{module.__name__.rpartition('.')[2]}-{name}")


CIRCUITS = list({param.id: param for param in circuits()}.values())


def run(*args):
    return CliRunner().invoke(main, ["examples", *args], env={"COLUMNS": "120"})


# What is recomputed


def test_all_are_there():
    assert len(EXAMPLES) == 26
    verdicts = [example.verdict for example in EXAMPLES.values()]
    assert {v: verdicts.count(v) for v in verdicts} == {"OK": 15, "X": 6, "R": 1, "D": 2, "key": 2}
    assert all(e.source and e.inputs and e.figures for e in EXAMPLES.values())


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_figure_is_as_recorded(name, adapter, request):
    example = EXAMPLES[name]
    if example.steps > LONG and adapter != "numpy" and not request.config.getoption("--full"):
        pytest.skip(f"{example.steps:,} steps: --full")
    (column,) = recompute.recompute(example, [(adapter, load(adapter), "")])
    if name == "makemore-cmp" and adapter == "numpy":
        assert column.skipped
        return
    assert not column.failed
    assert len(column.figures) == len(example.figures)
    bad = [(f.quantity, f.value, f.figure) for f in column.figures if f.outcome in recompute.BAD]
    assert not bad


def test_the_loss_that_mazur_prints_is_that_of_a_step_less():
    """What the note of mazur-after-10000-steps says of E."""
    loss = float(mazur.after(NumpyReference(), 9_999).loss)
    assert agrees(loss, "0.0000351085")
    assert not agrees(mazur.early_update(10_000)[0], "0.0000351085")
    assert agrees(mazur.early_update(10_000)[0], "0.000035085")


@pytest.mark.parametrize("name", EXAMPLES)
def test_one_digit_off_is_noticed(name):
    """A value that is one off in the last digit compared differs, for every figure."""
    for figure in EXAMPLES[name].figures.values():
        if figure.digits:
            truth, (_, shown) = float(figure.truth), digits_in_common(0.0, figure.truth)
            last = min(shown if "." in figure.truth else 15, figure.digits)
            top = math.floor(math.log10(abs(truth))) if truth else -4 if "." in figure.truth else 0
            unit = 10.0 ** (top - last + 1)
            assert outcome(figure, truth) not in recompute.BAD
            for off in (truth + 1.01 * unit, truth - 1.01 * unit, math.nan, math.inf):
                assert outcome(figure, off) == "differs", (figure, off)


def test_a_figure_that_is_not_computed_is_noticed():
    example = EXAMPLES["cs231n-product"]
    lacking = Example(
        **{**vars(example), "compute": lambda a: {"f": -12.0, "dx": math.nan, "dy": -4.0}}
    )
    (column,) = recompute.recompute(lacking, [("numpy", NumpyReference(), "")])
    assert [f.outcome for f in column.figures] == ["reproduced", "differs", "reproduced", "missing"]
    assert column.bad


# The wrong ones


@pytest.mark.parametrize("name", BUGGY)
def test_the_buggy_program_gives_what_is_printed(name):
    """And fails against the right digits: the check tells the mistake from the truth."""
    example, found = EXAMPLES[name], as_printed(EXAMPLES[name])
    assert found
    for quantity, digits in found.items():
        assert digits.as_printed, quantity
        assert outcome(example.figures[quantity], digits.value) == "differs"


def test_every_wrong_figure_has_a_program():
    wrong = {
        (name, q) for name, e in EXAMPLES.items() for q, f in e.figures.items()
        if f.verdict in ("X", "R")
    }  # fmt: skip
    explained = {(name, q) for name in BUGGY for q in as_printed(EXAMPLES[name])}
    assert wrong - explained == {("mazur-after-10000-steps", "E")}


def test_a_right_program_is_no_buggy_one(monkeypatch):
    """The command that shows a mistake fails where the mistake is repaired."""
    example = EXAMPLES["mazur-after-one-step"]
    right = recompute.as_printed(
        Example(**{**vars(example), "buggy": mazur.Buggy("none", lambda: {"E": 0.2910277736936})})
    )
    assert not right["E"].as_printed
    monkeypatch.setattr(recompute, "as_printed", lambda example: right)
    assert run("mazur-after-one-step", "--buggy").exit_code == 1


# The circuits


@pytest.mark.parametrize("circuit", CIRCUITS)
def test_circuits_are_right_by_hand(circuit, installed):
    """Each derivative by hand, with other inputs than the published ones."""
    rng = np.random.default_rng(8)
    params = {
        name: value + 0.3 * rng.standard_normal(value.shape)
        for name, value in circuit.init(rng).items()
    }
    adapters = [*installed, "finite_differences"]
    rows = backproof.compare_vjp(circuit, x=(), params=params, adapters=adapters)
    assert set(rows.candidate) == set(adapters)
    assert rows.verdict.isin(["match", "structural zero"]).all(), rows.to_string()
    zero = {"x", "w"} if circuit.program.__name__ == "larger" else {"x"}  # x is not used, w loses
    assert set(rows.leaf[rows.verdict == "structural zero"]) <= {"", *zero}
    assert (rows.resolution[rows.verdict == "match"] < 1e-6).all()


def test_a_wrong_circuit_is_noticed():
    def by_hand(dy, x, y, z):
        return {"x": dy * z, "y": dy * z, "z": dy * x}

    circuit = Circuit(lambda xp, x, y, z: (x + y) * z, by_hand, CIRCUITS[1].values[0].inputs)
    rows = backproof.compare_vjp(circuit, x=(), adapters=["finite_differences"])
    assert set(rows.leaf[rows.verdict == "mismatch"]) == {"z"}


# The digits


@pytest.mark.parametrize(
    ("value", "printed", "digits", "same"),
    [
        (0.29102777369359933, "0.291027774", 15, True),
        (0.29102777369359933, "0.291027773", 15, False),
        (0.5113012702, "0.511301270", 15, True),
        (0.5113012706, "0.511301270", 15, False),  # a trailing zero is a digit
        (0.5113012706, "0.51130127", 15, True),
        (-12.0000001, "-12", 15, False),  # a whole number is exact
        (27.0, "27", 15, True),
        (30.04, "30.0", 15, True),
        (0.00004, "0.0000", 15, True),
        (0.00006, "0.0000", 15, False),
        (2.919335883291695e-10, "2.919335883291695e-10", 15, True),
        (2.91933588329e-10, "2.919335883291695e-10", 15, False),
        (0.28509315672, "0.2850931567761623", 9, True),
        (0.28509315672, "0.2850931567761623", 11, False),
        (1.19e-7, "1.18904178788e-07", 0, False),  # no digit compared is never agreement
        (math.nan, "0.5", 15, False),
        (math.inf, "0.5", 15, False),
    ],
)
def test_agreement_to_the_printed_digits(value, printed, digits, same):
    assert agrees(value, printed, digits) == same


def test_digits_in_common():
    assert digits_in_common(0.2910277, "0.291027924") == (6, 9)
    assert digits_in_common(0.291027924, "0.291027924") == (9, 9)
    assert digits_in_common(1.0, "0.291027924") == (0, 9)


# The command and the function


def test_the_table_of_all(monkeypatch):
    quick = {name: e for name, e in EXAMPLES.items() if e.steps < LONG}
    monkeypatch.setattr(recompute, "worked_examples", lambda: quick)
    result = run("--adapter", "numpy")
    assert result.exit_code == 0, result.output
    assert re.search(r"mazur-after-one-step +X +1 +1  Matt Mazur", result.stdout)
    assert re.search(r"makemore-cmp +D +4 +-  Andrej", result.stdout)
    assert "mazur-after-one-step: E 0.291027924, right 0.29102777369359933" in result.stdout
    assert "22 examples, 118 figures, 113 comparisons in numpy: all as recorded." in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 120


@pytest.mark.parametrize("width", [80, 120, 160])
def test_the_source_gives_way(monkeypatch, width):
    """On a narrow terminal the counts stay whole, and the sources are cut."""
    quick = {name: EXAMPLES[name] for name in ("lesson", "mazur-after-10000-steps", "nnwj-xor")}
    column = recompute.Column("numpy", skipped="not run")
    monkeypatch.setattr(recompute, "worked_examples", lambda: quick)
    monkeypatch.setattr(recompute, "recompute", lambda example, loaded: iter([column] * 3))
    lines = CliRunner().invoke(main, ["examples"], env={"COLUMNS": str(width)}).stdout.splitlines()
    head = lines[0].split()
    assert head[:6] == ["example", "verdict", "figures", "numpy", "numpy", "numpy"]
    assert head[6] == "source"
    assert lines[3].split()[:6] == ["mazur-after-10000-steps", "X", "3", "-", "-", "-"]
    assert lines[3].rstrip().endswith("…") == (width < 160)
    assert max(map(len, lines[:5])) <= width


def test_one_example_whole(installed):
    result = run("mazur")
    assert result.exit_code == 0, result.output
    for text in ("Matt Mazur, A step by step", "w5 to w8       0.4 0.45 / 0.5 0.55", "Verdict OK",
                 "both into o2"):  # fmt: skip
        assert text in result.stdout
    line = next(line for line in result.stdout.splitlines() if line.startswith("E  "))
    assert line.split() == ["E", "0.298371109", *["0.29837110876"] * len(installed), "OK"]


def test_one_example_on_a_narrow_terminal():
    result = CliRunner().invoke(main, ["examples", "gradient-check-nd"], env={"COLUMNS": "80"})
    assert result.exit_code == 0
    assert "D (first 9)" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.parametrize("name", BUGGY)
def test_the_mistake_by_one_command(name):
    result = run(name, "--buggy")
    assert result.exit_code == 0, result.output
    assert EXAMPLES[name].buggy.name in result.stdout
    assert f"def {EXAMPLES[name].buggy.name}(" in result.stdout
    for digits in as_printed(EXAMPLES[name]).values():
        assert digits.printed in result.stdout


def test_json():
    (found,) = json.loads(run("nnwj-xor", "--json", "--adapter", "numpy").stdout)
    assert found["verdict"] == "X"
    figure = found["figures"]["x2 to h1"]
    assert figure["printed"] == "0.512648936"
    assert figure["outcome"] == {"numpy": "wrong as printed"}
    assert figure["recomputed"]["numpy"] == pytest.approx(0.54700272036, abs=1e-10)
    (program,) = json.loads(run("nnwj-xor", "--buggy", "--json").stdout)
    assert program["figures"]["x2 to h1"]["as_printed"] is True


def test_what_is_not_as_recorded_fails(monkeypatch):
    example = EXAMPLES["cs231n-product"]
    wrong = Example(
        **{**vars(example), "compute": lambda a: {"f": -12, "dx": 4, "dy": -4, "dz": 3}}
    )
    monkeypatch.setattr(recompute, "worked_examples", lambda: {"cs231n-product": wrong})
    for args in ((), ("cs231n-product",)):
        result = run(*args, "--adapter", "numpy")
        assert result.exit_code == 1
        assert "numpy gives 4.0 for dx of cs231n-product, not -4" in result.stdout


def test_what_raises_fails(monkeypatch):
    def broken(adapter):
        raise RuntimeError("out of luck")

    wrong = Example(**{**vars(EXAMPLES["lesson"]), "compute": broken})
    monkeypatch.setattr(recompute, "worked_examples", lambda: {"lesson": wrong})
    result = run("lesson", "--adapter", "numpy")
    assert result.exit_code == 1
    assert "numpy fails on lesson: RuntimeError: out of luck" in result.stdout
    with pytest.raises(RuntimeError, match="numpy fails on lesson"):
        backproof.recompute_example("lesson", ["numpy"])


def test_nothing_compared_is_an_error():
    result = run("makemore-cmp", "--adapter", "numpy")
    assert result.exit_code == 1
    assert "autograd, which NumPy has not" in result.stdout
    assert "Error: nothing was compared." in result.stderr


def test_wrong_usage():
    for args, message in (
        (["mazor"], "unknown example 'mazor'. Did you mean mazur?"),
        (["mazur", "--buggy"], "mazur has no buggy program. These have: han-kamber-pei"),
        (["--adapter", "pytorch"], "unknown adapter 'pytorch'. Did you mean torch?"),
    ):
        result = run(*args)
        assert result.exit_code == 2
        assert message in result.stderr
        assert not result.stdout


def test_frameworks_that_are_missing_are_skipped(monkeypatch):
    def only_numpy(names):
        return [("numpy", NumpyReference(), ""), ("torch", None, "No module named 'torch'")]

    monkeypatch.setattr("backproof.comparisons.cases.load_adapters", only_numpy)
    monkeypatch.setattr(environment, "lacking", lambda name: "torch not installed")
    result = run("lesson")
    assert result.exit_code == 0
    assert "Skipped: torch: torch not installed" in result.stderr
    assert "torch: skipped" in result.stdout


def test_the_function():
    rows = backproof.recompute_example("hips-half-tanh", ["numpy"])
    (row,) = rows.to_dict("records")
    assert row["outcome"] == "wrong as printed"
    assert row["value"] == pytest.approx(1 - np.tanh(1) ** 2, rel=1e-14)
    with pytest.raises(backproof.UnknownName, match="Did you mean mazur"):
        backproof.recompute_example("mazor")
