"""A case as a file that people can read and change: JSON, exact to the last bit.

    {
    "backproof case": 1,
    "kind": "vjp",
    "network": "Sequential(Dense(1, 1), Tanh())",
    "params": [{"W": {"array": "float64", "shape": [1, 1], "values": [[0.5]]}, ...}, {}],
    ...

Specs are the expressions that construct them (see ``expressions``); arrays are nested lists of the
shortest decimals that give the same bits, with "order" where the axes do not lie in memory in
their own order. Nothing in a file is ever run or imported: a layer that is not of this project is
named below "classes", and whoever reads the file must bring its class.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from ..reference import discovery
from ..reference.protocols import Array, Tree
from .case import ARRAYS, SPECS, Case, complete
from .cases import CaseError
from .expressions import ExpressionError, expression, outside, parse
from .files import beside, writable
from .layouts import in_order, memory_order
from .summary import first_divergence

if TYPE_CHECKING:
    import pandas as pd

MARK, VERSION = "backproof case", 1
NOT_JSON = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
DTYPES = ("bool", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16",
          "uint32", "uint64", "float16", "bfloat16")  # fmt: skip
WIDTH = 100
FOUND = ("candidate", "mode", "step", "quantity", "leaf", "verdict", "noise_ratio", "reason")
COMMON = ("dtype", "seed", "name", "adapters", "settings")


class CaseFileError(CaseError):
    """The file cannot be written, or holds no case; the message says why."""


def save(case: Case, path: str | Path, rows: pd.DataFrame | None = None) -> None:
    """Write the case, and below "found" where each candidate in ``rows`` first went wrong."""
    target = check_writable(path)
    text = dumps(case, rows)
    with beside(target, CaseFileError) as draft:
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, target)


def check_writable(path: str | Path) -> Path:
    """Where ``save`` would write; raises CaseFileError if it could not."""
    return writable(_checked_name(path), CaseFileError)


def read(path: str | Path, classes: Iterable[type[Any] | ModuleType] = ()) -> Case:
    """The case that ``save`` wrote; raises CaseFileError.

    ``classes``: layers, losses and optimizers of your own that it uses, or modules that hold them.
    """
    return loads(_text(_checked_name(path)), str(path), classes)


def found(path: str | Path) -> list[dict[str, Any]]:
    """What was wrong when the file was saved: a few columns of the first wrong row of each."""
    rows = _content(_text(_checked_name(path)), str(path)).get("found", [])
    whole = isinstance(rows, list) and all(
        isinstance(row, dict) and set(FOUND) <= row.keys() for row in rows
    )
    if not whole:
        raise CaseFileError(f'{path}: "found" is damaged')
    return [row | {"noise_ratio": NOT_JSON.get(row["noise_ratio"], row["noise_ratio"])}
            for row in rows]  # fmt: skip


def dumps(case: Case, rows: pd.DataFrame | None = None) -> str:
    """The content of the file; raises CaseFileError for a spec that has no expression."""
    from .. import __version__

    content: dict[str, Any] = {MARK: VERSION, "backproof": __version__, "kind": case.kind}
    classes = outside(tuple(case.specs.values()))
    if classes:
        content["classes"] = {name: cls.__module__ for name, cls in classes.items()}
    if ours := classes.keys() & discovery.everything():
        raise CaseFileError(f"Backproof has a {', '.join(sorted(ours))} of its own: rename yours")
    known = {**discovery.everything(), **classes}
    try:
        for name, spec in case.specs.items():
            content[name] = expression(spec)
            if parse(content[name], known) != spec:
                raise ExpressionError(f"{spec!r} cannot be written: {content[name]} is another")
    except ExpressionError as error:
        raise CaseFileError(str(error)) from error
    content |= {name: value for name in COMMON if (value := getattr(case, name)) not in (None, {})}
    content |= {name: _jsonable(tree) for name, tree in case.arrays.items()}
    if rows is not None:
        content["found"] = [
            {column: _plain(row[column]) for column in FOUND}
            for _, row in first_divergence(case.rows_in(rows)).iterrows()
        ]
    lines = (f"{json.dumps(key)}: {_layout(value)}" for key, value in content.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _jsonable(tree: Tree) -> Any:
    if isinstance(tree, dict):
        return {name: _jsonable(part) for name, part in tree.items()}
    if isinstance(tree, tuple):
        return [_jsonable(part) for part in tree]
    leaf = {"array": tree.dtype.name, "shape": list(tree.shape), "values": numbers(tree)}
    order = list(memory_order(tree))
    return leaf if order == sorted(order) else {**leaf, "order": order}


def numbers(array: Array) -> Any:
    """Nested lists of Python numbers that are the same bits in the array's dtype."""
    if array.ndim:
        return [numbers(part) for part in array]
    return _plain(array[()])


