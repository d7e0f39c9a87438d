"""An attempt, case by case: the first that it gets wrong is what is told."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...reference.protocols import Array
from ..diagnosis.bench import step_of
from ..diagnosis.diagnose import diagnosed
from ..tolerances import Key, Values
from .attempt import Attempt, Stumble, Watch
from .exercise import Exercise
from .questions import named, question, truth
from .signature import Result, Signature
from .words import told

NEARLY = 1e-3  # relative
CLOSE = 1e-9  # relative, for the words "right" and "wrong" alone: the verdict is not of this


@dataclass(frozen=True)
class Outcome:
    """What became of one check.

    ``kind`` is "right", "wrong", "hole", "raised", "syntax", "no function", "nothing", "count",
    "changed", "dtype", "shape", "not finite", "too long" or "died". ``text`` is one sentence, and
    ``cause`` the diagnosis of wrong numbers, "" where none is known; ``ids`` are of all causes that
    have these numbers.
    ``right`` and ``wrong`` are results by name, ``passed`` the cases before, ``case`` the one that
    failed. ``printed`` is what the code printed.
    """

    exercise: str
    kind: str
    text: str = ""
    cause: str = ""
    ids: tuple[str, ...] = ()
    right: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
    case: str = ""
    printed: str = ""

    @property
    def answered(self) -> bool:
        """Whether there are numbers, even if not the right ones: a hint is about these."""
        return self.kind in ("wrong", "shape", "not finite")

    @property
    def done(self) -> bool:
        """Whether every case is right."""
        return self.kind == "right"


def check(exercise: Exercise, path: Path, watch: Watch = contextlib.nullcontext) -> Outcome:
    """Run the learner's file on every case, up to the first that is wrong."""
    try:
        attempt = Attempt(path, watch)
    except Stumble as stumble:
        return Outcome(exercise.name, stumble.kind, f"{stumble}")
    outcome = _checked(exercise, attempt)
    return dataclasses.replace(outcome, printed=attempt.printed.text.strip())


def _checked(exercise: Exercise, attempt: Attempt) -> Outcome:
    passed: list[str] = []
    for seed, case in enumerate(exercise.cases, start=1):
        problem, signature = question(exercise, case, seed)
        outcome = None
        try:
            ask = asker(signature, attempt.function(exercise))
            with np.errstate(all="ignore"):
                values, _ = problem.ask(ask)
            printed = attempt.printed.text
            outcome = _form(signature, values, truth(problem)) or _judged(
                problem, signature, ask, values, seed
            )
            attempt.printed.text = printed  # not again what it prints when it is asked again
        except Stumble as stumble:
            outcome = Outcome(exercise.name, stumble.kind, f"{stumble}")
        if outcome:
            return dataclasses.replace(outcome, passed=tuple(passed), case=case.when)
        passed.append(case.when)
    return Outcome(exercise.name, "right", passed=tuple(passed))


def asker(signature: Signature, function: Callable[..., list[Any]]) -> Callable[[Any], Values]:
    """The learner's function in the place of an adapter: from what is given to values."""

    def ask(given: Any) -> Values:
        arguments = signature.arguments(given)
        return signature.values(function(*_copies(arguments)), given)

    return ask


def _copies(arguments: list[Any]) -> list[Any]:
    """Copies in the arguments' own memory order, so that a learner harms only himself."""
    return [a.copy(order="K") if isinstance(a, np.ndarray) else a for a in arguments]


def _form(signature: Signature, values: Values, right: Values) -> Outcome | None:
    """Shapes, kinds of numbers, NaN: what is told before numbers are compared."""
    for result in signature.results:
        of_it = (k for k in right if (k[0].split()[-1], k[1]) == result.key)
        for key in of_it:
            kind, text = _malformed(result, values.get(key), right[key])
            if kind:
                step = f" after step {step_of(key)}" if step_of(key) > 1 else ""
                name = signature.exercise.name
                return Outcome(name, kind, f"its {result.word}{step} {text}", wrong=(result.word,))
    return None


