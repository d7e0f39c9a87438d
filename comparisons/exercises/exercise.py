"""What an exercise is: a text, code with holes, the truth, and the cases that are asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...reference.protocols import Draw, Layer, Loss, Optimizer, Tree

SIGNATURE = re.compile(r"^\s*(\w+)\s*\(([\w\s,]*)\)\s*->\s*([\w\s,]+)$")


class ExerciseError(ValueError):
    """An exercise, or a file of exercises, that cannot be used; the message says why."""


@dataclass(frozen=True)
class Learning:
    """A truth that learns: ``steps`` steps of a network with its loss and its optimizer.

    Each step starts from the right weights; with ``free``, all of them are the learner's.
    """

    network: Layer
    loss: Loss
    optimizer: Optimizer
    steps: int = 1
    free: bool = False


@dataclass(frozen=True, eq=False)
class Formula:
    """A truth of your own: a function of NumPy arrays, by the names of its arguments.

    ``given`` are arguments that are no arrays to be drawn: a step, a function, an exponent.
    ``mistakes`` are wrong functions with the words for what is wrong in each, to be recognised.
    """

    function: Callable[..., Tree]
    given: Mapping[str, Any] = field(default_factory=dict)
    mistakes: Mapping[str, Callable[..., Tree]] = field(default_factory=dict)

    def __call__(self, x: Mapping[str, Any]) -> Tree:
        """The value, an array or a tuple of arrays."""
        return self.function(**x, **self.given)


@dataclass(frozen=True)
class Case:
    """One setting that is asked, and in words when that is.

    ``truth`` is a layer or a network, a loss, an optimizer, a ``Learning`` or a ``Formula``; ``x``
    draws the input, the prediction, the weights, or a dict with the arguments of a formula.
    ``steps`` are those of an optimizer; ``unused`` the parts of y that nothing depends on.
    """

    when: str
    truth: Any
    x: Draw
    target: Draw | None = None
    steps: int = 3
    unused: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    ``function`` is what the learner writes, as "dense_backward(x, W, dy) -> dx, dW, db"; ``code``
    the file's code, with holes. ``words`` says which array of ours a word of the signature is
    where its name does not, and ``views`` which part of it the learner sees (see ``signature``).
    ``worked`` is the example in the file, ``cases`` what is checked, ordinary ones first.
    ``hints`` go from gentle to plain. ``ours`` are names in the reference's own source and what
    the learner calls the same, for messages that quote it. ``mutant`` is the id of the planted bug.

    Raises ExerciseError for what is not usable.
    """

    name: str
    chapter: int
    title: str
    text: str
    function: str
    code: str
    worked: Case
    cases: tuple[Case, ...]
    hints: tuple[str, ...]
    words: dict[str, str] = field(default_factory=dict)
    views: Mapping[str, Any] = field(default_factory=dict)
    ours: dict[str, str] = field(default_factory=dict)
    mutant: str = ""

    def __post_init__(self) -> None:
        """Check what can be checked without running anything."""
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", self.name):
            raise ExerciseError(f"{self.name!r}: a name is lower-case words with - between them")
        if not SIGNATURE.match(self.function):
            wanted = 'a signature such as "dense(x, W, b) -> y"'
            raise ExerciseError(f"{self.name}: function is {wanted}, not {self.function!r}")
        if f"def {self.called}(" not in self.code:
            raise ExerciseError(f"{self.name}: the code defines no function {self.called}")
        if not self.cases:
            raise ExerciseError(f"{self.name}: it has no cases")

    @property
    def called(self) -> str:
        """The name of the function."""
        return self._parts[0]

    @property
    def takes(self) -> tuple[str, ...]:
        """The names of its arguments."""
        return _names(self._parts[1])

    @property
    def gives(self) -> tuple[str, ...]:
        """The names of its results."""
        return _names(self._parts[2])

    @property
    def _parts(self) -> tuple[str, ...]:
        found = SIGNATURE.match(self.function)
        assert found  # as __post_init__ has made sure
        return found.groups()

    @property
    def file(self) -> str:
        """The name of the learner's file."""
        return f"{self.name.replace('-', '_')}.py"


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in listed.split(",") if name.strip())