def _plain(value: Any) -> Any:
    """A number as JSON has it: the shortest decimal with the same bits, or a word."""
    if not isinstance(value, np.generic):
        return value if not isinstance(value, float) or math.isfinite(value) else _word(value)
    if value.dtype.kind in "biu":
        return value.item()
    number = float(value)
    if not math.isfinite(number):
        return _word(number)
    short = float(str(value))
    return short if value.dtype.type(short) == value else number


def _word(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _layout(value: Any, indent: str = " ") -> str:
    """On one line where that fits, or where it is a row of numbers; otherwise a part on a line."""
    line = json.dumps(value, ensure_ascii=False)
    parts = value.values() if isinstance(value, dict) else value
    nested = isinstance(value, dict | list) and any(isinstance(p, dict | list) for p in parts)
    if len(line) + len(indent) <= WIDTH or not nested:
        return line
    deeper = f"{indent} "
    if isinstance(value, dict):
        inside = [f"{json.dumps(k)}: {_layout(v, deeper)}" for k, v in value.items()]
        return "{" + f",\n{indent}".join(inside) + "}"
    return "[" + f",\n{indent}".join(_layout(v, deeper) for v in value) + "]"


def loads(text: str, path: str, classes: Iterable[type[Any] | ModuleType] = ()) -> Case:
    """The case in the text of a file; ``path`` stands in the messages of CaseFileError."""
    content = _content(text, path)
    known = {**discovery.everything(), **_by_name(classes)}
    own = known.keys() - discovery.everything()
    lacking = {name: module for name, module in _classes(content, path) if name not in own}
    if lacking:
        which = ", ".join(f"{name} of {module}" for name, module in lacking.items())
        raise CaseFileError(
            f"{path} uses {which}, which is not part of Backproof and is not imported unasked: "
            "if you trust it, give the class, read_case(path, classes=[...]), or --import MODULE"
        )
    try:
        specs = {name: parse(_string(content, name), known) for name in SPECS if name in content}
        kind = _string(content, "kind")
        names = ARRAYS.get(kind, ())
        arrays = {n: _tree(content[n], f'"{n}"') for n in names if n in content}
        return complete(kind, specs, arrays, **_common(content))
    except Exception as error:  # the reference was run on whatever the file holds
        what = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        text = " ".join(str(error).split())
        raise CaseFileError(f"{path} holds no case that can be run: {what}{text}") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise CaseFileError(f"{path} does not exist") from error
    except PermissionError as error:
        raise CaseFileError(f"{path} cannot be read: permission denied") from error
    except (OSError, ValueError) as error:
        raise CaseFileError(f"{path} is no case: {error}") from error


def _content(text: str, path: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CaseFileError(f"{path} is damaged, or no case: {error}") from error
    if not isinstance(content, dict) or MARK not in content:
        raise CaseFileError(f"{path} is no case: it does not begin with {MARK!r}")
    if content[MARK] != VERSION:
        raise CaseFileError(
            f"{path} is a case of format {content[MARK]!r}, this version reads {VERSION}: "
            "install the version of Backproof that wrote it"
        )
    return content


def _classes(content: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    classes = content.get("classes", {})
    if not isinstance(classes, dict):
        raise CaseFileError(f'{path}: "classes" is damaged')
    yield from classes.items()


def _by_name(classes: Iterable[type[Any] | ModuleType]) -> dict[str, type[Any]]:
    found: dict[str, type[Any]] = {}
    for given in classes:
        content = vars(given).values() if isinstance(given, ModuleType) else [given]
        found |= {c.__name__: c for c in content if isinstance(c, type)}
    return {name: cls for name, cls in found.items() if name not in discovery.everything()}


def _common(content: dict[str, Any]) -> dict[str, Any]:
    name, settings = content.get("name"), content.get("settings", {})
    adapters, seed = content.get("adapters", []), content.get("seed", 0)
    if not (name is None or isinstance(name, str)):
        raise CaseFileError('"name" is no text')
    if not (isinstance(adapters, list) and all(isinstance(a, str) for a in adapters)):
        raise CaseFileError('"adapters" is no list of names')
    whole = isinstance(settings, dict) and all(_is_count(n, 1) for n in settings.values())
    if not (_is_count(seed) and whole):
        raise CaseFileError('"seed" or "settings" is no whole number')
    return {"adapters": adapters, "dtype": _string(content, "dtype"), "seed": seed, "case": name,
            **settings}  # fmt: skip


def _is_count(value: Any, least: int = 0) -> bool:
    return type(value) is int and value >= least


def _string(content: dict[str, Any], key: str) -> str:
    if not isinstance(content.get(key), str):
        raise CaseFileError(f'"{key}" is missing, or no text')
    return str(content[key])


def _tree(value: Any, where: str) -> Tree:
    if isinstance(value, list):
        return tuple(_tree(part, f"{where}[{i}]") for i, part in enumerate(value))
    if not isinstance(value, dict):
        raise CaseFileError(f"{where} holds {json.dumps(value)[:40]} in place of an array")
    if isinstance(value.get("array"), str):
        return _array(value, where)
    return {name: _tree(part, f"{where}[{json.dumps(name)}]") for name, part in value.items()}


def _array(leaf: dict[str, Any], where: str) -> Array:
    name, shape = leaf["array"], leaf.get("shape")
    if name not in DTYPES:
        raise CaseFileError(f"{where} is an array of {name}: use {', '.join(DTYPES)}")
    if not (isinstance(shape, list) and all(map(_is_count, shape))):
        raise CaseFileError(f"{where} has no shape")
    flat = list(_flat(leaf.get("values"), tuple(shape), where))
    allowed: dict[str, tuple[type, ...]] = {"b": (bool,), "i": (int,), "u": (int,)}
    kind = np.dtype(name).kind
    for value in flat:
        if type(value) not in allowed.get(kind, (int, float)):
            raise CaseFileError(f"{where} is an array of {name}, and holds {value!r}")
    try:
        array = np.array(flat, np.float64 if kind not in allowed else name).astype(name)
    except OverflowError as error:
        raise CaseFileError(f"{where} is an array of {name}: {error}") from error
    order = leaf.get("order", list(range(len(shape))))
    if not isinstance(order, list) or sorted(order) != list(range(len(shape))):
        raise CaseFileError(f"{where} has an order that is none of its axes: {order}")
    return in_order(array.reshape(shape), tuple(order))


def _flat(values: Any, shape: tuple[int, ...], where: str) -> Iterator[Any]:
    if not shape:
        yield NOT_JSON.get(values, values) if isinstance(values, str) else values
        return
    if not isinstance(values, list) or len(values) != shape[0]:
        count = len(values) if isinstance(values, list) else "no"
        raise CaseFileError(f"{where} holds {count} parts where its shape says {shape[0]}")
    for part in values:
        yield from _flat(part, shape[1:], where)


def _checked_name(path: str | Path) -> Path:
    path = Path(path)
    if path.is_dir():
        raise CaseFileError(f"{path} is a directory: name a file")
    if path.suffix != ".json":
        raise CaseFileError(f"{path}: a case is a .json file")
    return path
