"""What the generated tests share: every sample of every spec, and frameworks that may be absent.

A test that asks for ``layer``, ``loss`` or ``optimizer`` runs on every sample that discovery
finds; one that asks for ``adapter`` or ``precision`` too runs on every combination. Nothing is
listed twice: a new layer is in every one of these tests as soon as its file exists.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import pytest

import backproof
from backproof.adapters.loading import FRAMEWORKS, load
from backproof.comparisons import environment
from backproof.comparisons.cases import draw_params
from backproof.comparisons.conventions import CONVENTIONS
from backproof.reference import discovery
from backproof.reference.tree import as_dtype, leaves, tree_map

ADAPTERS = ("numpy", "torch", "jax")
PRECISIONS = ("float32", "float64")
STEPS = 100


@dataclass(frozen=True)
class Setting:
    """One sample of one spec: its arrays in a precision, and its comparison with an adapter."""

    id: str
    sample: object
    seed: int

    @property
    def spec(self):
        return self.sample.spec

    def x(self, precision):
        return as_dtype(self.sample.x(np.random.default_rng(self.seed)), precision)

    def target(self, precision):
        return as_dtype(self.sample.target(np.random.default_rng(self.seed + 1000)), precision)

    def params(self, precision):
        return draw_params(self.spec, np.random.default_rng(self.seed), np.dtype(precision))

    def like(self, tree):
        """Random numbers of the arrays' shapes and dtypes: a cotangent, or a gradient."""
        rng = np.random.default_rng(self.seed + 2000)

        def draw(array):
            scaled = self.sample.gradient_scale * rng.standard_normal(array.shape)
            return np.asarray(scaled, array.dtype)

        return tree_map(draw, tree)

    def compare(self, adapter, precision, **changes):
        """The table of this sample; ``changes`` replace arguments of the comparison."""
        if self.sample.target is not None:
            changes.setdefault("target", self.target(precision))
        seed = self.seed + 3000  # of dy, and other numbers than those of x
        given = {
            "x": self.x(precision), "adapters": [adapter], "seed": seed, "dtype": precision,
            "case": self.sample.case,
        } | changes  # fmt: skip
        return backproof.compare_vjp(self.spec, **given)

    def table(self, adapter, precision):
        """The table of this sample, whatever its spec is."""
        name = type(self.spec).__name__
        if name in discovery.optimizers():
            return self.compare_steps(adapter, precision)
        known = name in discovery.functions()
        return (self.compare_values if known else self.compare)(adapter, precision)

    def compare_values(self, adapter, precision):
        """The table of a schedule's or a transform's values."""
        given = {"x": self.x(precision), "dtype": precision, "adapters": [adapter]}
        return backproof.compare_function(self.spec, **given, seed=self.seed)

    def compare_steps(self, adapter, precision):
        """The table of an optimizer's weights and state, after each of ``STEPS`` steps."""
        rows = _compared_steps(self, precision)
        return rows[rows.candidate == adapter]


@lru_cache(maxsize=2)  # what is expected is computed once, for all adapters
def _compared_steps(optimizer, precision):
    return backproof.compare_optimizer(
        optimizer.spec, params={"w": optimizer.x(precision)}, steps=STEPS, adapters=_loaded(),
        gradient_scale=optimizer.sample.gradient_scale, dtype=precision, seed=optimizer.seed,
    )  # fmt: skip


@cache
def _loaded():
    return [load(name) for name in _installed()]


def _installed():
    return [n for n in ADAPTERS if all(map(importlib.util.find_spec, FRAMEWORKS.get(n, ())))]


def settings(specs: dict[str, type]) -> Iterator[Setting]:
    for name, spec in specs.items():
        for i, sample in enumerate(spec.samples()):
            yield Setting(f"{name}-{i}", sample, seed=i)


@dataclass(frozen=True)
class Named:
    """A convention of ours or of theirs, under one name."""

    id: str
    convention: object
    seed: int


