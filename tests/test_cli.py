"""The command line: what it prints, its exit codes, and that it never shows a traceback."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from backproof import __version__
from backproof.cli import main
from backproof.comparisons import environment
from backproof.comparisons.results import read, save

TINY = ["compare", "--network", "lesson", "--steps", "3", "--dtype", "float64"]
FAULTS = """
    import os, signal, time
    from dataclasses import replace
    from backproof.adapters.numpy_reference import NumpyReference
    from backproof.adapters.protocols import VJP, Unsupported
    from backproof.reference.tree import tree_map

    def off(tree):
        return tree_map(lambda g: g * g.dtype.type(1.001), tree)

    class Wrong(NumpyReference):
        name = "wrong"
        def vjp(self, *args):
            y, dx, dparams, _ = super().vjp(*args)
            return VJP(y, dx, off(dparams))
        def train(self, *args, **kwargs):
            for step in super().train(*args, **kwargs):
                yield replace(step, grads=off(step.grads)) if step.t >= 2 else step

    class Raising(NumpyReference):
        name = "raising"
        def train(self, *args, **kwargs):
            for step in super().train(*args, **kwargs):
                if step.t == 3:
                    raise RuntimeError("out of luck [bold]")
                yield step

    class Killed(NumpyReference):
        name = "killed"
        def train(self, *args, **kwargs):
            os.kill(os.getpid(), signal.SIGKILL)

    class Nothing(NumpyReference):
        name = "nothing"
        def vjp(self, *args, **kwargs):
            raise Unsupported("it does nothing")
        loss_vjp = optimize = train = vjp

    class Slow(NumpyReference):
        name = "slow"
        def train(self, *args, **kwargs):
            draft = os.environ["AT_WORK"] + " soon"
            with open(draft, "w") as file:
                file.write(str(os.getpid()))
            os.replace(draft, os.environ["AT_WORK"])
            time.sleep(120)
            yield
