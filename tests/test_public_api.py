"""The front door, and the habits that every file keeps: documented, frozen, final, short."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import sys
from pathlib import Path

import numpy as np
import pytest

import backproof
from backproof.reference import discovery
from backproof.reference.tree import leaves

PACKAGES = ("backproof", "backproof.adapters", "backproof.comparisons", "backproof.reference")
OTHERS = ("adapters/", "comparisons/", "reference/")


def sources():
    """Every file of the project but its tests, such as reference/tree.py or backproof/cli.py."""
    found = {}
    for name in PACKAGES:
        (folder,) = importlib.import_module(name).__path__
        for path in sorted(Path(folder).rglob("*.py")):
            inside = path.relative_to(folder).as_posix()
            # Once installed, the other three lie below the first.
            short = name.partition(".")[2] or ("" if inside.startswith(OTHERS) else "backproof")
            found[f"{short}/{inside}".lstrip("/")] = path
    return found


SOURCES = sources()
BUDGETS = {"reference/layers/": 60, "reference/losses/": 60, "reference/optimizers/": 60,
           "reference/schedules/": 60, "reference/transforms/": 60, "reference/initialisers/": 60,
           "adapters/": 300}  # fmt: skip
LONGEST_FUNCTION = 40


def lines(path):
    return path.read_text(encoding="utf-8").splitlines()


# The names


def test_all_is_sorted_and_complete():
    assert backproof.__all__ == sorted(set(backproof.__all__))
    assert set(discovery.specs()) < set(backproof.__all__)
    functions = {"compare_vjp", "compare_training", "compare_optimizer", "Comparison",
                 "diagnose_vjp", "diagnose_training", "diagnose_optimizer", "diagnose_function",
                 "diagnose_initialiser", "load_adapter", "adapter_names", "Candidate"}  # fmt: skip
    assert functions < set(backproof.__all__)


def test_every_name_resolves():
    for name in backproof.__all__:
        value = getattr(backproof, name)
        assert value is getattr(backproof, name)
        assert not inspect.ismodule(value)
        assert name in dir(backproof)


def test_names_are_the_ones_of_their_modules():
    for name, spec in discovery.specs().items():
        assert getattr(backproof, name) is spec
    assert backproof.load_adapter is importlib.import_module("backproof.adapters.loading").load


def test_star_import():
    names = {}
    exec("from backproof import *", names)
    assert set(backproof.__all__) <= set(names)


def test_type_checkers_see_the_same_names():
    """The imports below TYPE_CHECKING are the lazy names, specs apart: nothing runs there."""
    tree = ast.parse(Path(backproof.__file__).read_text(encoding="utf-8"))
    (guard,) = [node for node in tree.body if isinstance(node, ast.If)]
    listed = {
        alias.asname: (node.module, alias.name)
        for node in ast.walk(guard) if isinstance(node, ast.ImportFrom) for alias in node.names
    }  # fmt: skip
    assert {name: listed.get(name) for name in backproof._HOME} == backproof._HOME


def test_unknown_attribute():
    for name in ("dense", "_specs_", "torch", "__wrapped__"):
        assert not hasattr(backproof, name)
    with pytest.raises(AttributeError, match="module 'backproof' has no attribute 'Dens'"):
        _ = backproof.Dens


def test_version_is_the_distribution_s():
    from importlib import metadata

    assert backproof.__version__ == metadata.version("backproof")


def test_one_import_path():
    """Two paths to one file would make two Dense classes, of which an adapter knows only one."""
    assert {"reference", "adapters", "comparisons"}.isdisjoint(sys.modules)
    by_file = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and name != "__main__":
            by_file.setdefault(Path(file), []).append(name)
    ours = {path: by_file[path] for path in SOURCES.values() if path in by_file}
    assert len(ours) > 10
    assert all(len(names) == 1 for names in ours.values()), ours


# Documentation


def public(path):
    """The public classes and functions of a file, and the public methods of public classes."""
    queue = [("", node) for node in ast.parse(path.read_text(encoding="utf-8")).body]
    for prefix, node in queue:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                queue += [(f"{prefix}{node.name}.", child) for child in node.body]


# Their methods are those of arrays: in NumPy.
DUCKS = {"comparisons/noisy.py", "comparisons/stack.py", "comparisons/ledger/tape.py"}


@pytest.mark.parametrize("file", SOURCES)
def test_file_is_documented(file):
    tree = ast.parse(SOURCES[file].read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), f"{file} has no docstring"
    for name, node in public(SOURCES[file]):
        spec = file.startswith(tuple(BUDGETS)[:6])  # their methods: in reference/protocols.py
        duck = file in DUCKS
        if "." not in name or not (spec or duck):
            assert ast.get_docstring(node), f"{file}: {name} has no docstring"


def test_spec_is_documented(spec_class):
    doc = inspect.cleandoc(spec_class.__doc__)
    equation = doc.splitlines()[0]
    assert "=" in equation or "←" in equation, "the first line is the equation"
    assert "Source: " in doc
    assert "Raises" in doc
    if spec_class not in discovery.optimizers().values():
        assert "Derivation. " in doc
    module = sys.modules[spec_class.__module__]
    assert module.__doc__.startswith(f"{spec_class.__name__}: ")


def test_spec_names_its_exceptions(spec_class):
    """What a spec says that it raises is what it raises, and no file raises anything else."""
    source = inspect.getsource(sys.modules[spec_class.__module__])
    doc = spec_class.__doc__
    if "raise ValueError" in source or "expect(" in source:
        assert "ValueError" in doc, doc
    if "Raises nothing" in doc:
        assert "raise" not in source.replace("Raises", "")


# Form


def test_spec_is_frozen_final_and_flat(spec_class):
    assert spec_class.__dataclass_params__.frozen
    assert getattr(spec_class, "__final__", False)
    assert spec_class.__mro__ == (spec_class, object)
    for sample in spec_class.samples():
        spec = sample.spec
        assert type(spec) is spec_class
        for field in dataclasses.fields(spec):
            assert not isinstance(getattr(spec, field.name), np.ndarray | list | dict)
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(spec, field.name, None)


def test_spec_has_a_file_of_its_own(spec_class):
    """One file, one spec: snake case of the class's name."""
    module = sys.modules[spec_class.__module__]
    here = [c for c in discovery.specs().values() if c.__module__ == spec_class.__module__]
    assert here == [spec_class]
    assert module.__name__.rpartition(".")[2].replace("_", "") == spec_class.__name__.lower()


