"""A new layer is one file and one registration per adapter; no test is edited.

The project is copied into a temporary folder, where the layer is added as a contributor would:
first the file alone, when the tests say what is missing and where; then the registrations.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LAYER = '''"""Cube: the third power."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree


@final
@dataclass(frozen=True)
class Cube:
    """y = x³                             x, y: any shape, elementwise

    Derivation. (x³)' = 3 x², so dx = 3 x² dy.

    Source: none needed. Raises nothing of its own.
    """

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        return x * x * x, (x,)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (x,) = residuals
        return 3 * (x * x) * dy, {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Cube(), normal(3, 4))
        yield Sample(Cube(), with_exact(2, 3, 5))
'''

REGISTRATIONS = {
    "torch_autograd": """

from ...reference.layers.cube import Cube


@apply.register
def _(layer: Cube, p: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.pow(x, 3)
""",
    "jax_grad": """

from jax import lax

from ...reference.layers.cube import Cube


@apply.register
def _(layer: Cube, p: Any, x: jax.Array) -> jax.Array:
    return lax.integer_pow(x, 3)
""",
}
GENERATED = ["test_layers.py", "test_adapters.py", "test_finite_differences.py",
             "test_public_api.py", "test_bad_input.py"]  # fmt: skip


@pytest.fixture
def project(tmp_path):
    """A copy of the project that a fresh process imports instead of the installed one."""
    copy = tmp_path / "backproof"
    for name in ("", "reference", "adapters", "comparisons"):
        (source,) = importlib.import_module(f"backproof.{name}".rstrip(".")).__path__
        shutil.copytree(
            source, copy / name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    (tmp_path / "tests").mkdir()
    for name in ["conftest.py", *GENERATED]:
        shutil.copy(Path(__file__).with_name(name), tmp_path / "tests")
    return tmp_path


def run(project):
    """Every generated test of the new layer: their outcome by id, and what they said."""
    command = [sys.executable, "-P", "-m", "pytest", "tests", "-k", "Cube", "-rA", "-q", "--full",
               "--import-mode=importlib", "-p", "no:cacheprovider", "-W", "error"]  # fmt: skip
    path = os.pathsep.join(filter(None, [str(project), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        command, cwd=project, text=True, capture_output=True, timeout=300, encoding="utf-8",
        env=os.environ | {"PYTHONPATH": path, "COLUMNS": "200", "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    lines = re.findall(r"^(PASSED|FAILED|ERROR) tests/(\S+)", done.stdout, re.MULTILINE)
    outcomes = {test: outcome for outcome, test in lines}
    assert outcomes, done.stdout + done.stderr
    return outcomes, done.stdout


def register(project):
    for folder, registration in REGISTRATIONS.items():
        file = project / f"backproof/adapters/{folder}/activations.py"
        with file.open("a", encoding="utf-8") as family:
            family.write(registration)


def test_a_layer_is_one_file_and_one_registration_per_adapter(project, installed):
    frameworks = [name for name in ("torch", "jax") if name in installed]
    (project / "backproof/reference/layers/cube.py").write_text(LAYER, encoding="utf-8")
    outcomes, said = run(project)
    failed = {test for test, outcome in outcomes.items() if outcome != "PASSED"}
    # Everything about the reference passes at once; what fails says which file to edit, and how.
    assert "test_layers.py::test_backward_is_linear_in_dy[Cube-1-float32]" in outcomes
    assert "test_layers.py::test_adapter_matches[Cube-0-numpy-float64]" in outcomes
    strange = [test for test in failed if not any(f"-{name}" in test for name in frameworks)]
    assert not strange, said
    for name in frameworks:
        (folder,) = (f for f in REGISTRATIONS if f.startswith(name))
        assert f"test_adapters.py::test_every_spec_is_translated[Cube-{name}]" in failed
        assert f"test_layers.py::test_adapter_matches[Cube-0-{name}-float64]" in failed
        assert (
            f"{name} has no translation of Cube: register it with apply in adapters/{folder}/"
            in said
        )
    register(project)
    again, said = run(project)
    assert set(again) == set(outcomes)
    assert set(again.values()) == {"PASSED"}, said


def test_a_wrong_layer_is_caught(project):
    """The same layer, off by one per cent in its backward: the new tests are not empty."""
    wrong = LAYER.replace("return 3 * (x * x)", "return 3.03 * (x * x)")
    assert wrong != LAYER
    (project / "backproof/reference/layers/cube.py").write_text(wrong, encoding="utf-8")
    register(project)
    outcomes, _ = run(project)
    judged = [t for t in outcomes if "::test_adapter_matches" in t and "-numpy-" not in t]
    judged += [t for t in outcomes if "differences.py::test_layer[" in t]
    assert len(judged) >= 8
    assert {outcomes[test] for test in judged} == {"FAILED"}
