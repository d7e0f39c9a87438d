"""The project's chores: `nox -s NAME`, with arguments for the tool itself after `--`.

Most sessions share one environment, .nox/everything-3.X, because PyTorch and JAX are large. It
holds Backproof as a user would have it, installed and not linked, and takes in the sources at the
start of a run if they have changed. Every install keeps to constraints.txt.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "none"  # `install` below makes the environments, with venv
nox.options.sessions = ["lint", "typing", "tests"]

ROOT = Path(__file__).parent.resolve()
CONSTRAINTS = str(ROOT / "constraints.txt")
PYPROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
EVERYTHING = ROOT / ".nox" / f"everything-{PYTHON}"
NUMPY_ONLY = ROOT / ".nox" / f"numpy-only-{PYTHON}"
TWO_WORKERS = ("-n", "2", "--dist", "worksteal")  # runs of tests stay together, compiled once
SCRIPTS = "Scripts" if os.name == "nt" else "bin"

os.environ.setdefault("PIP_DISABLE_PIP_VERSION_CHECK", "1")


def program(environment: Path, name: str) -> str:
    """A program of that environment, by its path: never one that happens to be on PATH."""
    return str(environment / SCRIPTS / name)


def install(session: nox.Session, environment: Path, *what: str) -> None:
    """Run pip install in the environment, which is made if it is not there yet."""
    python = program(environment, "python")
    if not shutil.which(python):
        session.log(f"making {environment}: this first install takes a minute or two")
        session.run_install(sys.executable, "-m", "venv", "--clear", str(environment))
    session.run_install(python, "-m", "pip", "install", "-q", "-c", CONSTRAINTS, *what)


def requirements(extras: Sequence[str], groups: Sequence[str]) -> list[str]:
    """Backproof's dependencies, with those of some extras and dependency groups.

    Read here, because the pip that comes with Python 3.11 does not know dependency groups.
    """
    project: dict[str, Any] = PYPROJECT["project"]
    optional = [need for extra in extras for need in project["optional-dependencies"][extra]]
    tools = nox.project.dependency_groups(PYPROJECT, *groups)
    return [*project["dependencies"], *optional, *tools]


def contents(needs: Sequence[str]) -> str:
    """A fingerprint of what an environment holds: its needs, and the sources as they are now."""
    found = hashlib.sha256(repr(needs).encode())
    folders = (ROOT / folder for folder in PYPROJECT["tool"]["setuptools"]["package-dir"].values())
    inside = (path for folder in set(folders) for path in folder.rglob("*") if path.is_file())
    for path in sorted([ROOT / "pyproject.toml", Path(CONSTRAINTS), *inside]):
        if path.suffix != ".pyc":
            found.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return found.hexdigest()


def prepare(
    session: nox.Session, environment: Path, extras: Sequence[str], groups: Sequence[str]
) -> Path:
    """The environment, with what is needed in it and the sources as they are now.

    One that is up to date is left alone, so that sessions may run side by side in it.
    """
    needs, noted = requirements(extras, groups), environment / "backproof-contents"
    now = contents(needs)
    if not noted.is_file() or noted.read_text() != now:
        noted.unlink(missing_ok=True)
        install(session, environment, *needs)
        shutil.rmtree(ROOT / "build", ignore_errors=True)  # deleted modules live on in there
        options = ("--force-reinstall", "--no-deps", "--no-build-isolation")
        install(session, environment, *options, str(ROOT))
        shutil.rmtree(ROOT / "build", ignore_errors=True)
        noted.write_text(now)
    return environment


def everything(session: nox.Session) -> Path:
    """The shared environment: every extra and every tool."""
    return prepare(session, EVERYTHING, ["torch", "jax", "datasets", "pictures", "half"], ["dev"])


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests with every extra. Arguments go to pytest: nox -s tests -- -k dense."""
    session.run(program(everything(session), "pytest"), *TWO_WORKERS, *session.posargs)


@nox.session
def tests_numpy_only(session: nox.Session) -> None:
    """Run the tests where neither PyTorch nor JAX is installed. Arguments go to pytest."""
    environment = prepare(session, NUMPY_ONLY, ["datasets", "half"], ["test", "build"])
    absent = "import importlib.util as i; assert not (i.find_spec('torch') or i.find_spec('jax'))"
    session.run(program(environment, "python"), "-c", absent)
    session.run(program(environment, "pytest"), *TWO_WORKERS, *session.posargs)


