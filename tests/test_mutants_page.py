"""docs/mutants.md: the tests that it shows run, and catch what it says that they catch."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import backproof

PAGE = (Path(__file__).parents[1] / "docs" / "mutants.md").read_text(encoding="utf-8")
TESTS = dict(re.findall(r"`(test_\w+\.py)`[^`\n]*:\n\n```python\n(.+?)```", PAGE, re.DOTALL))
OUTPUTS = dict(re.findall(r"\$ backproof mutants --test (\w+\.py)\n(.+?)```", PAGE, re.DOTALL))
LEFT = {
    "Adam": "catches 8 of 14", "LayerNorm": "catches 4 of 10"
}  # fmt: skip


def run(file, folder, *args):
    command = [sys.executable, "-P", "-m", *args, file]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8")


@pytest.mark.parametrize("file", OUTPUTS)
def test_example_prints_what_the_page_says(file, tmp_path):
    (tmp_path / file).write_text(TESTS[file], encoding="utf-8")
    done = run(file, tmp_path, "backproof", "mutants", "--test")
    assert done.stderr == ""
    assert done.stdout == OUTPUTS[file]
    assert done.returncode == (0 if "catches 10 of 10" in done.stdout else 1)


def test_examples_catch_as_many_as_the_page_says(tmp_path):
    for file in TESTS.keys() - OUTPUTS.keys():
        (tmp_path / file).write_text(TESTS[file], encoding="utf-8")
    told = run(".", tmp_path, "backproof", "mutants", "--test").stdout
    for subject, caught in LEFT.items():
        assert f"{caught} wrong versions of {subject}" in told
        assert caught in PAGE


def test_your_own_code_by_the_same_test(tmp_path):
    """As the page has it: a fixture of one's own, overridden by the hunt, and one between."""
    fixtures = re.findall(r"```python\n(@pytest\.fixture\n.+?)```", PAGE, re.DOTALL)
    mine = "import backproof\n\nDense = backproof.Dense\n"
    test = (
        "import numpy as np\nimport pytest\n\n\n@pytest.mark.implementation('Dense')\n"
        "def test_bias(dense):\n    forward, backward = dense\n"
        "    y, cache = forward(np.ones((5, 4)), np.ones((4, 3)), np.ones(3))\n"
        "    assert (backward(np.ones((5, 3)), cache)[2] == 5).all()\n"
    )
    (tmp_path / "mine.py").write_text(mine, encoding="utf-8")
    (tmp_path / "conftest.py").write_text("\n\n".join(["import mine\nimport pytest", *fixtures]))
    (tmp_path / "test_mine.py").write_text(test, encoding="utf-8")
    ordinary = run("test_mine.py", tmp_path, "pytest", "-q")
    assert ordinary.returncode == 0, ordinary.stdout
    done = run("test_mine.py", tmp_path, "backproof", "mutants", "--test")
    assert "test_bias: X01" in done.stdout, done.stderr


def test_from_python():
    (code,) = re.findall(r"```python\n(from backproof import Adam.+?)```", PAGE, re.DOTALL)
    names = {}
    exec(code, names)
    assert type(names["wrong"]).__mro__[1] is backproof.Adam
