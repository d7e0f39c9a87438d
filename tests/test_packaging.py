"""What is shipped, and the promises of the files around the code: commands, pins, decisions, links.

These tests read the checkout that they lie in, not the installed package.
"""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.resources
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import backproof
from backproof.explain_page import SCRIPTS, STYLES

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
FOLDERS = PYPROJECT["tool"]["setuptools"]["package-dir"]  # package to folder
CONFIGURATION = ["pyproject.toml", "constraints.txt", "noxfile.py", ".ci/run",
                 ".pre-commit-config.yaml"]  # fmt: skip
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("changelog.d/README.md")]


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


# What is shipped


def packages(root):
    """Every folder of Python files below the mapped folders, as the package that it installs as."""
    return {
        ".".join((package, *file.parent.relative_to(root / folder).parts))
        for package, folder in FOLDERS.items()
        for file in (root / folder).rglob("*.py")
    }


def test_every_folder_is_shipped():
    listed = PYPROJECT["tool"]["setuptools"]["packages"]
    assert len(listed) == len(set(listed))
    assert packages(ROOT) == set(listed), "pyproject.toml: tool.setuptools.packages"


def test_a_new_folder_is_noticed(tmp_path):
    (tmp_path / "reference" / "layers" / "recurrent").mkdir(parents=True)
    (tmp_path / "reference" / "layers" / "recurrent" / "lstm.py").touch()
    assert packages(tmp_path) == {"backproof.reference.layers.recurrent"}


def test_every_package_has_an_init_file():
    """setuptools would ship it without one, and the walk of discovery would pass it by."""
    for package in packages(ROOT):
        top = max((p for p in FOLDERS if f"{package}.".startswith(f"{p}.")), key=len)
        inner = package.removeprefix(top).strip(".").split(".")
        assert (ROOT / FOLDERS[top]).joinpath(*inner, "__init__.py").is_file(), package


def test_package_folders_are_mapped():
    assert FOLDERS == {
        "backproof": "backproof",
        "backproof.adapters": "adapters",
        "backproof.comparisons": "comparisons",
        "backproof.reference": "reference",
    }


def test_version_is_the_same_everywhere():
    assert PROJECT["version"] == backproof.__version__
    assert importlib.metadata.version("backproof") == backproof.__version__


def test_types_are_shipped():
    assert importlib.resources.files("backproof").joinpath("py.typed").is_file()


def test_the_pages_files_are_shipped():
    """Every file of the page, and each of them is put into it."""
    shipped = {f.name for f in importlib.resources.files("backproof").joinpath("page").iterdir()}
    assert shipped == {f.name for f in (ROOT / "backproof" / "page").iterdir()}
    assert shipped == {"page.html", *(f"{n}.js" for n in SCRIPTS), *(f"{n}.css" for n in STYLES)}


def targets():
    """Every entry point and command of pyproject.toml, as module and attribute, if it names one."""
    groups = {"scripts": PROJECT["scripts"], **PROJECT["entry-points"]}
    return {
        f"{group} {name}": target.partition(":")[::2]
        for group, found in groups.items()
        for name, target in found.items()
    }


@pytest.mark.parametrize("name", targets())
def test_entry_point_is_there(name):
    """Read, not imported, because a framework may be missing."""
    module, attribute = targets()[name]
    package = max((p for p in FOLDERS if module.startswith(f"{p}.")), key=len)
    inner = module.removeprefix(f"{package}.").replace(".", "/")
    path = ROOT / FOLDERS[package] / f"{inner}.py"
    assert path.is_file(), f"{name} = {module}:{attribute}, but there is no {path.name}"
    defined = {getattr(node, "name", "") for node in ast.parse(path.read_text("utf-8")).body}
    assert not attribute or attribute in defined, f"{path.name} defines no {attribute}"


IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
def load(name):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        assert error.name.partition(".")[0] in {{"torch", "jax", "optax", "flax"}}, error
for package in {packages}:
    for module in pkgutil.iter_modules(getattr(load(package), "__path__", ()), package + "."):
        if not module.name.endswith("__main__"):
            load(module.name)
