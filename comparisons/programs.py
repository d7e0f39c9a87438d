"""A case as a Python program of its own, to be put into a bug report or a test."""

from __future__ import annotations

import json
import re

import numpy as np

from ..adapters import loading
from ..reference.protocols import Array, Tree
from .case import Case
from .case_files import numbers
from .expressions import expression, outside
from .layouts import memory_order

WIDTH = 100
WORD = re.compile(r"""(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\S)+""")  # no break inside quotes
SHOWN = ("candidate", "quantity", "leaf", "noise_ratio", "verdict", "reason")


def program(case: Case) -> str:
    """The source; it prints the rows that are no plain match, or that all match.

    An adapter that is not registered, a ``Candidate`` say, is left for the reader to fill in.
    """
    lines = ["import numpy as np", "", "import backproof as bp"]
    specs = tuple(case.specs.values())
    modules = sorted((cls.__module__, name) for name, cls in outside(specs).items())
    for module, name in modules:
        paste = f"# the class {name} belongs here"
        lines.append(paste if module == "__main__" else f"from {module} import {name}")
    lines.append("")
    for name, spec in case.specs.items():
        lines.append(_statement(name, expression(spec, "bp.")))
    for name, tree in case.arrays.items():
        lines.append(_assigned(name, tree))
    lines += ["", *_adapters(case)]
    given = [*case.specs, *(f"{name}={name}" for name in case.arrays), "adapters=adapters"]
    given += [f'dtype="{case.dtype}"', f"seed={case.seed}"]
    given += [f"case={json.dumps(case.name)}"] if case.name else []
    given += [f"{name}={value}" for name, value in case.settings.items()]
    call = f"bp.compare_{case.kind}({', '.join(given)})"
    columns = [*SHOWN[:1], "step", *SHOWN[1:]] if case.steps else SHOWN
    lines += [_statement("results", call), f"columns = {json.dumps(columns)}"]
    lines.append("print(results[columns].to_string())")
    return "\n".join(lines) + "\n"


def _adapters(case: Case) -> list[str]:
    if not case.adapters:
        return ["adapters = None  # the reference itself, torch and jax"]
    own = [name for name in case.adapters if name not in loading.names()]
    words = {name: json.dumps(name) for name in case.adapters}
    words |= {name: f"candidate{i or ''}" for i, name in enumerate(own)}
    lines = [f"{words[n]} = bp.Candidate({json.dumps(n)})  # give your functions" for n in own]
    return [*lines, f"adapters = [{', '.join(words.values())}]"]


def source(tree: Tree) -> str:
    """An expression for a tree of arrays, in which NumPy is np."""
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{json.dumps(k)}: {source(v)}" for k, v in tree.items()) + "}"
    if isinstance(tree, tuple):
        inside = ", ".join(map(source, tree))
        return f"({inside},)" if len(tree) == 1 else f"({inside})"
    return _array(tree)


def _array(a: Array) -> str:
    order = memory_order(a)
    back = tuple(int(i) for i in np.argsort(order))
    moved = "" if back == tuple(range(a.ndim)) else f".transpose{back}"
    a = a.transpose(order)
    if a.size > 8 and not any(a.tobytes()):  # -0.0 is no zero here
        return f'np.zeros({a.shape}, "{a.dtype.name}"){moved}'
    kind = "" if a.dtype in (np.float64, np.bool_) else f', "{a.dtype.name}"'
    text = repr(numbers(a))
    for word, name in (("NaN", "np.nan"), ("Infinity", "np.inf"), ("-Infinity", "-np.inf")):
        text = text.replace(repr(word), name)
    return f"np.array({text}{kind}){moved}"


def _assigned(name: str, tree: Tree) -> str:
    """An assignment of a tree; where it is long, each of its parts begins a line."""
    line = f"{name} = {source(tree)}"
    if len(line) <= WIDTH or not isinstance(tree, dict | tuple):
        return _statement(name, source(tree))
    if isinstance(tree, dict):
        parts, ends = [f"{json.dumps(k)}: {source(v)}" for k, v in tree.items()], "{}"
    else:
        parts, ends = [source(part) for part in tree], "()"
    body = [line for part in parts for line in _wrapped(f"{part},", "    ")]
    return "\n".join([f"{name} = {ends[0]}", *body, ends[1]])


def _statement(name: str, value: str) -> str:
    """An assignment of a call, broken at spaces where the line is too long."""
    line = f"{name} = {value}"
    if len(line) <= WIDTH:
        return line
    opening = value.index("(") + 1
    body = _wrapped(value[opening:-1], "    ")
    return "\n".join([f"{name} = {value[:opening]}", *body, value[-1]])


def _wrapped(text: str, indent: str) -> list[str]:
    lines = [indent[1:]]
    for word in WORD.findall(text):
        if len(lines[-1]) + len(word) >= WIDTH and lines[-1].strip():
            lines.append(indent[1:])
        lines[-1] += f" {word}"
    return lines
