"""The pytest plugin: the fixture ``implementation``, right by itself, wrong under the hunt.

In an ordinary run the fixture gives the right implementation of what the test is marked with. Under
``backproof mutants --test`` every test that takes it, itself or through other fixtures, runs with
the right one first and then with each wrong one. pytest loads this file in every run: it imports
nothing of ours before a test asks for it.
"""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .comparisons.mutants.implementation import Implementation

FIXTURE = "implementation"
MARK = f"{FIXTURE}(name): which layer, loss, optimizer, ... the fixture {FIXTURE} makes"
HOW = f'mark it @pytest.mark.{FIXTURE}("Dense"), or say --target Dense'
PATIENCE = 10.0  # seconds that a wrong implementation may take, and 20 times those of the right


def pytest_addoption(parser: pytest.Parser) -> None:
    """What ``backproof mutants --test`` tells this plugin."""
    group = parser.getgroup("backproof", "mutants (used by: backproof mutants --test)")
    group.addoption("--backproof-mutants", metavar="FILE", help="hunt, and report to this file")
    group.addoption("--backproof-target", metavar="NAME", help="for tests that have no mark")


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known; begin the hunt if that was asked for."""
    config.addinivalue_line("markers", MARK)
    if config.getoption("backproof_mutants"):
        config.pluginmanager.register(Hunter(config), "backproof-hunt")


@pytest.fixture
def implementation(request: pytest.FixtureRequest) -> Implementation:
    """Makes the layer, loss, optimizer, ... that the test is marked with: the right one.

    Under ``backproof mutants --test`` a wrong one, too. Override it with your own class, and the
    same test tests yours.
    """
    from .comparisons.mutants.implementation import implementations

    subject = _subject(request.node)
    if not subject:
        raise pytest.UsageError(f"{request.node.nodeid} does not say what it tests: {HOW}")
    return implementations(subject)[0]


def _subject(node: pytest.Item | pytest.Function | Any) -> str:
    """What the closest mark names, or the command line."""
    mark = node.get_closest_marker(FIXTURE)
    named = mark.args[0] if mark and mark.args else node.config.getoption("backproof_target")
    return str(named or "")


class Hunter:
    """One run of a user's tests against every wrong implementation; what happens goes to a file.

    A line of JSON for each event: the plan, every test that ran, and whatever is wrong with the
    tests themselves.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.file = Path(config.getoption("backproof_mutants"))
        self.took: dict[str, float] = {}  # seconds, by test, with the right implementation
        self.caught: set[str] = set()
        self.session: pytest.Session | None = None

    def tell(self, **event: Any) -> None:
        """One more line."""
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """The right implementation and every wrong one, for each test that takes the fixture.

        Directly, so that a fixture of the user's own by that name is overridden, too.
        """
        from .adapters.loading import UnknownName
        from .comparisons.mutants.implementation import implementations

        if FIXTURE not in metafunc.fixturenames:
            return
        subject = _subject(metafunc.definition)
        try:
            chosen = implementations(subject)
        except UnknownName as error:
            test = metafunc.definition.nodeid
            why = f": {error}" if subject else f" does not say what it tests: {HOW}"
            self.tell(problem=test + why)
            chosen = []
        metafunc.parametrize(FIXTURE, chosen, ids=[i.id or "right" for i in chosen])

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """The session, to be stopped where going on is of no use."""
        self.session = session

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[Any]) -> None:
        """Only tests that take the fixture; those of the right implementation first."""
        hunting = {item: chosen for item in items if (chosen := _chosen(item))}
        others = [item for item in items if item not in hunting]
        config.hook.pytest_deselected(items=others)
        items[:] = sorted(hunting, key=lambda item: (hunting[item].id != "", hunting[item].id))
        for item in items:
            item.user_properties.append((FIXTURE, hunting[item].id))
        mutants = list(dict.fromkeys(chosen.id for chosen in hunting.values() if chosen.id))
        self.tell(collected=len(hunting) + len(others), mutants=mutants)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: Any) -> None:
        """What is caught already need not be caught again."""
        if (id := _chosen(item).id) in self.caught:
            pytest.skip(f"{id} is caught already")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: Any) -> Iterator[None]:
        """A wrong implementation that runs for ever is caught by the clock."""
        test, right = item.nodeid.partition("[")[0], not _chosen(item).id
        began = time.monotonic()
        with _at_most(0.0 if right else PATIENCE + 20 * self.took.get(test, 0.0)):
            yield
        if right:
            self.took[test] = time.monotonic() - began

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One event for each test: passed, failed, or skipped."""
        id = dict(report.user_properties).get(FIXTURE, "")
        if (report.when != "call" and report.passed) or id in self.caught:
            return
        if report.failed and id:
            self.caught.add(str(id))
        if report.failed and not id and self.session:
            self.session.shouldstop = "the right implementation fails"
        self.tell(
            id=id, test=report.nodeid.partition("[")[0], outcome=report.outcome,
            message=report.longreprtext, seconds=report.duration,
        )  # fmt: skip

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be read as tests is a problem of its own."""
        if report.failed:
            self.tell(problem=f"{report.nodeid} cannot be collected:\n{report.longreprtext}")


def _chosen(item: Any) -> Any:
    return getattr(item, "callspec", None) and item.callspec.params.get(FIXTURE)


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """TimeoutError in the block after so many seconds, where the platform can; 0 for ever."""
    able = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if not seconds or not able:
        yield
        return

    def stop(number: int, frame: Any) -> None:
        raise TimeoutError(f"still running after {seconds:.1f} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