"""


@pytest.fixture
def faults(tmp_path):
    """A folder that holds an outside package with faulty adapters, found by entry point."""
    folder = tmp_path / "outside"
    info = folder / "faulty-1.5.dist-info"
    info.mkdir(parents=True)
    (folder / "faulty.py").write_text(textwrap.dedent(FAULTS))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1.5\n")
    names = ["Wrong", "Raising", "Killed", "Nothing", "Slow", "Absent"]
    entries = "".join(f"{n.lower()} = faulty:{n}\n" for n in names[:-1])
    (info / "entry_points.txt").write_text(
        f"[backproof.adapters]\n{entries}absent = not_there:Absent\n"
    )
    return folder


@pytest.fixture
def faulty(faults, monkeypatch):
    """The same in this process."""
    monkeypatch.syspath_prepend(faults)
    yield
    sys.modules.pop("faulty", None)


def run(*args, **environ):
    return CliRunner().invoke(main, [str(a) for a in args], env=environ)


def script(*args, path=(), **environ):
    """The installed program in a process of its own."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), **environ}
    program = Path(sys.executable).with_name("backproof")
    return subprocess.Popen(
        [str(program), *map(str, args)], env=env, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def tiny():
    return run(*TINY, "--adapter", "numpy")


# A comparison that goes well.


def test_all_match(tiny):
    assert tiny.exit_code == 0
    out = tiny.stdout
    assert re.search(r"lesson +numpy +126 +126 +\d\.\d+ +126 match", out)
    assert re.search(r"  d2\.W +1×1 +\d\.\de-\d+ +\d\.\d +\d\.\d+  match", out)
    assert re.search(r"  weights, free +\de-\d+ +\de-\d+ +\de-\d+ +\d\.\d+", out)
    assert f"backproof {__version__}" in out
    assert "seed 0, steps 3" in out
    assert "cores" in out
    values = "126 values (all not zero, all distinct, all finite)"
    last = f"126 comparisons of {values}: 126 match; no mismatch, no error."
    assert out.splitlines()[-1] == last


def test_plain_lines_where_there_is_no_terminal(tiny):
    assert re.search(r"^\[ *\d+\.\d s\] lesson float64: 126 comparisons$", tiny.stderr, re.M)
    assert "\x1b" not in tiny.output
    assert max(map(len, tiny.stdout.splitlines())) <= 120


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Saved results of several adapters and both dtypes, as numerous as those of the main job."""
    path = tmp_path_factory.mktemp("wide") / "r.parquet"
    run(*TINY[:3], "--steps", "50", "--dtype", "float64", "--adapter", "numpy", "--output", path)
    rows = read(path)
    pairs = [
        (dtype, name) for dtype in ("float64", "float32") for name in ("numpy", "torch", "jax")
    ]
    copies = [rows.assign(case="net [bold]", dtype=dtype, candidate=name) for dtype, name in pairs]
    again = pd.concat(copies, ignore_index=True)
    again.attrs = rows.attrs
    save(again, path)
    return path


@pytest.mark.parametrize(
    ("columns", "gradients", "trajectories"),
    [(80, 0, 2), (110, 2, 0), (120, 2, 0), (160, 2, 2)],
)
def test_the_layout_fits_the_width(wide, columns, gradients, trajectories):
    """The noise ratio of every adapter, and dtypes side by side, where there is room."""
    out = run("show", wide, COLUMNS=str(columns)).stdout
    laid_out = out.partition("Power:")[0]
    tables = [line for line in laid_out.splitlines() if re.search(r"─{20}|\de-\d", line)]
    assert len(tables) >= 3 + 6 + 6
    assert max(map(len, tables)) <= columns
    head, _, tail = out.partition("Trajectories")
    assert head.count("numpy  torch   jax") == gradients
    assert tail.count("numpy torch  jax") == trajectories
    assert "\nnet [bold]  numpy" in head
    assert "\nnet [bold], SGD" in tail


def test_quiet_prints_the_summary_only():
    result = run(*TINY, "--adapter", "numpy", "--quiet")
    assert result.exit_code == 0
    assert not result.stderr
    lines = result.stdout.splitlines()
    assert len(lines) == 6
    assert "126 match" in lines[3]


def test_every_installed_framework_matches(installed):
    """The default adapters, without those that are not installed: each of these is said."""
    result = run(*TINY, "--optimizer", "adamw")
    assert result.exit_code == 0, result.output
    for name in ("numpy", "torch", "jax"):
        assert (f"lesson   {name} " in result.stdout) == (name in installed)
        assert (f"Skipped: {name}: " in result.stderr) == (name not in installed)


def test_samples_of_layers_and_losses():
    given = ["--layer", "dense", "--loss", "MeanSquaredError", "--adapter", "numpy"]
    result = run("compare", *given, "--adapter", "complex_step", COLUMNS="120")
    assert result.exit_code == 0, result.output
    assert re.search(r"Dense\(n_in=4, n_out=3, bias=True\) +complex_step .* 8 match", result.stdout)
    assert re.search(r"MeanSquaredError\(reduction='mean'\) #2 +numpy .* 4 match", result.stdout)
    assert "Trajectories" not in result.stdout


def test_what_cannot_be_done_is_explained(faulty):
    result = run(*TINY, "--adapter", "numpy", "--adapter", "nothing")
    assert result.exit_code == 0
    told = [line for line in result.stdout.splitlines() if "5 unsupported:" in line]
    assert told == ["  5 unsupported: lesson, SGD, Adam, float64, vjp, lockstep, free-running "
                    "(nothing): it does nothing"]  # fmt: skip


# A comparison that does not.


def test_a_mismatch_is_told_with_its_first_step_and_layer(faulty):
    result = run(*TINY, "--adapter", "wrong", "--seed", "3", "--optimizer", "sgd")
    assert result.exit_code == 1
    text = result.stdout[result.stdout.index("First divergences") :].splitlines()
    assert text[1] == "wrong disagrees with the reference on lesson, float64, seed 3"
    assert re.fullmatch(
        r'  dparams\["2\.b"\] \(1,\): 0\.000378 off at \(0,\): 0\.377985095 instead of '
        r"0\.377607487, \S+ allowed; noise ratio \d\.\de1[12], allowed 1024", text[2],
    )  # fmt: skip
    assert text[3] == "  y, dx match."
    assert text[4] == '  dparams["0.W"], dparams["0.b"], dparams["2.W"] are wrong too.'
    again = "  Reproduce: backproof compare --network lesson --adapter wrong --dtype float64"
    assert text[5].startswith(
        "  Likely cause: Dense with its gradient times 1.001, in dparams alone, in every Dense: "
    )
    assert text[6] == f"{again} --steps 1 --seed 3"
    where = "lesson, SGD, float64, lockstep at step 2, seed 3"
    assert text[7] == f"wrong disagrees with the reference on {where}"
    assert text[8].startswith('  gradient["2.b"] (1,): ')
    cause = "the training loop with the gradients that it reports times 1.001, from step 2 on"
    assert text[11].startswith(f"  Likely cause: {cause}: noise ratio ")
    assert text[12] == f"{again} --optimizer sgd --steps 2 --seed 3"


def test_causes_are_searched_while_comparing_or_not_at_all(faulty, tmp_path):
    path = tmp_path / "r.csv"
    case = ("compare", "--layer", "Dense", "--adapter", "wrong", "--dtype", "float64", "--jobs", 1)
    result = run(*case, "--output", path)
    assert "Likely cause: Dense with its gradient times 1.001" in result.stdout
    assert "Likely cause: Dense with its gradient times 1.001" in run("show", path).stdout
    result = run(*case, "--no-diagnosis", "--output", path)
    assert result.exit_code == 1
    assert "Likely cause" not in result.stdout
    assert "No causes: a saved table holds no arrays to diagnose" in run("show", path).stdout


def test_the_command_to_reproduce_does(faulty):
    first = run(*TINY, "--adapter", "wrong", "--adapter", "numpy", "--seed", "3")
    (command, *_) = re.findall(r"Reproduce: backproof (.*--steps 2 .*)", first.stdout)
    again = run(*command.split())
    assert again.exit_code == 1
    told = [line for line in first.stdout.splitlines() if 'gradient["2.b"] (1,)' in line]
    assert told[0] in again.stdout


def test_the_command_to_reproduce_a_sample_does(faulty):
    first = run("compare", "--layer", "Dense", "--adapter", "wrong", "--dtype", "float32")
    assert first.exit_code == 1
    (command, *_) = re.findall(r"Reproduce: backproof (.*)", first.stdout)
    assert command == "compare --layer Dense --adapter wrong --dtype float32 --seed 0"


def test_quiet_still_tells_what_is_wrong(faulty):
    result = run(*TINY, "--adapter", "wrong", "--quiet")
    assert result.exit_code == 1
    assert "wrong disagrees with the reference on lesson, SGD" in result.stdout
    assert "Gradients" not in result.stdout


def test_an_adapter_that_raises_in_the_middle(faulty, tmp_path):
    path = tmp_path / "r.csv"
    result = run(*TINY, "--adapter", "raising", "--optimizer", "sgd", "--output", path)
    assert result.exit_code == 1
    head = "raising fails on lesson, SGD, float64, lockstep and free-running at step 3, seed 0\n"
    assert f"{head}  RuntimeError: out of luck [bold]\n" in result.stdout
    rows = read(path)
    assert rows["verdict"].value_counts().to_dict() == {"match": len(rows) - 2, "error": 2}
    assert set(rows["step"]) == {0, 1, 2, 3}


def test_nothing_compared_is_an_error(faulty):
    result = run(*TINY, "--adapter", "nothing")
    assert result.exit_code == 1
    assert "Error: nothing was compared." in result.stderr
    assert "no mismatch" not in result.stdout


def test_what_frameworks_mean_by_one_name(tmp_path):
    pytest.importorskip("torch")
    path = tmp_path / "r.csv"
    result = run("compare", "--layer", "rmsprop", "--adapter", "numpy", "--adapter", "torch",
                 "--dtype", "float64", "--output", path)  # fmt: skip
    assert result.exit_code == 0, result.output
    rows = read(path)
    rows = rows[rows["case"].str.contains("as in") & (rows["candidate"] == "torch")]
    verdicts = rows.groupby("case")["verdict"].agg(lambda found: "/".join(dict.fromkeys(found)))
    assert verdicts.to_dict() == {
        "RMSprop(...) as in torch: RMSPROP-DEFAULTS": "match",
        "RMSprop(...) as in jax: RMSPROP-DEFAULTS": "known divergence",
        "RMSprop(...) as in torch: RMSPROP-EPS": "match",
        "RMSprop(...) as in jax: RMSPROP-EPS": "known divergence",
        "RMSprop(...) as in torch: RMSPROP-RATE": "match",
        "RMSprop(...) as in jax: RMSPROP-RATE": "match/known divergence",
    }
    assert "RMSPROP-EPS: torch adds ε to the root" in result.stdout


def test_a_known_divergence_that_no_longer_differs(monkeypatch):
    from backproof.comparisons import divergences

    known = divergences.KnownDivergence("D-1", "numpy", "lesson", "dx", "on purpose", "here")
    monkeypatch.setattr(divergences, "KNOWN", [known])
    result = run(*TINY, "--adapter", "numpy")
    assert result.exit_code == 1
    told = "numpy no longer differs from the reference, as it is known to, on lesson"
    assert told in result.stdout
    assert "D-1: on purpose" in result.stdout


# Wrong usage: exit code 2, a message, nothing run.


@pytest.fixture
def idle(monkeypatch):
    """Fail if any work starts."""

    def work(*args, **kwargs):
        raise AssertionError("the work started")

    monkeypatch.setattr("backproof.comparisons.job.run_tasks", work)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--network", "digits-mpl"], "unknown network 'digits-mpl'. Did you mean digits-mlp?"),
        (["--layer", "Dens"], "unknown layer 'Dens'. Did you mean Dense?"),
        (["--loss", "mean_squared_error"], "Did you mean MeanSquaredError?"),
        (["--adapter", "pytorch"], "unknown adapter 'pytorch'. Did you mean torch?"),
        (["--optimizer", "adamm"], "unknown optimizer 'adamm'. Did you mean adam?"),
        (["--network", "zzz"], "unknown network 'zzz'. Known: lesson, mazur"),
        (
            ["--dtype", "float8"],
            "'float8' is not one of 'float64', 'float32', 'bfloat16', 'float16'",
        ),
        (["--steps", "0"], "0 is not in the range x>=1"),
        (["--jobs", "0"], "0 is not in the range x>=1"),
        (["--seed", "-1"], "-1 is not in the range x>=0"),
        (["--layer", "Dense", "--steps", "3"], "--optimizer and --steps are for training"),
        (["--layer", "Dense", "--optimizer", "sgd"], "--optimizer and --steps are for training"),
        (["--output", "results.xlsx"], "unknown suffix '.xlsx', use .parquet, .csv or .json"),
        (["--output", "no/such/folder/r.csv"], "there is no directory"),
        (["--frobnicate"], "No such option"),
    ],
)
def test_wrong_usage(idle, tmp_path, monkeypatch, args, message):
    monkeypatch.chdir(tmp_path)
    result = run("compare", *args)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not result.stdout
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("adapter", ["torch", "jax"])
def test_a_framework_that_is_not_installed(idle, monkeypatch, adapter):
    monkeypatch.setattr(environment, "_installed", lambda module: False)
    result = run("compare", "--adapter", adapter)
    assert result.exit_code == 2
    assert f"not installed: pip install 'backproof[{adapter}]'" in result.stderr


@pytest.mark.parametrize("network", ["digits-mlp", "digits-cnn"])
def test_data_that_is_not_installed(idle, monkeypatch, network):
    monkeypatch.setattr(environment, "_installed", lambda module: module != "sklearn")
    result = run("compare", "--adapter", "numpy", "--network", network)
    assert result.exit_code == 2
    expected = f"{network}: scikit-learn not installed: pip install 'backproof[datasets]'"
    assert expected in result.stderr


def test_what_is_not_installed_is_skipped_by_default(monkeypatch):
    monkeypatch.setattr(environment, "_installed", lambda module: False)
    result = run("compare", "--steps", "1", "--dtype", "float64", "--jobs", "1")
    assert result.exit_code == 0, result.output
    for line in (
        "Skipped: torch: torch not installed: pip install 'backproof[torch]'",
        "Skipped: jax: jax and optax and flax not installed: pip install 'backproof[jax]'",
        "Skipped: digits-cnn: scikit-learn not installed: pip install 'backproof[datasets]'",
    ):
        assert line in result.stderr
        assert line in result.stdout
    assert re.search(r"mazur +numpy", result.stdout)


def test_an_adapter_whose_package_is_absent(faulty):
    result = run(*TINY, "--adapter", "absent")
    assert result.exit_code == 2
    assert "adapter 'absent' cannot load: No module named 'not_there'" in result.stderr


# Saved results.


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".json"])
def test_saved_results_show_the_same_report(tmp_path, suffix):
    path = tmp_path / f"r{suffix}"
    saved = run(*TINY, "--adapter", "numpy", "--output", path)
    assert saved.exit_code == 0
    assert f"Saved to {path}" in saved.stderr
    shown = run("show", path)
    assert shown.exit_code == 0
    head, _, report = shown.stdout.partition("\n")
    assert head == "Judged again: no verdict changed."
    assert report == saved.stdout


def test_show_judges_again(tmp_path):
    path = tmp_path / "r.csv"
    run(*TINY, "--adapter", "numpy", "--output", path)
    shown = run("show", path, "--allowed", "0.001")
    assert shown.exit_code == 1
    assert re.match(r"Judged again: (\d+) verdicts changed: \1 match now mismatch\.", shown.stdout)
    assert "numpy disagrees with the reference on lesson" in shown.stdout
    assert re.search(r" off at \(0, 0\); noise ratio 0\.\d\d, allowed 0\.001", shown.stdout)


def test_show_believes_no_saved_verdict(tmp_path):
    path = tmp_path / "r.csv"
    run(*TINY, "--adapter", "numpy", "--output", path)
    rows = read(path)
    rows.loc[0, "noise_ratio"] = float("nan")
    save(rows, path)
    shown = run("show", path)
    assert shown.exit_code == 1
    assert shown.stdout.startswith("Judged again: 1 verdicts changed: 1 match now mismatch.")


@pytest.mark.parametrize("allowed", ["0", "-1", "nan", "inf", "much"])
def test_a_constant_that_judges_nothing(allowed):
    result = run("show", "r.csv", "--allowed", allowed)
    assert result.exit_code == 2
    assert "--allowed" in result.stderr


def test_files_that_are_none(tmp_path):
    (tmp_path / "foreign.csv").write_text("a,b\n1,2\n")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    for name, message in {
        "absent.csv": "absent.csv does not exist",
        "foreign.csv": "lacks the columns case, mode",
        "broken.parquet": "is damaged, or was not written by backproof",
        ".": "is a directory",
    }.items():
        result = run("show", tmp_path / name)
        assert result.exit_code == 2
        assert message in result.stderr


def test_results_of_nothing_do_not_pass(tmp_path):
    path = tmp_path / "r.json"
    run(*TINY, "--adapter", "numpy", "--output", path)
    rows = read(path)
    none = rows[:0]
    none.attrs = rows.attrs
    save(none, path)
    assert run("show", path).exit_code == 1


def test_what_fails_while_saving_is_told_after_the_report(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    result = run(*TINY, "--adapter", "numpy", "--output", tmp_path / "r.csv")
    assert result.exit_code == 2
    assert "126 match" in result.stdout
    assert "No space left on device" in result.stderr
    assert not os.listdir(tmp_path)


# The list.


def test_list(monkeypatch):
    result = run("list")
    assert result.exit_code == 0
    out = result.stdout
    for line in (r"  Dense +an affine map", r"  AdamW +Adam with", r"  numpy +numpy \d",
                 r"  lesson +1-1-1", r"  SoftmaxCrossEntropy +the negative log"):  # fmt: skip
        assert re.search(f"^{line}", out, re.M), line


def test_list_says_what_is_not_installed(monkeypatch):
    monkeypatch.setattr(environment, "_installed", lambda module: False)
    out = run("list").stdout
    assert re.search(r"torch +torch not installed: pip install 'backproof\[torch\]'", out)
    assert re.search(r"digits-mlp .*\(scikit-learn not installed: ", out)


def test_an_outside_adapter_is_listed_with_its_version(faulty):
    assert re.search(r"^  wrong +faulty 1\.5$", run("list").stdout, re.M)


def test_version():
    assert run("--version").stdout == f"backproof {__version__}\n"


# Processes of its own: workers, imports, signals.


def test_workers_give_what_one_process_gives(tmp_path):
    given = ["compare", "--network", "mazur", "--network", "lesson", "--steps", "2"]
    tables = []
    for jobs in (1, 2):
        path = tmp_path / f"{jobs}.parquet"
        process = script(*given, "--adapter", "numpy", "--jobs", jobs, "--output", path)
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        tables.append(read(path))
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    assert list(dict.fromkeys(tables[0]["case"])) == ["mazur", "lesson"]


def test_a_worker_that_is_killed(faults):
    given = ["--network", "lesson", "--adapter", "killed", "--jobs", "2", "--steps", "1"]
    process = script("compare", *given, path=[faults])
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert re.search(r"a worker process was killed before lesson float\d\d was compared", err)
    assert "Traceback" not in err


@pytest.fixture
def interruptible():
    """Under nohup a program ignores SIGINT, and so do those that it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("jobs", [1, 2])
def test_interrupted(faults, tmp_path, jobs):
    path, at_work = tmp_path / "results" / "r.csv", tmp_path / "at work"
    path.parent.mkdir()
    given = ["--network", "lesson", "--adapter", "slow", "--jobs", jobs, "--output", path]
    process = script("compare", *given, path=[faults], AT_WORK=str(at_work))
    for _ in range(600):
        if at_work.exists():
            break
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: parent and workers
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip().splitlines()[-1] == "Interrupted: nothing was saved."
    assert "Traceback" not in err
    assert not os.listdir(path.parent)
    with pytest.raises(ProcessLookupError):  # the one at work is gone
        os.kill(int(at_work.read_text()), 0)


def test_a_reader_that_leaves_early():
    process = script(*TINY, "--adapter", "numpy")
    process.stdout.close()
    err = process.stderr.read()
    process.wait(timeout=60)
    process.stderr.close()
    assert "Traceback" not in err


@pytest.mark.parametrize("args", [["--help"], ["list"], ["compare", "--help"], ["--version"]])
def test_no_framework_is_imported(args):
    code = f"""
        import sys
        from backproof.cli import main
        main({args}, standalone_mode=False)
        heavy = {{"torch", "jax", "sklearn", "optax", "flax", "pandas"}} & set(sys.modules)
        assert not heavy, heavy
    """
    done = subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(code)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_neither_show_nor_the_parent_of_workers_imports_a_framework(tmp_path):
    pytest.importorskip("torch", reason="torch: pip install 'backproof[torch]'")
    path = tmp_path / "r.csv"
    run(*TINY, "--adapter", "numpy", "--output", path)
    networks = ["--network", "lesson", "--network", "mazur", "--dtype", "float64", "--steps", "1"]
    code = f"""
        import sys
        from backproof.cli import main
        if __name__ == "__main__":
            for args in (["show", {str(path)!r}],
                         ["compare", *{networks}, "--adapter", "torch", "--jobs", "2"]):
                try:
                    main(args)
                except SystemExit as end:
                    assert end.code == 0, end.code
            heavy = {{"torch", "jax", "sklearn", "optax", "flax"}} & set(sys.modules)
            assert not heavy, heavy
    """
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(code))
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_letters_that_the_output_lacks(tmp_path):
    path = tmp_path / "r.csv"
    run(*TINY, "--adapter", "numpy", "--output", path)
    process = script("show", path, PYTHONIOENCODING="ascii")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "1?1" in out


def test_metadata_is_saved_with_the_rows(tmp_path):
    path = tmp_path / "r.json"
    run(*TINY, "--adapter", "numpy", "--seed", "4", "--output", path)
    meta = json.loads(path.read_text())["meta"]
    assert (meta["seed"], meta["steps"], meta["networks"]) == (4, 3, ["lesson"])
    assert meta["versions"]["backproof"] == __version__
    assert meta["machine"]["cores"] == environment.usable_cores()
    assert meta["seconds"] > 0
