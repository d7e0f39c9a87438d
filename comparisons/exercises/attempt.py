"""A learner's code: loaded, called on copies, and its answer taken as it is.

Whatever goes wrong on the way is a ``Stumble``, which says what in the learner's own terms: the
line, the message, what came back. Nothing here guards against a loop without end: see ``running``.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import numpy as np

from ...reference.protocols import Array
from .exercise import Exercise

NAMED = re.compile(r"^EXERCISE\s*=\s*[\"']([\w-]+)[\"']", re.MULTILINE)
MODULE = "exercise"  # the name that a learner's file runs under
MATMUL = re.compile(r"gufunc signature .* \((size \d+ is different from \d+)\)")
PRINTED = 2000  # characters of what a learner's code prints are kept
Watch = Callable[[], AbstractContextManager[None]]


class Stumble(Exception):
    """Why there is no answer: ``kind`` for programs, the text for people."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Printed(io.TextIOBase):
    """Takes what is printed, and keeps the beginning of it."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        """Keep it, while there is room."""
        self.text += text[: PRINTED - len(self.text)]
        return len(text)

    def writable(self) -> bool:
        """Yes."""
        return True


class Attempt:
    """One file's code. ``watch`` is entered around everything of the learner's that runs."""

    def __init__(self, path: Path, watch: Watch = contextlib.nullcontext) -> None:
        self.path, self.watch, self.printed = path, watch, Printed()
        self.module = ModuleType(MODULE)
        self.module.__file__ = str(path)
        code = _compiled(path)
        sys.modules[MODULE] = self.module  # a dataclass looks its module up
        with self._running():
            exec(code, vars(self.module))

    def function(self, exercise: Exercise) -> Callable[..., list[Any]]:
        """The function that the exercise asks for, guarded; raises Stumble without one."""
        found = getattr(self.module, exercise.called, None)
        if not callable(found):
            wanted = exercise.function.partition("->")[0].strip()
            text = f"there is no function {exercise.called} in it: def {wanted} is asked for"
            raise Stumble("no function", text)

        def ask(*given: Any) -> list[Any]:
            before = [_copy(a) for a in given]
            with self._running(_shapes(exercise, given)):
                got = found(*given)
            _unchanged(exercise, before, given)
            return _results(exercise, got)

        return ask

    @contextmanager
    def _running(self, given: str = "") -> Iterator[None]:
        """The learner's code runs here: what it prints is kept, what it raises is a Stumble."""
        folder, paths = str(self.path.resolve().parent), [*sys.path]
        try:
            with self._quietly(), np.errstate(all="ignore"), self.watch():
                sys.path.append(folder)  # for modules of the learner's beside the file
                yield
        except NotImplementedError as error:
            text = f"line {self._line(error)} still raises NotImplementedError"
            raise Stumble("hole", text + (f" ({error})" if str(error) else "")) from None
        except KeyboardInterrupt:
            raise
        except SystemExit:
            text = "it ends the program (exit): a function returns instead"
            raise Stumble("raised", text) from None
        except BaseException as error:
            raise Stumble("raised", self._told(error, self._line(error)) + given) from None
        finally:
            sys.path[:] = paths

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """What is printed is kept, and nobody is warned."""
        stdout = contextlib.redirect_stdout(self.printed)
        stderr = contextlib.redirect_stderr(self.printed)
        with stdout, stderr, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield

    def _line(self, error: BaseException) -> int:
        """The last line of the learner's file that was reached."""
        frames = traceback.extract_tb(error.__traceback__)
        own = [f.lineno for f in frames if f.filename == str(self.path)]
        return int(own[-1] or 0) if own else 0

    def _told(self, error: BaseException, line: int) -> str:
        if isinstance(error, RecursionError):
            return f"it calls itself without end, in line {line}"
        if isinstance(error, EOFError) and "input" in _source(self.path, line):
            return f"line {line} asks for input: the function has its arguments instead"
        message = " ".join(str(error).split())
        if fits := MATMUL.search(message):
            message = f"these matrices cannot be multiplied: {fits[1]}"
        message = message if len(message) <= 160 else f"{message[:157]}..."
        place = f" in line {line}: {_source(self.path, line)}" if line else ""
        return f"{type(error).__name__}: {message}{place}"


def named_in(path: Path) -> str:
    """The exercise that a file answers, by its own word or else by its name."""
    try:
        found = NAMED.search(path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        found = None
    return found.group(1) if found else path.stem.replace("_", "-")


def _compiled(path: Path) -> CodeType:
    try:
        return compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        where = f" in line {error.lineno}: {(error.text or '').strip()}" if error.lineno else ""
        text = f"{type(error).__name__}: {error.msg}{where}"
        raise Stumble("syntax", text) from None
    except (OSError, ValueError) as error:  # a null byte is a ValueError
        raise Stumble("syntax", f"it cannot be read as Python: {error}") from None


def _source(path: Path, line: int) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return lines[line - 1].strip() if 0 < line <= len(lines) else ""


def _shapes(exercise: Exercise, given: tuple[Any, ...]) -> str:
    """What the function was given, where these are arrays."""
    shapes = [
        f"{word} {np.shape(a)}" for word, a in zip(exercise.takes, given, strict=True)
        if np.ndim(a) and isinstance(a, np.ndarray)
    ]  # fmt: skip
    return f" (given {', '.join(shapes)})" if shapes else ""


def _copy(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def _unchanged(exercise: Exercise, before: list[Any], after: tuple[Any, ...]) -> None:
    for word, old, new in zip(exercise.takes, before, after, strict=True):
        if isinstance(old, np.ndarray) and not np.array_equal(old, new, equal_nan=True):
            raise Stumble("changed", f"it changes its argument {word} in place: whoever called it "
                          f"still needs {word}. Make a new array ({word} = {word} + ..., "
                          f"{word}.copy()), not {word} += ... or {word}[...] = ...")  # fmt: skip


def _results(exercise: Exercise, got: Any) -> list[Any]:
    """The results, one for each that is asked for."""
    wanted = exercise.gives
    listed = ", ".join(wanted)
    if got is None:
        raise Stumble("nothing", f"it gives None: return {listed} is missing at the end")
    results = [got] if len(wanted) == 1 else got
    if len(wanted) > 1 and (not isinstance(got, tuple | list) or len(got) != len(wanted)):
        count = len(got) if isinstance(got, tuple | list) else 1
        raise Stumble("count", f"it gives {count} result{'s' * (count != 1)}, and should give "
                      f"{len(wanted)}: {listed}")  # fmt: skip
    return [_number(word, value) for word, value in zip(wanted, results, strict=True)]


def _number(word: str, value: Any) -> Array:
    if value is None:
        raise Stumble("nothing", f"its {word} is None")
    try:
        array = np.asarray(value)
    except ValueError:
        raise Stumble("dtype", f"its {word} is no array: rows of different lengths") from None
    if array.dtype.kind not in "fiub" or (array.dtype.kind in "iub" and array.ndim):
        odd = array.dtype.kind not in "fiubc"
        kind = f"of type {type(value).__name__}" if odd else f"an array of {array.dtype}"
        raise Stumble("dtype", f"its {word} is {kind}, and should be an array of float64")
    return array.astype(np.float64) if array.ndim == 0 else array
