"""A network by name: one of the suite, or one in a file of the user's."""

from __future__ import annotations

import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from .cases import CaseError
from .named_network import NamedNetwork
from .networks import named


def find_network(text: str) -> NamedNetwork:
    """The network of that name, or "FILE.py:NAME": a NamedNetwork there, or what makes one.

    Raises UnknownName for a name that is not known, CaseError for a file that does not hold it.
    """
    path, colon, name = text.rpartition(":")
    if not colon or not path.endswith(".py"):
        return named(text)
    found = from_file(text)
    if callable(found) and not isinstance(found, NamedNetwork):
        found = _run(path, found)
    if not isinstance(found, NamedNetwork):
        kind = type(found).__name__
        raise CaseError(f"{name} of {path} is no NamedNetwork, and makes none: it is a {kind}")
    return found


def from_file(text: str) -> Any:
    """What "FILE.py:NAME" defines; CaseError where there is no such file, or no such name in it."""
    path, _, name = text.rpartition(":")
    if not path.endswith(".py"):
        raise CaseError(f"{text!r} is no FILE.py:NAME")
    found = getattr(_loaded(Path(path)), name, None)
    if found is None:
        raise CaseError(f"{path} defines no {name}")
    return found


def _loaded(path: Path) -> Any:
    if not path.is_file():
        raise CaseError(f"{path} does not exist")
    name = f"_backproof_{path.stem}"
    loader = SourceFileLoader(name, str(path))
    module = ModuleType(name)
    sys.modules[name] = module  # a dataclass looks its module up
    _run(str(path), lambda: loader.exec_module(module))
    return module


def _run(path: str, what: Any) -> Any:
    try:
        return what()
    except Exception as error:
        raise CaseError(f"{path} raises {type(error).__name__}: {error}") from error