def test_samples_say_what_they_are(spec_class):
    """Two or more, and each the same again: the tests are the same in every run."""
    first, second = list(spec_class.samples()), list(spec_class.samples())
    assert len(first) >= 2
    for a, b in zip(first, second, strict=True):
        assert a.spec == b.spec
        assert hash(a.spec) == hash(b.spec)  # so that what is compiled for one serves the other
        drawn = [[v for _, v in leaves(s.x(np.random.default_rng(0)))] for s in (a, b)]
        assert [v.tobytes() for v in drawn[0]] == [v.tobytes() for v in drawn[1]]
        assert sum(v.size for v in drawn[0]) <= 500  # awkward, not large
        assert (a.target is not None) == (spec_class in discovery.losses().values())


def too_long(path, budget):
    return len(lines(path)) > budget


@pytest.mark.parametrize("file", [f for f in SOURCES if f.startswith(tuple(BUDGETS))])
def test_file_keeps_its_budget(file):
    (budget,) = (n for folder, n in BUDGETS.items() if file.startswith(folder))
    count = len(lines(SOURCES[file]))
    assert not too_long(SOURCES[file], budget), f"{file} has {count} lines, {budget} allowed"


def functions(path):
    """(name, lines) of every function: from def to its end, without its docstring."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            documented = ast.get_docstring(node) is not None
            doc = first.end_lineno - first.lineno + 1 if documented else 0
            yield node.name, node.end_lineno - node.lineno + 1 - doc


@pytest.mark.parametrize("file", SOURCES)
def test_functions_keep_their_budget(file):
    long = {name: n for name, n in functions(SOURCES[file]) if n > LONGEST_FUNCTION}
    assert not long, f"{file}: {long}, {LONGEST_FUNCTION} lines allowed besides the docstring"


def test_the_budgets_can_fail(tmp_path):
    file = tmp_path / "long.py"
    file.write_text('def f():\n    """Two\n    lines."""\n' + "    x = 1\n" * 60)
    assert dict(functions(file)) == {"f": 61}
    assert too_long(file, 60)
    assert not too_long(file, 63)
    assert [name for name, _ in public(file)] == ["f"]
