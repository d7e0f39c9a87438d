"""The equation of a step, in the words of the docstring that derives it."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

from .steps import Step

GREEK = {"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "theta": "θ",
         "lambda": "λ", "mu": "μ", "sigma": "σ", "tau": "τ"}  # fmt: skip
BAR = "\u0304?"  # over the letter
CLAUSE = re.compile(  # where a formula in a sentence ends: before the next one, or before words
    r"\s{3,}|\.\s|\.$|;|:\s|, (?:and|so|which|where|with)\b|,\s+(?=\S+ = )"
)
INDEX = r"(?:_[\w,+\-*'()]+)?"


def headline(spec: Any) -> str:
    """What a layer or a loss computes: the first line of its docstring, without the shapes."""
    first = (inspect.getdoc(type(spec)) or "").partition("\n")[0]
    return re.split(r"\s{3,}", first)[0].rstrip(", ")


def derivation(spec: Any) -> str:
    """The whole docstring of a layer or a loss."""
    return inspect.getdoc(type(spec)) or ""


def equation(step: Step) -> str:
    """The line that says how the step is computed, or "" where the docstrings have none."""
    if step.part:
        return ""
    docs = list(_docs(step))
    for symbol in _symbols(step):
        for doc in docs:
            if found := _line(doc, symbol):
                return found
    return ""


def _docs(step: Step) -> Iterator[str]:
    """The layer's docstring, and those of a function that it calls and of that function's file."""
    spec = type(step.call.spec)
    own = next((c for c in spec.__mro__ if c.__name__ != "_"), spec)
    file = getattr(sys.modules.get(own.__module__), "__file__", None)
    layer = inspect.getdoc(own) or ""
    others = () if step.file == file else _docstrings(step.file, step.function)
    yield from (layer, *others) if step.role else (*others, layer)


@cache
def _docstrings(file: str, function: str) -> tuple[str, ...]:
    try:
        with open(file, encoding="utf-8") as source:
            tree = ast.parse(source.read())
    except (OSError, SyntaxError):
        return ()
    functions = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef))
    docs = [ast.get_docstring(node) for node in functions if node.name == function]
    return tuple(filter(None, (*docs, ast.get_docstring(tree))))


def _symbols(step: Step) -> Iterator[str]:
    """What the step is called in a derivation: dx̂ for dx_hat, dγ for dgamma, ∂L/∂z for dz."""
    for name in dict.fromkeys((step.role.rpartition(".")[2], step.name)):
        if name and not name.isdigit():
            yield _symbol(name)
            if name.startswith("d") and step.call.path == "loss":
                yield f"∂L/∂{_symbol(name[1:])}"


def _symbol(name: str) -> str:
    d, base = ("d", name[1:]) if name.startswith("d") else ("", name)
    hat = "\u0302" if base.endswith("_hat") else ""
    base = base.removesuffix("_hat")
    return re.escape(d + GREEK.get(base, base) + hat)


def _line(doc: str, symbol: str) -> str:
    """The formula that defines the symbol: a line of its own, or a clause of a sentence."""
    pattern = re.compile(rf"(?<![\w∂/\u0302]){symbol}{BAR}{INDEX}\s*=\s")
    for line in _lines(doc):
        if (match := pattern.search(line)) is None:
            continue
        if line.startswith("  "):  # formulas set apart from the text
            chunks = list(re.finditer(r"\S+(?:\s{1,2}\S+)*", line))
            at = next(i for i, c in enumerate(chunks) if c.end() > match.start())
            also = [c[0] for c in chunks[at + 1 : at + 2] if c[0].startswith("so ")]
            return re.sub(r"\s+", " ", " ".join([chunks[at][0], *also])).strip(" ,")
        return CLAUSE.split(line[match.start() :])[0].strip(" ,")
    return ""


def _lines(doc: str) -> Iterator[str]:
    """The headline, formulas line by line, and each paragraph of text in one line."""
    text = ""
    for i, line in enumerate([*doc.splitlines(), ""]):
        apart = i == 0 or line.startswith("  ") or not line.strip()
        if apart and text:
            yield text
            text = ""
        if apart:
            yield re.sub(r"\s+= ", " = ", line)
        else:
            text = f"{text} {line}".strip()
