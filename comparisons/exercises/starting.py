"""The file that a learner starts from: the text, the code with its holes, a worked example."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ...reference.protocols import Tree
from ...reference.tree import leaves
from ..files import beside, writable
from ..tolerances import Values
from .exercise import Exercise, ExerciseError
from .questions import question, truth
from .signature import Signature

DIGITS = 6  # of the worked example's results
WIDTH = 88

FILE = '''"""Exercise {name} (chapter {chapter}): {title}
{text}
What to do:
  1. {todo}
  2. python {file}
     runs the worked example at the end of this file.
  3. backproof exercise check {name}
     checks it on all cases, and says what is wrong.
"""

import numpy as np

EXERCISE = "{name}"

{code}


if __name__ == "__main__":  # the worked example
{given}

    results = {call}
    wanted = {{
{wanted}
    }}
    for name, yours, right in zip(wanted, results, wanted.values()):
        same = np.shape(yours) == np.shape(right) and np.allclose(yours, right, 1e-5, 1e-6)
        print(name, "is right" if same else f"is\\n{{yours}}\\nand should be\\n{{right}}")
'''
HOLES = "Fill the holes: put lines of your own, in plain NumPy, for each NotImplementedError."
REPAIR = "Find the mistake and repair it. It is a small one."


class Recorder:
    """Stands in for a learner who is right, and notes the last call: arguments and results."""

    def __init__(self, right: Values, signature: Signature) -> None:
        self.right, self.signature = right, signature
        self.arguments: dict[str, Any] = {}
        self.results: dict[str, Any] = {}

    def __call__(self, given: Tree) -> Values:
        """The right values of this call."""
        t: int = dict(leaves(given)).get("t", 0)
        values = {r.key: self._value(r.key, t) for r in self.signature.results}
        exercise = self.signature.exercise
        self.arguments = dict(zip(exercise.takes, self.signature.arguments(given), strict=True))
        self.results = {
            r.word: [self._value(r.key, s) for s in range(1, t + 1)] if r.last
            else r.seen(values[r.key])
            for r in self.signature.results
        }  # fmt: skip
        return values

    def _value(self, key: tuple[str, str], t: int) -> Any:
        stepped = f"{t} {key[0]}", key[1]
        return self.right[stepped] if stepped in self.right else self.right[key]


def example(exercise: Exercise) -> tuple[dict[str, Any], dict[str, Any]]:
    """The worked example: arguments and results by the learner's words.

    Raises ExerciseError where the truth cannot be run.
    """
    try:
        problem, signature = question(exercise, exercise.worked)
        recorder = Recorder(truth(problem), signature)
        with np.errstate(all="ignore"):
            problem.ask(recorder)
    except ExerciseError:
        raise
    except Exception as error:  # the truth may be a function of anybody's
        text = f"{exercise.name} cannot be asked: {type(error).__name__}: {error}"
        raise ExerciseError(text) from error
    return recorder.arguments, recorder.results


def source(exercise: Exercise) -> str:
    """The text of the file."""
    arguments, results = example(exercise)
    call = f"{exercise.called}({', '.join(exercise.takes)})"
    return FILE.format(
        name=exercise.name, chapter=exercise.chapter, title=exercise.title, text=exercise.text,
        todo=REPAIR if exercise.mutant else HOLES, file=exercise.file, code=exercise.code.rstrip(),
        given="\n".join(_assigned(f"    {w} = ", v) for w, v in arguments.items()),
        call=call if len(exercise.gives) > 1 else f"[{call}]",
        wanted="\n".join(_assigned(f'        "{w}": ', v) + "," for w, v in results.items()),
    )  # fmt: skip


def start(exercise: Exercise, folder: Path, force: bool = False) -> Path:
    """Write the file; raises ExerciseError where one is there already, or where none can be."""
    path = folder / exercise.file
    if not folder.is_dir():
        raise ExerciseError(f"there is no folder {folder}")
    if path.exists() and not force:
        raise ExerciseError(f"{path} exists already: --force begins anew, and loses what is in it")
    target = writable(path, ExerciseError)
    with beside(target, ExerciseError) as draft:
        draft.write_text(source(exercise), encoding="utf-8")
        os.replace(draft, target)
    return path


def _assigned(before: str, value: Any) -> str:
    """A line, or several, that end in a literal of the value."""
    if callable(value):
        return f"{before}{value.__name__}"
    array = np.asarray(value)
    if array.ndim == 0 or isinstance(value, list):
        return f"{before}{_short(array).tolist()}"
    text = np.array2string(
        _short(array), separator=", ", prefix=f"{before}np.array(", max_line_width=WIDTH,
        formatter={"float_kind": lambda v: repr(float(v))}, threshold=10**6,
    )  # fmt: skip
    return f"{before}np.array({text})"


def _short(array: Any) -> Any:
    if array.dtype.kind != "f":
        return array
    rounded = [float(f"{v:.{DIGITS}g}") for v in array.ravel()]
    return np.array(rounded).reshape(array.shape) + 0.0
