"""A user's test file against wrong implementations: pytest in a process of its own, and its report.

``pytest_plugin`` does the work there and writes a line for each event, which is read here.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from .comparisons.mutants import Mutant

POLL = 0.2  # seconds
FIXTURE = "implementation"
Event = dict[str, Any]


class CannotHunt(Exception):
    """The user's tests are of no use here; the message says why, and what would be right."""


def hunt(file: str, subject: str, report: Callable[[str], None]) -> pd.DataFrame:
    """Run the tests of a file against every mutant of what they test: a row for each.

    Columns: those of ``Mutant.record``, ``outcome`` (killed or survived), the ``test`` that caught
    it, its ``message``, and ``seconds``. ``subject`` is tested where a test has no mark.
    ``report`` hears of each mutant that is done. Raises CannotHunt.
    """
    if not Path(file.partition("::")[0]).exists():
        raise CannotHunt(f"there is no file {file.partition('::')[0]}")
    if importlib.util.find_spec("pytest") is None:
        raise CannotHunt("pytest is not installed: pip install pytest")
    with tempfile.TemporaryDirectory(prefix="backproof-") as folder:
        events, output = Path(folder) / "events", Path(folder) / "output"
        with output.open("wb") as stdout, _running(_command(file, events, subject), stdout) as run:
            heard = 0
            while run.poll() is None:
                heard = _tell(_read(events), heard, report)
                with suppress(subprocess.TimeoutExpired):
                    run.wait(POLL)
        told = output.read_text(encoding="utf-8", errors="replace")
        return _table(_checked(_read(events), file, run.returncode, told.strip()))


def _command(file: str, events: Path, subject: str) -> list[str]:
    """pytest with the plugin, and without what would get into its way."""
    command = [
        sys.executable, "-P", "-m", "pytest", file, "-q", "--tb=short", "--maxfail=0",
        "-p", "no:cacheprovider", "-p", "backproof", f"--backproof-mutants={events}",
    ]  # fmt: skip
    if subject:
        command.append(f"--backproof-target={subject}")
    if importlib.util.find_spec("xdist"):
        command.append("-n0")  # one process: what was caught is remembered
    return command


@contextmanager
def _running(command: list[str], stdout: Any) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdout=stdout, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _read(events: Path) -> list[Event]:
    """The events so far; the last line may be half written."""
    lines = events.read_text(encoding="utf-8").split("\n")[:-1] if events.exists() else []
    return [json.loads(line) for line in lines]


def _tell(events: list[Event], heard: int, report: Callable[[str], None]) -> int:
    """Report each mutant once; how many were heard of."""
    done = list(dict.fromkeys(event["id"] for event in events if event.get("id")))
    for id in done[heard:]:
        report(id)
    return len(done)


def _checked(events: list[Event], file: str, code: int, output: str) -> list[Event]:
    """The events, if they are those of a hunt; CannotHunt if not."""
    problems = [event["problem"] for event in events if "problem" in event]
    if problems:
        raise CannotHunt("\n".join(dict.fromkeys(problems)))
    plan = next((event for event in events if "mutants" in event), None)
    if plan is None:
        raise CannotHunt(f"pytest could not run {file}:\n{output}")
    if not plan["collected"]:
        raise CannotHunt(f"no test was collected in {file}: functions are named test_...")
    if not plan["mutants"]:
        raise CannotHunt(
            f"no test of {file} takes the fixture {FIXTURE!r}, which gives what is to be tested: "
            f"def test_gradients({FIXTURE}): ..."
        )
    right = [event for event in events if event.get("id") == ""]
    for event in right:
        if event["outcome"] == "failed":
            raise CannotHunt(
                f"{event['test']} fails with the right implementation: mend the test first.\n"
                f"{event['message']}"
            )
    if all(event["outcome"] == "skipped" for event in right):
        raise CannotHunt(f"every test of {file} is skipped:\n{output}")
    if code not in (0, 1):
        raise CannotHunt(f"pytest did not come to its end (exit code {code}):\n{output}")
    return events


def _table(events: list[Event]) -> pd.DataFrame:
    import pandas as pd

    from .comparisons.mutants import mutants

    (ids,) = (event["mutants"] for event in events if "mutants" in event)
    return pd.DataFrame([_row(mutants()[id], events) for id in ids])


def _row(mutant: Mutant, events: list[Event]) -> dict[str, Any]:
    own = [event for event in events if event.get("id") == mutant.id]
    failed = next((event for event in own if event["outcome"] == "failed"), None)
    return mutant.record() | {
        "outcome": "killed" if failed else "survived",
        "test": failed["test"] if failed else "",
        "message": _first_error(failed["message"]) if failed else "",
        "seconds": sum(event["seconds"] for event in own),
    }


def _first_error(message: str) -> str:
    """The line that pytest marks with an E, or the last one."""
    lines = message.strip().splitlines() or [""]
    return next((line[1:].strip() for line in lines if line.startswith("E ")), lines[-1])
