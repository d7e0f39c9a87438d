"""Importing us imports no framework, and a missing framework is met with words, not a crash.

Each check runs in a process of its own. ``test_the_check_can_fail`` proves that it would notice.
"""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import backproof
from backproof.adapters.loading import FRAMEWORKS
from backproof.reference import discovery

HEAVY = ["torch", "jax", "jaxlib", "optax", "flax", "sklearn", "scipy", "tensorflow", "pandas",
         "pyarrow", "rich", "click", "threadpoolctl"]  # fmt: skip
FOREIGN = {"torch", "jax", "jaxlib", "optax", "flax", "tensorflow", "sklearn", "scipy"}

BLOCK = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
"""


@pytest.fixture
def python(tmp_path):
    """Run code in a fresh process, in an empty folder, with the named packages not installed."""

    def run(code, without=()):
        script = BLOCK.format(names=set(without)) + code if without else code
        done = subprocess.run(
            [sys.executable, "-P", "-W", "error", "-c", script], cwd=tmp_path, text=True,
            capture_output=True, timeout=120, env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def loaded(python):
    """The names in ``watched`` that a process holds after running the code."""

    def after(code, watched=HEAVY):
        report = f"\nimport sys\nprint('LOADED', *[m for m in {watched} if m in sys.modules])"
        return python(code + report).rpartition("LOADED")[2].split()

    return after


def modules():
    """Every module of the project: its dotted name, and its file."""
    found = {}
    for name in ("backproof", "backproof.adapters", "backproof.comparisons", "backproof.reference"):
        (folder,) = importlib.import_module(name).__path__
        for path in Path(folder).rglob("*.py"):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join((name, *(p for p in parts if p != "__init__")))] = path
    return dict(sorted(found.items()))


def imported(path):
    """The top-level names that a file imports from outside the project."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module.partition(".")[0])
    return names


FRAMEWORK_NAMES = {name for needs in FRAMEWORKS.values() for name in needs}


def loaded_with(path):
    """The files that importing this one loads of its folder: an adapter's folder loads all."""
    return path.parent.glob("*.py") if path.name == "__init__.py" else [path]


FREE = [
    name for name, path in modules().items()
    if not any(imported(file) & FRAMEWORK_NAMES for file in loaded_with(path))
]  # fmt: skip


# What an import loads


def test_front_door_loads_nothing(loaded):
    assert loaded("import backproof", [*HEAVY, "numpy"]) == []


def test_names_load_no_framework(loaded):
    """Every public name, and a look at which adapters there are."""
    code = (
        "import backproof\n"
        "[getattr(backproof, name) for name in backproof.__all__]\n"
        "dir(backproof), backproof.adapter_names()\n"
    )
    assert set(loaded(code)) & FOREIGN == set()
    assert "pandas" not in loaded("import backproof; backproof.Dense, backproof.Adam")


def test_modules_load_no_framework(loaded):
    assert {"backproof.adapters.loading", "backproof.comparisons.compare"} <= set(FREE)
    code = "\n".join(f"import {name}" for name in FREE if not name.endswith("__main__"))
    assert set(loaded(code)) & FOREIGN == set()


@pytest.mark.parametrize("package", ["adapters", "comparisons", "reference"])
def test_packages_load_no_framework(loaded, package):
    assert set(loaded(f"import backproof.{package}")) & FOREIGN == set()


def test_the_check_can_fail(loaded, tmp_path):
    """A module that imports a framework is noticed, and so is a comparison that loads pandas."""
    (tmp_path / "torch.py").write_text("")
    there = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    assert loaded(there + "import backproof, torch") == ["torch"]
    assert "numpy" in loaded("import backproof; backproof.compare_vjp", ["numpy"])
    code = "import backproof as b; b.compare_vjp(b.Tanh(), x=(2, 3), adapters=['numpy'])"
    assert "pandas" in loaded(code)


# Which file names a framework


def test_each_framework_is_imported_in_one_adapter_folder():
    homes = {
        framework: {name for name, path in modules().items() if framework in imported(path)}
        for framework in FOREIGN
    }
    for adapter, needs in FRAMEWORKS.items():
        for framework in needs:
            assert homes[framework]
            for home in homes[framework]:
                assert home.startswith(f"backproof.adapters.{adapter}_"), home
                assert not home.endswith(f".{framework}")  # a file of that name would shadow it


def test_reference_imports_numpy_alone():
    allowed = {"numpy", "backproof", *sys.stdlib_module_names}
    for name, path in modules().items():
        if name.startswith("backproof.reference"):
            assert imported(path) <= allowed, name


def test_comparisons_name_no_framework_at_import():
    """scikit-learn, for its bundled data, is imported inside a function."""
    for name, path in modules().items():
        if name.startswith("backproof.comparisons"):
            assert imported(path) & FOREIGN <= {"sklearn"}, name


