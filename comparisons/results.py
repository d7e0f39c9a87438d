"""Saving a table of comparisons with what it depends on, and reading it back, bit for bit.

Three formats, chosen by the file's suffix: .parquet, .csv (metadata in leading "# key: value"
lines) and .json ({"meta": ..., "rows": [...]}). A file is written beside its place and then moved
there, so that a reader never sees half of one.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from .files import beside, writable
from .records import COLUMNS, VERDICTS, Finding

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".parquet", ".csv", ".json")
INTEGERS = ("step", "n_compared", "n_nonzero", "n_distinct", "n_finite", "n_unresolved")
NEWER: dict[str, Any] = {
    "n_distinct": -1,
    "n_finite": -1,
    "n_unresolved": 0,
    "origin": "",
    "cause": "",
}  # what older files lack, and has no value
FLOATS = (
    "normwise_error", "componentwise_error", "max_ulp", "noise_ratio", "allowed", "tolerance",
    "minimum_passing", "resolution", "linearity",
)  # fmt: skip
NOT_JSON = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class ResultsError(ValueError):
    """The file cannot be written, or is not a table of comparisons; the message says why."""


def check_writable(path: str | Path) -> None:
    """Raise ResultsError if ``save`` could not write there. Leaves nothing behind."""
    target = _target(path)
    with beside(target, ResultsError):
        pass


def save(results: pd.DataFrame, path: str | Path) -> None:
    """Write the table and its ``attrs``; an existing file is replaced as a whole."""
    target = _target(path)
    results = results.copy(deep=False)
    results.attrs = {**results.attrs, "rows": len(results)}
    with beside(target, ResultsError) as draft:
        {".parquet": _to_parquet, ".csv": _to_csv, ".json": _to_json}[target.suffix](results, draft)
        os.replace(draft, target)


def read(path: str | Path) -> pd.DataFrame:
    """The table that ``save`` wrote, ``attrs`` included; ResultsError if it is no such table."""
    path = _checked_name(path)
    readers = {".parquet": _from_parquet, ".csv": _from_csv, ".json": _from_json}
    try:
        table, meta = readers[path.suffix](path)
    except FileNotFoundError as error:
        raise ResultsError(f"{path} does not exist") from error
    except PermissionError as error:
        raise ResultsError(f"{path} cannot be read: permission denied") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        text = " ".join(str(error).split())
        raise ResultsError(f"{path} is damaged, or was not written by backproof: {text}") from error
    return _checked(table, meta, path)


def _checked(table: pd.DataFrame, meta: Any, path: Path) -> pd.DataFrame:
    lacks = [c for c in COLUMNS if c not in table.columns and c not in NEWER]
    if lacks:
        raise ResultsError(f"{path} lacks the columns {', '.join(lacks)}: not written by backproof")
    table = table.assign(**{c: v for c, v in NEWER.items() if c not in table.columns})
    rows = meta.get("rows") if isinstance(meta, dict) else None
    if rows is None:
        raise ResultsError(f"{path} has no metadata: not written by backproof, or changed since")
    if rows != len(table):
        raise ResultsError(f"{path} holds {len(table)} of {rows} rows: it was cut off or changed")
    try:
        typed = dict.fromkeys(INTEGERS, "int64") | dict.fromkeys(FLOATS, "float64")
        table = table.astype(typed)[[*COLUMNS]]
    except (ValueError, TypeError) as error:
        raise ResultsError(f"{path}: a column of numbers holds something else: {error}") from error
    for column, known in (("verdict", VERDICTS), ("finding", get_args(Finding))):
        strange = sorted(set(map(str, table[column])) - set(known))
        if strange:
            raise ResultsError(f"{path}: unknown {column} {', '.join(map(repr, strange))}")
    table.attrs = {k: v for k, v in meta.items() if k != "rows"}
    return table


def _checked_name(path: str | Path) -> Path:
    path = Path(path)
    if path.is_dir():
        raise ResultsError(f"{path} is a directory: name a file")
    if path.suffix not in SUFFIXES:
        either = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
        raise ResultsError(f"{path}: unknown suffix {path.suffix!r}, use {either}")
    return path


def _target(path: str | Path) -> Path:
    return writable(_checked_name(path), ResultsError)


def _to_parquet(results: pd.DataFrame, path: Path) -> None:
    results.to_parquet(path, index=False)  # pandas keeps attrs in the schema


def _from_parquet(path: Path) -> tuple[pd.DataFrame, Any]:
    import pandas as pd

    path.open("rb").close()  # PermissionError and FileNotFoundError in the plain form
    table = pd.read_parquet(path)
    return table, dict(table.attrs)


def _to_csv(results: pd.DataFrame, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        for key, value in results.attrs.items():
            file.write(f"# {key}: {json.dumps(value)}\n")
        results.to_csv(file, index=False, na_rep="nan", lineterminator="\n")


def _from_csv(path: Path) -> tuple[pd.DataFrame, Any]:
    import pandas as pd

    meta: dict[str, Any] = {}
    with path.open(encoding="utf-8", newline="") as file:
        start = file.tell()
        while (line := file.readline()).startswith("# "):
            key, _, value = line[2:].partition(": ")
            meta[key] = json.loads(value)
            start = file.tell()
        file.seek(start)
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
    return table, meta


def _to_json(results: pd.DataFrame, path: Path) -> None:
    """One row on a line; what JSON has no number for is a string such as "NaN"."""
    floats = results.select_dtypes("float").columns
    table = results.astype(dict.fromkeys(floats, object))
    for column in floats:
        strange = ~results[column].abs().lt(math.inf)  # NaN too
        words = {math.inf: "Infinity", -math.inf: "-Infinity"}
        table.loc[strange, column] = [words.get(v, "NaN") for v in results[column][strange]]
    with path.open("w", encoding="utf-8") as file:
        file.write(f'{{"meta": {json.dumps(results.attrs)},\n"rows": [')
        names = list(table.columns)
        columns = (table[c].tolist() for c in names)
        for i, row in enumerate(zip(*columns, strict=True)):
            line = json.dumps(dict(zip(names, row, strict=True)), allow_nan=False)
            file.write(f"{',' if i else ''}\n{line}")
        file.write("\n]}\n")


def _from_json(path: Path) -> tuple[pd.DataFrame, Any]:
    import pandas as pd

    with path.open(encoding="utf-8") as file:
        content = json.load(file)
    table = pd.DataFrame(content["rows"], columns=None if content["rows"] else list(COLUMNS))
    for column in table.columns.intersection(list(FLOATS)):
        table[column] = [NOT_JSON.get(v, v) for v in table[column]]
    return table, content["meta"]