assert "backproof.reference.layers.dense" in sys.modules, "nothing was imported"
"""


@pytest.fixture
def top_level_names(tmp_path):
    """The top-level modules of a process that has imported all of us, and run some code."""

    def after(code=""):
        script = IMPORT_EVERYTHING.format(packages=sorted(packages(ROOT))) + code
        script += "\nprint('NAMES', *{name.partition('.')[0] for name in sys.modules})"
        done = subprocess.run(
            [sys.executable, "-P", "-c", script], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return set(done.stdout.rpartition("NAMES")[2].split())

    return after


def test_folder_names_never_become_modules(top_level_names):
    """Not even when everything is imported: a second import path would make a second Dense."""
    assert not {"reference", "adapters", "comparisons"} & top_level_names()


def test_a_second_import_path_is_noticed(top_level_names, tmp_path):
    (tmp_path / "reference.py").touch()
    names = top_level_names(f"sys.path.insert(0, {str(tmp_path)!r}); import reference")
    assert {"backproof", "reference"} <= names


# Versions


def pins():
    lines = [line for line in text("constraints.txt").splitlines() if line and line[0] != "#"]
    loose = [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[0-9][\w.]*", line)]
    assert not loose, f"constraints.txt: {loose} are not of the form name==version"
    return dict(line.split("==") for line in lines)


def needs():
    """The names of everything that pyproject.toml asks for."""
    asked = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values(),
             *PYPROJECT["dependency-groups"].values(),
             PYPROJECT["build-system"]["requires"]]  # fmt: skip
    flat = [need for some in asked for need in some if isinstance(need, str)]
    return {re.match(r"[\w-]+", need).group() for need in flat} - {"backproof"}


def test_every_dependency_is_pinned():
    assert pins()["torch"] == "2.13.0"
    assert needs() - pins().keys() == set(), "constraints.txt lacks them"
    assert {"nox", "jaxlib", "scipy"} <= pins().keys()


def test_pre_commit_uses_the_same_versions():
    hooks = dict(re.findall(r"([a-z-]+)==([\w.]+)", text(".pre-commit-config.yaml")))
    assert set(hooks) == {"ruff", "nox"}
    assert hooks.items() <= pins().items(), "constraints.txt and .pre-commit-config.yaml differ"


ELSEWHERE = re.compile(r"\w+://|index-url|find-links|trusted-host|uv pip|\buv\b")


@pytest.mark.parametrize("path", CONFIGURATION)
def test_no_package_index_is_named(path):
    """Where packages come from is the business of the machine, not of the project."""
    found = [line for line in text(path).splitlines() if ELSEWHERE.search(line)]
    assert not found


def test_a_named_index_is_noticed():
    assert ELSEWHERE.search("pip install --index-url=somewhere torch")
    assert ELSEWHERE.search("torch @ file://wheels/torch.whl")


# Commands


def commands(session):
    """The single lines in README.md's fenced blocks that make an environment and run a session."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text("README.md"), flags=re.M | re.S)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if re.search(rf"venv .*nox -s {session}$", line)]


@pytest.mark.parametrize("session", ["tests", "compare"])
def test_readme_has_one_command(session):
    assert len(commands(session)) == 1, (
        f"README.md needs one fenced line that makes a venv and ends in `nox -s {session}`: "
        f"found {commands(session)}"
    )


def test_ci_runs_the_command_of_the_readme():
    (command,) = commands("tests")
    lines = [line.strip() for line in text(".ci/run").splitlines()]
    assert command in lines, f".ci/run has no line {command!r}, which README.md promises"


def sessions():
    tree = ast.parse(text("noxfile.py"))
    return {
        node.name for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any(ast.unparse(decorator) == "nox.session" for decorator in node.decorator_list)
    }  # fmt: skip


def test_ci_leaves_no_session_out():
    """But for those whose results are for people, and the one that takes half an hour."""
    ran = {
        name for names in re.findall(r"nox -s ([\w ]+)", text(".ci/run")) for name in names.split()
    }
    long = {"compare", "bench", "coverage", "diagnosis_score", "mutation_score", "trust",
            "full"}  # fmt: skip
    assert ran == sessions() - long


def test_ci_script_stops_at_a_failure():
    assert text(".ci/run").startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in text(".ci/run").splitlines()


# Pages


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem[:4])
def test_decision_names_the_test_that_enforces_it(page):
    content = page.read_text(encoding="utf-8")
    headings = re.findall(r"^## (.*)$", content, flags=re.M)
    assert headings == ["Context", "Decision", "Consequence", "Enforced by"]
    named = re.findall(r"`(tests/\S+\.py)`", content.partition("## Enforced by")[2])
    assert named, "it names no test"
    missing = [path for path in named if not (ROOT / path).is_file()]
    assert not missing, f"there is no {missing}"


def test_decisions_are_numbered_and_listed():
    assert [page.name[:5] for page in DECISIONS] == [
        f"{n:04}-" for n in range(1, len(DECISIONS) + 1)
    ]
    listed = re.findall(r"\]\((\d{4}-\S+\.md)\)", text("docs/decisions/README.md"))
    assert listed == [page.name for page in DECISIONS]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)\s#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    here = [link for link in links if "://" not in link]
    missing = [link for link in here if not (page.parent / link).exists()]
    assert not missing, f"{page.name} links to {missing}"
