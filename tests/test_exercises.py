"""Exercises from the outside: start, check, list, grade, and what a learner's code may do.

Solutions and wrong answers of every exercise are in test_exercise_answers.py. Most checks run in
this process; those of code that loops, dies or prints run as they do for a learner.
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from backproof.adapters.loading import UnknownName
from backproof.cli import main
from backproof.comparisons.exercises import (
    Case,
    Exercise,
    ExerciseError,
    Formula,
    exercises,
    grading,
    progress,
    registry,
    starting,
    worker,
)
from backproof.comparisons.exercises import running as processes
from backproof.comparisons.exercises.attempt import named_in
from backproof.comparisons.exercises.checking import check
from backproof.comparisons.exercises.elsewhere import told
from backproof.comparisons.exercises.questions import question
from backproof.comparisons.exercises.running import Checked, Task
from backproof.reference.draws import normal
from backproof.reference.layers.dense import Dense

PAGE = Path(__file__).parents[1] / "docs" / "exercises.md"
SIGMOID = "def sigmoid(z):\n    return 1 / (1 + np.exp(-z))\n"
WITHOUT_SIGN = SIGMOID.replace("-z", "z")
BUG = "bug_dense.py"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A folder of its own for every test, with its own progress."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BACKPROOF_PROGRESS", str(tmp_path / "kept" / "progress.json"))
    monkeypatch.delenv("BACKPROOF_EXERCISES", raising=False)
    return tmp_path


@pytest.fixture
def at_once(monkeypatch):
    """Check in this process."""

    def run(tasks, files=(), seconds=0):
        known = exercises(files)
        for task in tasks:
            yield Checked(task, check(known[task.exercise], task.path))

    monkeypatch.setattr(processes, "run", run)
    monkeypatch.setattr(grading, "run", run)


def run(*args, columns=80, **env):
    env = {"COLUMNS": str(columns), "NO_COLOR": "1"} | env
    return CliRunner().invoke(main, ["exercise", *args], env=env)


def write(code, path="sigmoid.py", name="sigmoid"):
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'import numpy as np\nEXERCISE = "{name}"\n{code}', encoding="utf-8")
    return file


def kept():
    return progress.read(Path("kept/progress.json"))


# A learner's path


def test_the_first_exercise_is_checked_within_two_commands():
    started = run("start", "sigmoid")
    assert started.exit_code == 0
    assert "backproof exercise check" in started.output
    checked = run("check")  # as it is for a learner, in a process of its own
    assert checked.exit_code == 1
    assert "there is a hole left" in checked.output
    assert "still raises NotImplementedError (a)" in checked.output


def test_from_a_hole_to_done(at_once):
    run("start", "sigmoid")
    file = Path("sigmoid.py")
    hole = file.read_text(encoding="utf-8")
    assert run("check").exit_code == 1
    assert kept().records["sigmoid"].tries == 0  # nothing was tried
    wrong = hole.replace('raise NotImplementedError("a")', "return 1 / (1 + np.exp(z))")
    file.write_text(wrong, encoding="utf-8")
    answers = [run("check").output for _ in range(4)]
    assert all("the sign in the exponent" in " ".join(a.split()) for a in answers)
    hints = [re.search(r"hint (\d)/3", a).group(1) for a in answers]
    assert hints == ["1", "2", "3", "3"]  # from gentle to plain
    file.write_text(wrong.replace("exp(z)", "exp(-z)"), encoding="utf-8")
    done = run("check")
    assert done.exit_code == 0
    assert "right in all 3 cases, at try 5" in done.output
    assert "backproof exercise start neuron" in " ".join(done.output.split())
    listed = run("list").output
    assert re.search(r"^sigmoid +yes +5 +2 +the sigmoid function$", listed, re.MULTILINE)
    assert "1 of 34 done. Next: backproof exercise start neuron" in listed


def test_a_hint_is_given_without_a_check(at_once):
    run("start", "sigmoid")
    given = [run("check", "--hint").output for _ in range(4)]
    assert [re.search(r"hint (\d)/3", g).group(1) for g in given] == ["1", "2", "3", "3"]
    assert "plainest" in given[3]
    assert kept().records["sigmoid"].tries == 0
    run("start", "sigmoid", "--force")  # anew
    assert "hint 1/3" in run("check", "--hint").output


def test_a_planted_bug_is_named_at_last_and_never_repaired(at_once):
    run("start", "bug-dense")
    outputs = [" ".join(run("check").output.split()) for _ in range(3)]
    words = "averaged over the batch instead of summed"
    assert [words in output for output in outputs] == [False, False, True]
    assert "It is the planted bug" in outputs[0]
    assert "dy.sum" not in "".join(outputs) + run("check", "--hint").output
    file = Path(BUG)
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("dy.mean(axis=0)", "2 * dy.sum(axis=0)"), encoding="utf-8")
    run("start", "bug-dense", "--folder", str(Path("kept")))  # hints begin anew
    assert "your db is the right numbers times 2" in " ".join(
        run("check", BUG).output.lower().split()
    )


def test_the_next_one_is_started(at_once):
    assert "sigmoid.py" in run("start").output
    assert "neuron.py" in run("start").output


def test_check_takes_a_name_a_file_or_the_last_one(at_once, home):
    write(SIGMOID)
    write("def neuron(x, w, b):\n    return 0.0\n", "elsewhere/mine.py", name="neuron")
    assert "right" in run("check", "sigmoid").output
    assert "neuron" in run("check", "elsewhere/mine.py").output  # by its line EXERCISE
    assert run("check").output.startswith("neuron")
    assert run("check", "Neuron").output.startswith("neuron")  # it is known where that one is
    Path("sub").mkdir()
    write(WITHOUT_SIGN, "sub/sigmoid.py")
    assert run("check", "sub/sigmoid.py").exit_code == 1
    assert run("check", "sigmoid").exit_code == 0  # the one in this folder comes first
    assert named_in(Path("no_line_in_it.py")) == "no-line-in-it"


def test_json(at_once):
    write(WITHOUT_SIGN)
    told = json.loads(run("check", "sigmoid", "--json").output)
    assert told["kind"] == "wrong"
    assert told["wrong"] == ["a"]
    assert "sign in the exponent" in told["cause"]
    listed = json.loads(run("list", "--json").output)
    assert [e["name"] for e in listed] == list(exercises())
    assert listed[0]["tries"] == 1


# The file


@pytest.mark.parametrize("name", exercises())
def test_the_file_is_python_with_a_worked_example(name, home):
    path = starting.start(exercises()[name], home)
    text = path.read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 100
    assert named_in(path) == name
    compile(text, str(path), "exec")
    arguments, results = starting.example(exercises()[name])
    assert tuple(arguments) == exercises()[name].takes
    assert tuple(results) == exercises()[name].gives
    assert exercises()[name].text.strip() in text


@pytest.mark.parametrize(("name", "words"), [("bug-loop", "costs is right"), ("dense", "hole")])
def test_the_file_runs_by_itself(name, words, home):
    path = starting.start(exercises()[name], home)
    done = subprocess.run([sys.executable, "-P", path], capture_output=True, encoding="utf-8",
                          errors="replace")  # fmt: skip
    if words == "hole":
        assert "NotImplementedError: y" in done.stderr
    else:
        assert words in done.stdout
        assert re.search(r"w is\n.*\nand should be", done.stdout)


def test_a_worked_example_is_right_by_hand():
    arguments, results = starting.example(exercises()["dense-backward"])
    x, W, dy = (arguments[word] for word in ("x", "W", "dy"))
    np.testing.assert_allclose(results["dW"], np.einsum("ni,no->io", x, dy))
    np.testing.assert_allclose(results["dx"], np.einsum("no,io->ni", dy, W))
    np.testing.assert_allclose(results["db"], np.einsum("no->o", dy))


def test_nothing_is_overwritten(at_once):
    write(SIGMOID)
    refused = run("start", "sigmoid")
    assert refused.exit_code == 2
    assert "sigmoid.py exists already: --force begins anew" in " ".join(refused.output.split())
    assert Path("sigmoid.py").read_text(encoding="utf-8").endswith(SIGMOID)
    assert run("start", "sigmoid", "--force").exit_code == 0
    assert "NotImplementedError" in Path("sigmoid.py").read_text(encoding="utf-8")
    assert "no folder nowhere" in run("start", "neuron", "--folder", "nowhere").output


# What a learner's code may do


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("def sigmoid(z):\n    1 / (1 + np.exp(-z))", "nothing", "return a is missing"),
        ("def sigmoid(z):\n    return foo(z)", "raised", "NameError: name 'foo' is not defined in "
         "line 4: return foo(z)"),
        ("def sigmoid(z):\n    return sigmoid(z)", "raised", "calls itself without end, in line 4"),
        ("def sigmoid(z):\n    exit()", "raised", "ends the program"),
        ("def sigmoid(z):\n    return z[:, 0]", "shape", "is of shape (3,), and should be of shape "
         "(3, 4)"),
        ("def sigmoid(z):\n    return z.T", "shape", "it is transposed"),
        ("def sigmoid(z):\n    return z.astype(int)", "dtype", "an array of int64"),
        ("def sigmoid(z):\n    return z.astype(np.float32)", "dtype", "an array of float32"),
        ("def sigmoid(z):\n    return {'a': z}", "dtype", "of type dict"),
        ("def sigmoid(z):\n    return z / 0", "not finite", "holds inf"),
        ("def sigmoid(z):\n    return np.log(z)", "not finite", "holds NaN"),
        ("def sigmoid(z):\n    z *= -1\n    return 1 / (1 + np.exp(z))", "changed",
         "changes its argument z in place"),
        ("def sigmoid(z)\n    return z", "syntax", "SyntaxError: expected ':' in line 3"),
        ("def sigmod(z):\n    return z", "no function", "there is no function sigmoid"),
        ("import nowhere_to_be_found", "raised", "No module named 'nowhere_to_be_found' in line 3"),
        ("def sigmoid(z, w):\n    return z", "raised", "missing 1 required positional argument"),
        ("def sigmoid(z):\n    return np.random.rand(*z.shape)", "wrong", "asked twice"),
        ("def sigmoid(z):\n    return 1 / (1 + np.exp(1e-9 - z))", "wrong", "nearly right"),
        ("from dataclasses import dataclass\n@dataclass\nclass A:\n    a: 'int'\n" + SIGMOID,
         "right", ""),
        ("def sigmoid(z):\n    return 0.3 * z**7 + 0.1", "wrong", ""),
    ],
)  # fmt: skip
def test_every_stumble_has_an_answer(code, kind, words):
    outcome = check(exercises()["sigmoid"], write(code))
    assert outcome.kind == kind
    assert words.lower() in f"{outcome.text} {outcome.cause}".lower()
    assert "Traceback" not in outcome.text
    if kind == "wrong" and not words:
        assert outcome.cause == ""  # nothing is made up
        assert "No mistake that is known" in " ".join(run("check", "--no-frameworks", "sigmoid")
                                                      .output.split())  # fmt: skip


@pytest.mark.parametrize(
    ("results", "kind", "words"),
    [
        ("dx, dW", "count", "gives 2 results, and should give 3: dx, dW, db"),
        ("dx", "count", "gives 1 result, and should give 3"),
        ("dx, dW, None", "nothing", "its db is None"),
        ("[dx, dW, dy.sum(axis=0)]", "right", ""),  # a list will do
    ],
)
def test_several_results(results, kind, words):
    code = f"def dense_backward(x, W, dy):\n    dx, dW = dy @ W.T, x.T @ dy\n    return {results}\n"
    outcome = check(exercises()["dense-backward"], write(code, "d.py", "dense-backward"))
    assert outcome.kind == kind
    assert words in outcome.text


def test_a_file_that_is_no_text():
    Path("sigmoid.py").write_bytes(b"\xff\xfe\x00EXERCISE")
    assert check(exercises()["sigmoid"], Path("sigmoid.py")).kind == "syntax"
    Path("neuron.py").mkdir()
    assert check(exercises()["neuron"], Path("neuron.py")).kind == "syntax"


def test_the_learners_own_modules_are_found():
    Path("beside_it.py").write_text("one = 1\n", encoding="utf-8")
    code = "def sigmoid(z):\n    import beside_it\n    return 1 / (beside_it.one + np.exp(-z))\n"
    before = list(sys.path)
    assert check(exercises()["sigmoid"], write(code)).done
    assert sys.path == before


def in_processes(codes, **how):
    """The outcomes of several programs, checked one after the other."""
    files = [write(code, f"{name}/sigmoid.py") for name, code in codes.items()]
    found = processes.run([Task("sigmoid", file) for file in files], **how)
    return dict(zip(codes, (checked.outcome for checked in found), strict=True))


def test_loops_without_end_have_one():
    codes = {
        "in a call": "def sigmoid(z):\n    while True:\n        z = z + 1\n",
        "at import": "while True:\n    pass\n",
    }
    outcomes = in_processes(codes, seconds=0.5)
    assert [o.kind for o in outcomes.values()] == ["too long", "too long"]
    assert re.search(r"after 0.5 s, and was in line [45]", outcomes["in a call"].text)
    assert re.search(r"line [34]", outcomes["at import"].text)


def test_in_a_process_of_its_own():
    """One after the other: dies, prints by any way, asks, is right."""
    codes = {
        "dies": "def sigmoid(z):\n    import os\n    os._exit(7)\n",
        "prints": SIGMOID.replace("    ret", "    import os\n    print('hello')\n"
                                  "    os.system('echo shell')\n    ret"),
        "asks": "def sigmoid(z):\n    return input('z?')\n",
        "right": SIGMOID,
    }  # fmt: skip
    outcomes = in_processes(codes)
    assert outcomes["dies"].kind == "died"
    assert "exit code 7" in outcomes["dies"].text
    assert outcomes["prints"].done
    assert set(outcomes["prints"].printed.split()) == {"hello"}
    assert "asks for input" in outcomes["asks"].text
    assert outcomes["right"].done


def test_threads_that_are_left_behind_hold_nobody_up():
    code = SIGMOID.replace("    ret", "    import threading, time\n    threading.Thread("
                           "target=time.sleep, args=(60,)).start()\n    ret")  # fmt: skip
    (checked,) = processes.run([Task("sigmoid", write(code))])
    assert checked.outcome.done


def test_what_is_printed_is_shown_in_part(at_once):
    write(SIGMOID.replace("    ret", "    for i in range(9):\n        print('line', i)\n    ret"))
    output = run("check", "sigmoid").output
    assert "printed    line 0\n" in output
    assert "... and 22 lines more" in output


# Progress


def test_a_damaged_progress_file_is_put_aside(at_once):
    write(SIGMOID)
    file = Path("kept/progress.json")
    file.parent.mkdir()
    damaged = ["", "[]", "null", '{"records": {"sigmoid": {"tries": -1}}}', '{"records": 3}',
               '{"records": {}, "last": 5, "sources": []}', "\xff", "[" * 5000]  # fmt: skip
    for text in damaged:
        file.write_text(text, encoding="latin-1")
        result = run("check", "sigmoid")
        assert result.exit_code == 0
        assert "Warning" in result.output
        assert "progress begins anew" in result.output
        assert kept().records["sigmoid"].done
        assert Path("kept/progress.damaged.json").read_text(encoding="latin-1") == text


def test_a_progress_file_that_cannot_be_written_is_a_warning(at_once):
    write(SIGMOID)
    Path("kept").write_text("a file, where a folder should be", encoding="utf-8")
    result = run("check", "sigmoid")
    assert result.exit_code == 0
    assert "progress is not kept" in result.output
    assert "right in all 3 cases" in result.output


def test_progress_reads_what_it_wrote():
    state = progress.Progress(last="sigmoid", sources=["a.py"])
    state.of("sigmoid", Path("ü.py")).tries = 3
    progress.save(state, Path("deep/down/progress.json"))
    assert progress.read(Path("deep/down/progress.json")) == state
    assert not list(Path("deep/down").glob(".progress*"))  # no draft is left


# A class


def test_a_class_is_graded(at_once):
    write(SIGMOID, "class/ada/sigmoid.py")
    write(WITHOUT_SIGN, "class/bob/week 1/mine.py")
    write("def sigmoid(z)", "class/cy ü/sigmoid.py")
    starting.start(exercises()["bug-dense"], Path("class/ada"))
    starting.start(exercises()["bug-dense"], Path("class/bob"))
    text = Path("class/ada", BUG).read_text(encoding="utf-8").replace("dy.mean", "dy.sum")
    Path("class/ada", BUG).write_text(text, encoding="utf-8")
    write("def unknown(): pass", "class/bob/other.py", name="no-exercise")
    write(SIGMOID, "class/bob/.hidden/sigmoid.py")
    Path("class/dora").mkdir()
    result = run("grade", "class", "--output", "table.csv", columns=120)
    assert result.exit_code == 0
    with open("table.csv", encoding="utf-8-sig", newline="") as file:
        rows = {(r["student"], r["exercise"]): r for r in csv.DictReader(file)}
    assert len(rows) == 8
    outcomes = {key: row["outcome"] for key, row in rows.items()}
    assert outcomes["ada", "sigmoid"] == outcomes["ada", "bug-dense"] == "right"
    assert outcomes["cy ü", "sigmoid"] == "syntax"
    assert outcomes["dora", "sigmoid"] == "missing"
    assert "sign in the exponent" in rows["bob", "sigmoid"]["cause"]
    assert "averaged over the batch" in rows["bob", "bug-dense"]["cause"]
    assert re.search(r"^bob +0 +2 +0 +sigmoid, bug-dense$", result.output, re.MULTILINE)
    assert "4 students, 2 exercises: 2 of 8 right." in result.output
    assert run("grade", "class", "--exercise", "sigmoid", "--output", "t.json").exit_code == 0
    assert len(json.loads(Path("t.json").read_text(encoding="utf-8"))) == 4


def test_a_class_is_graded_in_processes_of_their_own():
    write(SIGMOID, "class/ada/sigmoid.py")
    write("def sigmoid(z):\n    while True: pass\n", "class/bob/sigmoid.py")
    result = run("grade", "class", "--seconds", "1")
    assert result.exit_code == 0
    assert re.search(r"^ada +1 +0 +0", result.output, re.MULTILINE)
    assert "1 × too long" in result.output


def test_folders_are_checked_whole(at_once):
    write(SIGMOID, "ada/sigmoid.py")
    assert run("check", "--all", "ada").exit_code == 0
    write(WITHOUT_SIGN, "bob/sigmoid.py")
    result = run("check", "--all", "ada", "bob")
    assert result.exit_code == 1
    assert "2 students, 1 exercise: 1 of 2 right." in result.output


# Exercises of one's own


def documented():
    """The file of exercises in docs/exercises.md."""
    (block,) = re.findall(r"^```python\n(# my_exercises.py\n.*?)^```", PAGE.read_text("utf-8"),
                          flags=re.MULTILINE | re.DOTALL)  # fmt: skip
    file = Path("my_exercises.py")
    file.write_text(block, encoding="utf-8")
    return str(file)


def test_the_documented_exercises(at_once):
    own = documented()
    assert run("start", "norm", "--exercises", own).exit_code == 0
    file = Path("norm.py")
    text = file.read_text(encoding="utf-8")
    answers = {
        "return np.sqrt((x * x).sum())": "right in its one case",
        "return (x * x).sum()": "The root is missing: that is the square of it",
        "return 2 * np.sqrt((x * x).sum())": "Your s is the right numbers times 2",
    }
    for line, words in answers.items():
        file.write_text(text.replace('raise NotImplementedError("s")', line), encoding="utf-8")
        assert words in " ".join(run("check").output.split())  # the file need not be named again
    write("def tanh_backward(a, da):\n    return da * a * (1 - a)\n", "t.py", "tanh-backward")
    output = " ".join(run("check", "t.py").output.split())
    assert "a (1 - a), which is that of the sigmoid" in output
    assert "36 done" in run("list").output


def test_the_documented_exercises_in_a_process_of_their_own():
    own = documented()
    write("def norm(x):\n    return np.sqrt((x * x).sum())\n", "norm.py", "norm")
    (checked,) = processes.run([Task("norm", Path("norm.py"), more=True)], [own])
    assert checked.outcome.done
    assert checked.elsewhere == ()


def test_exercises_named_in_the_environment(monkeypatch):
    own = documented()
    Path("with a space").mkdir()
    Path("with a space/b.py").write_text("EXERCISES = []", encoding="utf-8")
    monkeypatch.setenv("BACKPROOF_EXERCISES", os.pathsep.join([own, "with a space/b.py"]))
    assert '"tanh-backward"' in run("list", "--json").output


def test_a_truth_that_cannot_be_run():
    own = documented()
    text = Path(own).read_text(encoding="utf-8").replace("(x * x).sum())", "(x @ 7).sum())")
    Path(own).write_text(text, encoding="utf-8")
    write("def norm(x):\n    return 1.0\n", "norm.py", "norm")
    result = run("check", "norm.py", "--exercises", own)
    assert result.exit_code == 2
    assert "norm cannot be asked: ValueError" in " ".join(result.output.split())
    assert run("start", "norm", "--force", "--exercises", own).exit_code == 2


def formula(function, gives="s"):
    return Exercise(
        name="own", chapter=1, title="", text="", function=f"own(x) -> {gives}",
        code="def own(x): ...", worked=Case("", Formula(function), lambda rng: {"x": np.ones(2)}),
        cases=(Case("", Formula(function), lambda rng: {"x": rng.standard_normal(3)}),), hints=(),
    )  # fmt: skip


def test_a_formula_may_give_several_results():
    own = formula(lambda x: (x.sum(), (x * x).sum()), "s, q")
    path = write("def own(x):\n    return x.sum(), 3 * (x * x).sum()\n", "own.py", "own")
    outcome = check(own, path)
    assert outcome.right == ("s",)
    assert outcome.wrong == ("q",)


def test_a_name_is_taken_once():
    twice = documented()
    Path("folder").mkdir()
    Path("folder/a.py").write_text(Path(twice).read_text("utf-8"), encoding="utf-8")
    with pytest.raises(ExerciseError, match="two exercises are called tanh-backward"):
        exercises([twice, "folder"])
    assert "norm" in exercises(["folder"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "Own Name"}, "lower-case words"),
        ({"function": "own x -> y"}, "signature such as"),
        ({"code": "def other(x): ..."}, "defines no function own"),
        ({"cases": ()}, "no cases"),
    ],
)
def test_an_exercise_that_is_none(changes, words):
    given = vars(formula(lambda x: x)) | changes
    with pytest.raises(ExerciseError, match=words):
        Exercise(**given)


def test_a_word_without_meaning_is_said():
    given = vars(exercises()["dense"])
    for function, words in (("dense(x, V, b) -> y", "argument V.*params.W"),
                            ("dense(x, W, b) -> q", "result q.*y, dx")):  # fmt: skip
        bad = Exercise(**given | {"function": function, "words": {}})
        with pytest.raises(ExerciseError, match=words):
            starting.example(bad)
    assert question(exercises()["dense"], Case("", Dense(2, 2), normal(1, 2)))


def test_the_entry_point(monkeypatch):
    class Entry:
        name = "theirs"

        @staticmethod
        def load():
            return [formula(lambda x: x)]

    monkeypatch.setattr(registry.metadata, "entry_points", lambda group: [Entry])
    assert "own" in exercises()
    monkeypatch.setattr(Entry, "load", staticmethod(lambda: 1 / 0))
    with pytest.raises(ExerciseError, match=r"entry point theirs .* ZeroDivisionError"):
        exercises()


def test_every_exercise_has_hints_from_gentle_to_plain():
    assert all(len(e.hints) == 3 for e in exercises().values())
    assert all(e.worked is not None and len(e.cases) >= 2 for e in exercises().values())


def test_the_lesson_names_the_exercises():
    """Each in the chapter that it belongs to, and none that does not exist."""
    pages = sorted((PAGE.parent / "lesson").glob("[0-9]*.md"))
    found = {
        name: int(page.name[:2]) for page in pages
        for name in re.findall(r"backproof exercise start ([\w-]+)", page.read_text("utf-8"))
    }  # fmt: skip
    assert found == {e.name: e.chapter for e in exercises().values()}


# Bad input


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["check"], "no exercise was started yet: backproof exercise start sigmoid"),
        (["check", "sigmoid"], "there is no sigmoid.py: backproof exercise start sigmoid writes"),
        (["check", "nowhere.py"], "there is no file nowhere.py"),
        (["check", "sigmiod"], "Did you mean sigmoid?"),
        (["start", "sofmax"], "Did you mean softmax?"),
        (["check", "sigmoid", "neuron"], "one exercise at a time"),
        (["check", "--all", "--hint"], "without --all"),
        (["check", "--all"], "no exercise's file in ."),
        (["check", "--all", "nowhere"], "there is no folder nowhere"),
        (["grade", "nowhere"], "there is no folder nowhere"),
        (["grade", "."], "no folder in it holds an exercise's file"),
        (["grade", ".", "--output", "t.txt"], "ends in .csv or .json"),
        (["grade", ".", "--output", "no/t.csv"], "no directory"),
        (["list", "--exercises", "nowhere.py"], "there is no file nowhere.py"),
        (["list", "--exercises", "bad.py"], "bad.py raises ZeroDivisionError"),
        (["list", "--exercises", "none.py"], "none.py defines no EXERCISES"),
        (["list", "--exercises", "odd.py"], "EXERCISES is a list of Exercise objects"),
        (["list", "--exercises", "empty"], "holds no Python file"),
        (["check", "other.py"], "unknown exercise 'not-there'"),
        (["check", "--seconds", "0"], "--seconds"),
    ],
)  # fmt: skip
def test_bad_input(args, words):
    Path("empty").mkdir()
    Path("bad.py").write_text("1 / 0", encoding="utf-8")
    Path("none.py").write_text("", encoding="utf-8")
    Path("odd.py").write_text("EXERCISES = [1]", encoding="utf-8")
    Path("other.py").write_text('EXERCISE = "not-there"', encoding="utf-8")
    result = run(*args)
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())
    assert "Traceback" not in result.output


def test_an_unknown_name():
    with pytest.raises(UnknownName, match="dense-backward"):
        registry.named("dense-backwards")
    assert registry.named("Dense_Backward").name == "dense-backward"


# How it looks


@pytest.mark.parametrize("columns", [40, 80, 160])
def test_lines_fit(columns, at_once):
    for name in ("sigmoid", "bug-dense"):
        run("start", name)
        outputs = [run("check", name, columns=columns).output, run("list", columns=columns).output]
        for line in "\n".join(outputs).splitlines():
            free = line.startswith(("Try again", "0 of", "bug-dense:", "sigmoid:"))
            assert len(line) <= columns or free, line
            assert line == line.rstrip()
            assert "\x1b" not in line


# Who else computes it


def test_the_frameworks_are_named(framework):
    own = {"torch": "PyTorch: ", "jax": "JAX: "}[framework.name]
    lines = {
        name: [line for line in told(exercises()[name]) if line.startswith(own)]
        for name in ("dense-backward", "softmax-cross-entropy", "neuron", "lstm-backward", "adam")
    }
    assert all(len(of_it) == 1 for of_it in lines.values())
    makers = {"torch": "dx, dW by AddmmBackward0 (mm); db by AddmmBackward0 (sum). The same",
              "jax": "dx, dW by dot_general; db by reduce_sum. The same"}  # fmt: skip
    assert makers[framework.name] in lines["dense-backward"][0]
    assert "takes the same steps, to" in lines["adam"][0]


@pytest.mark.parametrize("name", ["rnn-backward", "lstm-backward", "attention-backward"])
def test_a_framework_makes_every_result(name, framework):
    """Those that go back to the states before the first step too."""
    exercise = exercises()[name]
    of_each = {"torch": "PyTorch: ", "jax": "JAX: "}[framework.name]
    (line,) = (line for line in told(exercise) if line.startswith(of_each))
    assert set(exercise.gives) <= set(re.findall(r"\w+", line))
    assert float(re.search(r"to (\S+) relative", line)[1]) < 1e-13


def test_a_framework_that_fails_makes_no_answer_wrong(monkeypatch):
    monkeypatch.setattr("backproof.comparisons.exercises.elsewhere.told", lambda exercise: 1 / 0)
    task = {"exercise": "sigmoid", "path": str(write(SIGMOID)), "more": True}
    (answer,) = worker._answers({"files": [], "tasks": [task], "seconds": 60}, sys.__stderr__)
    assert answer["outcome"]["kind"] == "right"
    assert "ZeroDivisionError" in answer["elsewhere"][0]


def test_a_formula_has_nobody_elsewhere():
    assert told(exercises()["finite-differences"]) == []
