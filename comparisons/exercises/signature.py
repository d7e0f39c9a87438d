"""The learner's words for arrays, and ours.

Everything that a case holds has a path: "x", "x.1", "params.W", "dy", "y", "target", "w", "g", "t",
"state.m", "spec.stride" (a hyperparameter). What is answered has one too: "y", "dx", "dparams.W",
"loss", "gradient.0.W", "weights", "state.m". A word of a signature is found by its name: W is
"params.W", dW "dparams.W", stride "spec.stride"; ``Exercise.words`` names the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...reference.protocols import Array, Tree
from ...reference.tree import leaves
from ..tolerances import Key, Values
from .exercise import Exercise, ExerciseError

ASKED = ("", "params.", "params.0.", "spec.", "state.", "x.")  # where an argument may be
BEFORE = {"dx": "x", "dparams": "params", "gradient": "params", "weights": "params"}


@dataclass(frozen=True)
class Result:
    """A result by the learner's word, our key, and the part of our array that the learner has."""

    word: str
    key: Key
    at: Any = ...
    last: bool = False  # the learner has the numbers of all steps, of which this is the last

    def seen(self, array: Any) -> Array:
        """What the learner should have of our array."""
        part: Array = np.asarray(array)[self.at]
        return part


@dataclass(frozen=True)
class Signature:
    """An exercise's words, for a question whose given arrays and expected keys are known."""

    exercise: Exercise
    results: tuple[Result, ...]

    @classmethod
    def of(cls, exercise: Exercise, keys: Iterable[Key]) -> Signature:
        """Find every result among the keys, without their steps; raises ExerciseError."""
        known = dict.fromkeys((quantity.split()[-1], leaf) for quantity, leaf in keys)
        found = (_result(exercise, i, word, known) for i, word in enumerate(exercise.gives))
        return cls(exercise, tuple(found))

    @cached_property
    def keys(self) -> frozenset[Key]:
        """The keys that are asked for."""
        return frozenset(r.key for r in self.results)

    def word(self, key: Key) -> str:
        """The learner's word for a key, whatever its step."""
        plain = key[0].split()[-1], key[1]
        return next((r.word for r in self.results if r.key == plain), " ".join(plain).strip())

    def arguments(self, given: Tree) -> list[Any]:
        """What the function takes, from what the question holds."""
        flat = dict(leaves(given))
        return [self._argument(word, flat) for word in self.exercise.takes]

    def _argument(self, word: str, flat: dict[str, Any]) -> Any:
        named = self.exercise.words.get(word)
        for path in (named,) if named else (place + word for place in ASKED):
            if path in flat:
                value = flat[path]
                return value[self.exercise.views[word]] if word in self.exercise.views else value
        raise ExerciseError(f"{self.exercise.name}: what is the argument {word}? There are "
                            f"{', '.join(flat)}")  # fmt: skip

    def values(self, results: Iterable[Any], given: Tree) -> Values:
        """Our values by key, from the learner's results."""
        flat = dict(leaves(given))
        return {
            r.key: self._whole(r, value, flat)
            for r, value in zip(self.results, results, strict=True)
        }

    def _whole(self, result: Result, value: Any, flat: dict[str, Any]) -> Any:
        array = np.asarray(value)
        if result.last:
            return array[-1] if array.shape == (flat["steps"],) else array
        quantity, leaf = result.key
        like = flat.get(".".join(filter(None, (BEFORE.get(quantity, quantity), leaf))))
        if result.at is ... or like is None or array.shape != np.shape(like[result.at]):
            return array
        whole = np.zeros(np.shape(like), array.dtype)
        whole[result.at] = array
        return whole


def _result(exercise: Exercise, nth: int, word: str, known: dict[Key, None]) -> Result:
    named = exercise.words.get(word, "")
    at = exercise.views.get(word, ...)
    if named == "losses":
        return Result(word, ("loss", ""), at, last=True)
    for path in _places(named or word, bare=not named):
        quantity, _, leaf = path.partition(".")
        if (quantity, leaf) in known:
            return Result(word, (quantity, leaf), at)
    if all(quantity == "y" for quantity, _ in known) and len(known) == len(exercise.gives):
        return Result(word, list(known)[nth], at)  # a formula's results have no names
    listed = ", ".join(".".join(filter(None, key)) for key in known)
    raise ExerciseError(f"{exercise.name}: what is the result {word}? There are {listed}")


def _places(path: str, bare: bool) -> Iterable[str]:
    """Where a result may be: what was params before is weights after."""
    yield path
    if path == "w":
        yield "weights"
    if path.startswith("params."):
        yield path.replace("params.", "weights.", 1)
    if bare:
        yield f"state.{path}"
        if path.startswith("d"):
            for prefix in ("dparams.", "dparams.0.", "gradient."):
                yield prefix + path[1:]
