"""What a published worked example is: its figures as printed, and how to compute them again."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from ...adapters.protocols import Adapter

DIGITS = sys.float_info.dig  # 15: so many decimal digits every float64 holds, and no more for sure
Verdict = Literal["OK", "X", "R", "D", "key"]
MEANING: dict[Verdict, str] = {
    "OK": "every published digit is reproduced",
    "R": "right up to the source's own rounding",
    "X": "a published figure is wrong",
    "D": "depends on the version or the platform, and is checked as far as it does not",
    "key": "the source prints no result: this is the answer key",
}
Values = Mapping[str, float]


@dataclass(frozen=True)
class Figure:
    """One figure: the digits as printed, and the right ones where they are others.

    ``digits`` is how many significant digits any correct program reproduces: all that are
    printed, but at most 15; fewer where the figure depends on the platform; none where it is
    nothing but rounding. A whole number without a decimal point is meant exactly.
    """

    verdict: Verdict
    printed: str = ""
    right: str = ""
    digits: int = DIGITS

    @property
    def truth(self) -> str:
        """The digits that a correct program must give."""
        return self.right or self.printed


def ok(**printed: str) -> dict[str, Figure]:
    """Figures that are right as printed."""
    return right_as_printed(printed)


def right_as_printed(printed: Mapping[str, str]) -> dict[str, Figure]:
    """The same, for names with spaces or slashes in them."""
    return {name: Figure("OK", digits) for name, digits in printed.items()}


def answers(right: Mapping[str, str]) -> dict[str, Figure]:
    """Figures that the source leaves to the reader."""
    return {name: Figure("key", right=digits) for name, digits in right.items()}


def wrong(printed: str, right: str) -> Figure:
    """A printed figure that is wrong, and what is right."""
    return Figure("X", printed, right)


def rounded(printed: str, right: str) -> Figure:
    """A printed figure that is off by the source's rounding on the way, and what it should be."""
    return Figure("R", printed, right)


def unstable(printed: str, digits: int) -> Figure:
    """A printed figure of which so many digits do not depend on version or platform."""
    return Figure("D", printed, digits=digits)


@dataclass(frozen=True)
class Buggy:
    """A program that makes the mistake behind wrong figures, and gives the digits as printed.

    ``mistake`` says in a sentence what is wrong in it; ``run`` is the program, small and plain.
    """

    mistake: str
    run: Callable[[], Values]

    @property
    def name(self) -> str:
        """The program's name in its file."""
        return self.run.__name__


@dataclass(frozen=True)
class Example:
    """A published worked example: where it stands, what goes in, what is printed, what is true.

    ``compute`` recomputes the figures, and perhaps more, in any adapter's arithmetic.
    """

    name: str
    title: str
    source: str
    inputs: Mapping[str, Any]
    figures: Mapping[str, Figure]
    compute: Callable[[Adapter], Values] = field(repr=False)
    note: str = ""
    url: str = ""
    buggy: Buggy | None = None
    steps: int = 1  # of training: of those with thousands, the tests run one adapter by default

    @property
    def verdict(self) -> Verdict:
        """The gravest of its figures': D only where none is reproduced whole."""
        found = {figure.verdict for figure in self.figures.values()}
        order: tuple[Verdict, ...] = ("X", "R", "OK", "D", "key")
        return next(verdict for verdict in order if verdict in found)


def agrees(value: float, printed: str, digits: int = DIGITS) -> bool:
    """Whether the value, rounded to the digits that are printed, is what is printed.

    Only the first ``digits`` significant ones count. NaN agrees with nothing.
    """
    if not math.isfinite(value) or digits < 1:
        return False
    number = Decimal(printed)
    _, shown, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    exact = "." not in printed and "e" not in printed.lower()
    n = DIGITS if exact else min(len(shown), digits)
    unit = Decimal(1).scaleb(exponent + len(shown) - n)
    return abs(Decimal(float(value)) - number) <= unit / 2


def digits_in_common(value: float, printed: str) -> tuple[int, int]:
    """How many significant digits of those printed the value has, and how many are printed."""
    shown = len(Decimal(printed).as_tuple().digits)
    if agrees(value, printed, 99):
        return shown, shown
    return max((n for n in range(1, shown) if agrees(value, printed, n)), default=0), shown