def test_imported_can_find_a_name(tmp_path):
    file = tmp_path / "file.py"
    file.write_text(
        "import os.path\ndef f():\n    from torch.nn import Linear\nfrom . import jax\n"
    )
    assert imported(file) == {"os", "torch"}


# What works without


def test_reference_works_with_numpy_alone(python):
    code = """
import numpy as np
from backproof.reference import discovery
from backproof.reference.training import train
specs = discovery.specs()
network = specs["Sequential"](specs["Dense"](3, 4), specs["Tanh"](), specs["Dense"](4, 2))
rng = np.random.default_rng(0)
batches = [(rng.standard_normal((5, 3)), rng.standard_normal((5, 2)))] * 2
loss, rule = specs["MeanSquaredError"](), specs["Adam"]()
steps = list(train(network, loss, rule, network.init(rng), batches))
assert steps[1].loss < steps[0].loss
print(*specs)
"""
    assert python(code, without=HEAVY).split() == list(discovery.specs())


def test_comparison_works_without_frameworks(python):
    code = """
import backproof as b
rows = b.compare_vjp(b.Dense(3, 2), x=(4, 3))
print(rows.groupby("candidate").verdict.agg(lambda v: "/".join(sorted(set(v)))).to_dict())
print(*rows.reason[rows.verdict == "unsupported"], sep="\\n")
rows = b.compare_training(b.Dense(3, 2), b.MeanSquaredError(), b.SGD(), batches=[
    (rows_x, rows_x[:, :2]) for rows_x in [__import__("numpy").eye(4, 3)]])
print(sorted(set(zip(rows.candidate, rows["mode"], rows.verdict))))
"""
    verdicts, torch, jax, training = python(code, without=["torch", "jax"]).splitlines()
    assert ast.literal_eval(verdicts) == {
        "numpy": "match", "torch": "unsupported", "jax": "unsupported"
    }  # fmt: skip
    assert "No module named 'torch'" in torch
    assert "pip install 'backproof[torch]'" in torch
    assert "No module named 'jax'" in jax
    assert "pip install 'backproof[jax]'" in jax
    assert ("torch", "lockstep", "unsupported") in ast.literal_eval(training)
    assert {row for row in ast.literal_eval(training) if row[0] == "numpy"} == {
        ("numpy", "lockstep", "match"), ("numpy", "free-running", "match")
    }  # fmt: skip


@pytest.mark.parametrize("adapter", FRAMEWORKS)
def test_adapter_asked_for_by_name_must_load(python, adapter):
    code = f"""
import backproof as b
for call in (lambda: b.load_adapter({adapter!r}),
             lambda: b.compare_vjp(b.Tanh(), x=(2, 3), adapters=["numpy", {adapter!r}])):
    try:
        call()
    except b.MissingFramework as error:
        print(error)
"""
    first, second = python(code, without=FRAMEWORKS[adapter]).splitlines()
    assert first == second
    assert first == (
        f"adapter {adapter!r} cannot load: No module named {adapter!r}. "
        f"pip install 'backproof[{adapter}]'"
    )


def test_framework_lacks_a_part(python):
    """JAX without optax: the message names what is missing and the same extra."""
    pytest.importorskip("jax", reason="jax not installed: pip install 'backproof[jax]'")
    code = """
import backproof
try:
    backproof.load_adapter("jax")
except backproof.MissingFramework as error:
    print(error)
"""
    assert python(code, without=["optax"]).strip() == (
        "adapter 'jax' cannot load: No module named 'optax'. pip install 'backproof[jax]'"
    )


def test_flax_is_imported_by_what_needs_it(loaded):
    pytest.importorskip("flax", reason="flax not installed: pip install 'backproof[jax]'")
    code = "import backproof as b; b.compare_vjp(b.{}, x=(4, 3), adapters=['jax'])"
    assert "flax" not in loaded(code.format("Sequential(b.Dense(3, 2), b.ReLU())"))
    assert "flax" in loaded(code.format("LayerNorm(3)"))


def test_flax_is_missed_by_what_needs_it(python):
    pytest.importorskip("jax", reason="jax not installed: pip install 'backproof[jax]'")
    code = """
import backproof as b
for layer in b.Dense(3, 2), b.LayerNorm(3):
    print(*b.compare_vjp(layer, x=(4, 3), adapters=["jax"])[["verdict", "reason"]].iloc[0])
"""
    dense, norm = python(code, without=["flax"]).splitlines()
    assert dense.strip() == "match"
    assert norm == "unsupported No module named 'flax'. pip install 'backproof[jax]'"


def test_one_import_path():
    """The folders have generic names: never importable as top-level modules of the same files."""
    for folder in ("reference", "adapters", "comparisons"):
        assert folder not in sys.modules
    assert Path(backproof.__file__).name == "__init__.py"