def _malformed(result: Result, value: Any, wanted: Array) -> tuple[str, str]:
    """The kind of what is wrong with an array's form, and in words; "" where nothing is."""
    if value is None or np.shape(value) != np.shape(wanted):
        if result.last:
            count = f"{np.size(value)} number{'s' * (np.size(value) != 1)}"
            return "shape", f"holds {count}, and should hold one for each step"
        return "shape", _shape(value, result.seen(wanted))
    array = np.asarray(value)
    if array.dtype != np.float64:
        return "dtype", f"is an array of {array.dtype}, and should be of float64"
    strange = ~np.isfinite(array) & np.isfinite(wanted)
    if strange.any():
        what = "NaN" if np.isnan(array[strange]).any() else "inf"
        some = f"holds {what}: {strange.sum()} of its {array.size} numbers"
        return "not finite", some if array.ndim else f"is {what}"
    return "", ""


def _shape(value: Any, wanted: Array) -> str:
    got = "no number" if value is None else _shaped(np.asarray(value))
    more = ""
    if value is not None and np.size(value) == wanted.size:
        more = ", which holds as many numbers"
        if np.shape(value) == wanted.shape[::-1]:
            more = ": it is transposed"
    return f"is {got}, and should be {_shaped(wanted)}{more}"


def _shaped(array: Array) -> str:
    return f"of shape {array.shape}" if array.ndim else "one number"


def _judged(
    problem: Any, signature: Signature, ask: Any, values: Values, seed: int
) -> Outcome | None:
    """The numbers, under the tolerance that is computed for them; None where they are right."""
    found = diagnosed(problem, ask, candidate="yours", seed=seed)
    if found.matches:
        return None
    if found.answer:  # it raised only when it was asked again
        return Outcome(signature.exercise.name, "raised", found.answer)
    right = truth(problem)
    off = [key for key in right if not _near(values[key], right[key])]
    first = min(off, key=step_of, default=(found.where.quantity, found.where.leaf))
    wrong = named(off or [first], signature)
    good = [word for word in signature.exercise.gives if word not in wrong]
    cause = told(found, signature, wrong) or _nearly(values, right)
    return Outcome(
        signature.exercise.name, "wrong", _example(signature, first, values, right),
        cause, tuple(c.id for c in found.causes), tuple(good), tuple(wrong),
    )  # fmt: skip


def _nearly(values: Values, right: Values) -> str:
    """How near numbers are whose cause is not known; "" where they are not."""
    off = max(float(np.max(np.abs(values[k] - r), initial=0)) for k, r in right.items())
    size = max(float(np.max(np.abs(r), initial=0)) for r in right.values())
    if not off <= NEARLY * size:
        return ""
    return (f"nearly right, {off / size:.1g} off, which is more than rounding: look for a number "
            "that is not exact, or that should not be there")  # fmt: skip


def _near(value: Any, right: Array) -> bool:
    size = float(np.max(np.abs(right), initial=0))
    return bool(np.all(np.abs(value - right) <= CLOSE * size))


def _example(signature: Signature, key: Key, values: Values, right: Values) -> str:
    """One number that is wrong, and what is right there."""
    word = signature.word(key)
    if key not in right:
        return f"its {word} is wrong"
    result = next(r for r in signature.results if r.word == word)
    seen = result.seen if not result.last else np.asarray
    got, wanted = seen(values[key]), seen(right[key])
    worst = np.unravel_index(np.argmax(np.abs(got - wanted)), wanted.shape)
    where = f"[{', '.join(map(str, worst))}]" if worst else ""
    step = f" after step {step_of(key)}" if step_of(key) > 1 or result.last else ""
    mine, theirs = _apart(float(got[worst]), float(wanted[worst]))
    return f"{word}{where}{step} is {mine}, and should be {theirs}"


def _apart(one: float, other: float) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to tell them apart."""
    for digits in (6, 9, 12, 17):
        told = f"{one:.{digits}g}", f"{other:.{digits}g}"
        if told[0] != told[1]:
            break
    return told
