"""The process in which a learner's code runs: asked on stdin, answering on stdout, one line each.

What the learner's code itself writes to stdout, from wherever, never gets there.
"""

from __future__ import annotations

import dataclasses
import faulthandler
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


def main() -> None:
    """Check the files that are asked for, in their order."""
    asked = json.loads(sys.stdin.buffer.read())
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):
        os.dup2(nowhere, standard)
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 (as long as the process)
    with open(asked["dump"], "w", encoding="utf-8") as dump:
        for answer in _answers(asked, dump):
            answers.write(json.dumps(answer) + "\n")
            answers.flush()
    os._exit(0)  # whatever threads a learner's code has left behind


def _answers(asked: dict[str, Any], dump: IO[str]) -> Iterator[dict[str, Any]]:
    from ..cases import one_thread
    from .checking import check
    from .exercise import ExerciseError
    from .registry import exercises

    @contextmanager
    def limited() -> Iterator[None]:
        faulthandler.dump_traceback_later(asked["seconds"], exit=True, file=dump)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()

    name = "an exercise"
    try:
        known = exercises(asked["files"])
        with one_thread():
            for task in asked["tasks"]:
                name = task["exercise"]
                outcome = check(known[name], Path(task["path"]), limited)
                more = _elsewhere(known[name]) if outcome.done and task["more"] else []
                yield {"outcome": dataclasses.asdict(outcome), "elsewhere": more}
    except ExerciseError as error:
        yield {"problem": str(error)}
    except Exception as error:  # the truth itself cannot be run: a teacher's, we hope
        yield {"problem": f"{name} cannot be asked: {type(error).__name__}: {error}"}


def _elsewhere(exercise: Any) -> list[str]:
    """Who else computes it; a framework that fails does not make a right answer wrong."""
    try:
        from .elsewhere import told

        return told(exercise)
    except Exception as error:
        return [f"elsewhere: not told, for {type(error).__name__}: {error}"]


if __name__ == "__main__":
    main()