@nox.session
def compare(session: nox.Session) -> None:
    """The main job: backproof compare, on NumPy, PyTorch and JAX. Arguments go to it."""
    session.run(program(everything(session), "backproof"), "compare", *session.posargs)


@nox.session
def full(session: nox.Session) -> None:
    """Run every test there is: every sample, adapter, precision and memory layout. Half an hour."""
    session.run(program(everything(session), "pytest"), *TWO_WORKERS, "--full", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Compare every sample of everything, with progress, and write docs/coverage.md."""
    environment = everything(session)
    with tempfile.TemporaryDirectory(prefix="backproof-") as folder:
        results = str(Path(folder) / "results.parquet")
        backproof = program(environment, "backproof")
        session.run(backproof, "compare", "--samples", "--output", results, *session.posargs)
        session.run(program(environment, "python"), str(ROOT / "docs/make_coverage.py"), results)


@nox.session
def mutation_score(session: nox.Session) -> None:
    """Hunt every mutant with every style of test, and write docs/mutation-score.md. Minutes."""
    environment = everything(session)
    with tempfile.TemporaryDirectory(prefix="backproof-") as folder:
        scores = str(Path(folder) / "scores.json")
        hunt = ("mutants", "--score", "--style", "all", "--inputs", "both", "--output", scores)
        session.run(program(environment, "backproof"), *hunt, *session.posargs)
        python = program(environment, "python")
        session.run(python, str(ROOT / "docs/make_mutation_score.py"), scores)


@nox.session
def diagnosis_score(session: nox.Session) -> None:
    """Score the diagnosis on every mutant: write docs/diagnosis-score.md. Minutes."""
    python = program(everything(session), "python")
    session.run(python, str(ROOT / "docs/make_diagnosis_score.py"), *session.posargs)


@nox.session
def lesson(session: nox.Session) -> None:
    """Build the site with the lesson, whose code is run: docs/_build/html. Arguments for Sphinx."""
    python = program(everything(session), "python")
    options = ("-E", "-q", "-W", "--keep-going")  # not -j: kernels would race for ports
    pages, site = ROOT / "docs", ROOT / "docs" / "_build" / "html"
    command = ("-P", "-m", "sphinx", *options, *session.posargs)  # -P: not what lies here
    session.run(python, *command, str(pages), str(site))
    session.log(f"the first page is {site / 'index.html'}")


@nox.session
def trust(session: nox.Session) -> None:
    """Measure false alarms, power and cost: write docs/trust.md. A quarter of an hour."""
    python = program(everything(session), "python")
    session.run(python, str(ROOT / "docs/make_trust.py"), *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and layout with ruff, and that the changelog's fragments can be read."""
    ruff = program(everything(session), "ruff")
    session.run(ruff, "check", *session.posargs)
    session.run(ruff, "format", "--check")
    towncrier = program(EVERYTHING, "towncrier")
    session.run(towncrier, "build", "--draft", "--version", "next", silent=True)


@nox.session
def typing(session: nox.Session) -> None:
    """Check the types of the installed package, as a user's own checker would see them."""
    environment = everything(session)
    config = ("--config-file", str(ROOT / "pyproject.toml"))
    session.chdir(environment)  # in the checkout, mypy would read half of the package from there
    session.run(program(environment, "mypy"), *config, "--strict", "-p", "backproof")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure speed and write docs/benchmarks.md. Arguments go to benchmarks/run.py."""
    python = program(everything(session), "python")
    session.run(python, str(ROOT / "benchmarks" / "run.py"), *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """Build the wheel, install it far from the checkout, and run a comparison from there."""
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    python = program(everything(session), "python")
    session.run(python, "-m", "build", "--outdir", str(dist), str(ROOT))  # wheel from sdist
    (wheel,) = dist.glob("*.whl")
    with tempfile.TemporaryDirectory(prefix="backproof-") as elsewhere:
        environment, empty = Path(elsewhere) / "environment", Path(elsewhere) / "empty"
        install(session, environment, str(wheel))
        empty.mkdir()
        session.chdir(empty)
        backproof = program(environment, "backproof")
        session.run(backproof, "list")
        session.run(backproof, "compare", "--network", "mazur", "--adapter", "numpy")
        session.chdir(ROOT)
