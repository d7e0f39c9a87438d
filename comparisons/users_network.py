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
    found = getattr(_loaded(Path(path)), name, None)
    if found is None:
        raise CaseError(f"{path} defines no {name}")
    if callable(found) and not isinstance(found, NamedNetwork):
        found = _run(path, found)
    if not isinstance(found, NamedNetwork):
        kind = type(found).__name__
        raise CaseError(f"{name} of {path} is no NamedNetwork, and makes none: it is a {kind}")
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
