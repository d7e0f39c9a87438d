"""What a learner has done so far, in one JSON file: written whole, read with suspicion."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..files import beside, writable


class ProgressError(ValueError):
    """The file cannot be read or written; the message says why."""


@dataclass
class Record:
    """One exercise: the learner's file, failed and passed checks, and the hints given."""

    file: str
    tries: int = 0
    hints: int = 0
    done: bool = False


@dataclass
class Progress:
    """All exercises that were started or checked, which was the last, and a teacher's files."""

    records: dict[str, Record] = field(default_factory=dict)
    last: str = ""
    sources: list[str] = field(default_factory=list)

    def of(self, name: str, file: Path) -> Record:
        """The record of an exercise, which is now the last one."""
        self.last = name
        record = self.records.setdefault(name, Record(""))
        record.file = str(file.resolve())
        return record


def read(path: Path) -> Progress:
    """What is there; nothing yet where there is no file. Raises ProgressError for a damaged one."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Progress()
    except (OSError, UnicodeDecodeError) as error:
        raise ProgressError(f"{path} cannot be read: {error}") from error
    try:
        return _checked(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ProgressError(f"{path} is damaged: {' '.join(str(error).split())}") from error


def _checked(data: Any) -> Progress:
    types = {f.name: {"str": str, "int": int, "bool": bool}[str(f.type)] for f in fields(Record)}
    records = {}
    for name, record in data["records"].items():
        if record.keys() != types.keys():
            raise ValueError(f"{name} has {', '.join(record)}")
        for key, value in record.items():
            if type(value) is not types[key]:
                raise ValueError(f"{key} of {name} is {value!r}")
        records[name] = Record(**record)
    last, sources = data["last"], data["sources"]
    if not isinstance(last, str) or not all(isinstance(s, str) for s in [*sources]):
        raise ValueError(f"last is {last!r}, sources are {sources!r}")
    return Progress(records, last, [*sources])


def recovered(path: Path) -> tuple[Progress, str]:
    """What is there, and a warning; a damaged file is put aside, not thrown away."""
    try:
        return read(path), ""
    except ProgressError as error:
        aside = path.with_suffix(".damaged.json")
        with suppress(OSError):
            os.replace(path, aside)
            return Progress(), f"{error}. It is now {aside}, and progress begins anew."
        return Progress(), f"{error}. Progress begins anew."


def save(progress: Progress, path: Path) -> None:
    """Write it whole; raises ProgressError where that is not possible."""
    data = asdict(progress)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ProgressError(f"{path.parent} cannot be made: {error.strerror}") from error
    target = writable(path, ProgressError)
    with beside(target, ProgressError) as draft:
        draft.write_text(json.dumps(data, indent=1, ensure_ascii=False), encoding="utf-8")
        os.replace(draft, target)