PARAMETERS = {
    "layer": lambda: settings(discovery.layers()),
    "loss": lambda: settings(discovery.losses()),
    "optimizer": lambda: settings(discovery.optimizers()),
    "function": lambda: settings(discovery.functions()),
    "initialiser": lambda: settings(discovery.initialisers()),
    "named": lambda: [Named(c.id, c, seed) for seed, c in enumerate(CONVENTIONS)],
    "spec_class": lambda: discovery.specs().values(),
    "first_sample": lambda: [s for s in settings(discovery.specs()) if s.seed == 0],
    "adapter": lambda: ADAPTERS,
    "framework": lambda: [name for name in ADAPTERS if name in FRAMEWORKS],
    "precision": lambda: PRECISIONS,
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full", action="store_true",
        help="every sample in both precisions and in every memory layout; minutes more",
    )  # fmt: skip


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without --full, these run on the first sample of every spec only."""
    if config.getoption("--full"):
        return
    left_out = {item for item in items if _is_repetition(item)}
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


REPETITIONS = ("layout", "strided", "never_a_pass", "long_double", "not_vacuous", "keeps_its_names")


def _is_repetition(item: pytest.Item) -> bool:
    params = getattr(getattr(item, "callspec", None), "params", {})
    first = all(value.seed == 0 for value in params.values() if isinstance(value, Setting | Named))
    again = params.get("precision") == "float32" or any(word in item.name for word in REPETITIONS)
    return again and not first


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marks = metafunc.definition.iter_markers("parametrize")
    own = {*vars(metafunc.module), *(name for mark in marks for name in _names(mark.args[0]))}
    for name, values in PARAMETERS.items():
        if name in metafunc.fixturenames and name not in own:
            metafunc.parametrize(
                name, list(values()), ids=_id, indirect=name in ("adapter", "framework")
            )


def _names(argnames: str | tuple[str, ...] | list[str]) -> list[str]:
    return argnames.replace(",", " ").split() if isinstance(argnames, str) else list(argnames)


def _id(value: object) -> str:
    return getattr(value, "id", None) or getattr(value, "__name__", str(value))


def need(name: str) -> str:
    """Skip the test where the adapter's framework is not installed; the reason says the extra."""
    lacking = [m for m in FRAMEWORKS.get(name, ()) if importlib.util.find_spec(m) is None]
    if lacking:
        pytest.skip(f"{', '.join(lacking)} not installed: pip install 'backproof[{name}]'")
    return name


@pytest.fixture
def need_adapter() -> object:
    """``need``, for a test that gets its adapters from elsewhere."""
    return need


@pytest.fixture
def adapter(request: pytest.FixtureRequest) -> str:
    """The name of an adapter whose framework is installed."""
    return need(request.param)


@pytest.fixture
def framework(request: pytest.FixtureRequest) -> object:
    """An adapter that runs on a framework, loaded."""
    return load(need(request.param))


@pytest.fixture(scope="session")
def every_setting() -> list[Setting]:
    """Every sample of every layer, loss, optimizer, schedule and transform."""
    return list(settings({**discovery.specs(), **discovery.functions()}))


@pytest.fixture
def installed() -> list[str]:
    """The adapters that can run here."""
    return _installed()


class Explained:
    """Small networks with their ledgers, each made once for every test that looks at it."""

    def __init__(self) -> None:
        self._problems: dict[str, object] = {}
        self._ledgers: dict[tuple[str, bool], object] = {}

    def problem(self, name):
        """The network of that name, to explain."""
        from backproof.comparisons.ledger.explanation import problem_of

        if name not in self._problems:
            self._problems[name] = problem_of(name)
        return self._problems[name]

    def ledger(self, name, unfused=False):
        """Its ledger, with every framework that is installed."""
        from backproof.comparisons.ledger.problem import explain

        if (name, unfused) not in self._ledgers:
            there = [n for n in FRAMEWORKS if not environment.lacking(n)]
            tracers = {n: load(n) for n in there}
            self._ledgers[name, unfused] = explain(self.problem(name), tracers, unfused)
        return self._ledgers[name, unfused]


@pytest.fixture(scope="session")
def explained():
    """Small networks and their ledgers."""
    return Explained()


COLUMNS = ["candidate", "step", "quantity", "leaf", "verdict", "noise_ratio", "allowed", "reason"]


@pytest.fixture
def assert_match():
    """Fail with the rows that do not match, or that would not have seen a wrong number."""

    def check(rows):
        assert len(rows), "nothing was compared"
        table = rows[["case", "dtype", *COLUMNS]]
        if (rows.verdict == "unsupported").all():
            (reason,) = set(rows.reason)
            assert "no translation" not in reason, reason  # one registration is missing
            assert reason, "unsupported without a reason"
            pytest.skip(reason)
        bad = ~rows.verdict.isin(["match", "known divergence"])  # it differs, and as recorded
        assert not bad.any(), f"\n{table[bad].to_string()}"
        # An oracle may be unsure of the one entry that is next to a kink.
        least = rows.origin.str.contains("own uncertainty").map({True: 1e-4, False: 1e-6})
        blind = (rows.n_nonzero == 0) | (rows.dtype.eq("float64") & ~(rows.resolution < least))
        blind &= rows.verdict == "match"  # what must differ shows no bug
        seen = table.assign(resolution=rows.resolution, n_nonzero=rows.n_nonzero)[blind]
        assert not blind.any(), f"the sample cannot show a bug in\n{seen.to_string()}"

    return check


@pytest.fixture
def frozen():
    """Make every array of a tree read-only, so that whoever writes to it raises."""

    def freeze(tree):
        for _, array in leaves(tree):
            array.flags.writeable = False
        return tree

    return freeze
