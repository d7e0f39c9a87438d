"""What a diagnosis says: where, why, on which evidence, and in words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from ...reference.tree import leaves
from .search import Element, Explanation

UNKNOWN = "unknown"
TOLD = 3  # causes that the same numbers would have, told beside the likeliest


@dataclass(frozen=True)
class Where:
    """The first wrong quantity: at which step (0 where there are none), in which layer.

    ``off`` is the normwise relative error there.
    """

    step: int = 0
    layer: str = ""
    quantity: str = ""
    leaf: str = ""
    off: float = math.nan

    @property
    def name(self) -> str:
        """The quantity and its leaf."""
        return f'{self.quantity}["{self.leaf}"]' if self.leaf else self.quantity


@dataclass(frozen=True)
class Cause:
    """One cause that explains the candidate's numbers, or a part of them.

    ``id`` is the same wherever the cause is found: it holds no sizes and no places. ``kind`` is
    the kind of hypothesis. ``noise_ratio`` is the worst with this cause in the reference's place,
    ``without`` the worst without it; ``bits`` what the cause saves (see ``evidence``).
    ``explains`` are the wrong quantities that it makes right.
    """

    id: str
    kind: str
    text: str
    noise_ratio: float
    without: float
    bits: float
    explains: tuple[str, ...] = ()
    explanation: Explanation | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        """The text and its evidence."""
        return f"{self.text}: {self.evidence}"

    @property
    def evidence(self) -> str:
        """The two noise ratios."""
        if self.explanation is None:  # it was seen, not computed
            return f"noise ratio {self.without:.2g}"
        ratios = f"noise ratio {self.noise_ratio:.2g} under this hypothesis"
        return f"{ratios}, {self.without:.2g} without"


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong with one candidate on one case; ``str`` says it in words.

    ``causes`` explain everything and cannot be told apart on this case, the likeliest first;
    ``partial`` explain a part. ``tried`` counts the proposals by kind of hypothesis. ``answer``
    is why there is none: an exception of the candidate, a result of the wrong form, a question that
    could show no mistake. ``draws`` is how many of an initialiser's told the causes apart.
    """

    candidate: str
    case: str
    where: Where = Where()
    causes: tuple[Cause, ...] = ()
    partial: tuple[Cause, ...] = ()
    tried: dict[str, int] = field(default_factory=dict)
    matches: bool = False
    answer: str = ""
    draws: int = 0

    @property
    def id(self) -> str:
        """The likeliest cause's id; "unknown" without one, "" where nothing is wrong."""
        if self.matches:
            return ""
        return self.causes[0].id if self.causes else UNKNOWN

    @property
    def cause(self) -> str:
        """The likeliest cause in one line, or that it is unknown."""
        if self.matches:
            return "nothing is wrong"
        if self.answer:
            return self.answer
        if self.causes:
            return f"{self.causes[0]}{self._alike()}"
        if self.partial:
            some = "; ".join(f"{', '.join(c.explains[:3])}: {c}" for c in self.partial)
            return f"known for a part of it only. {some}"
        return f"unknown. {self._ruled_out()}"

    def _alike(self) -> str:
        """The causes that have the same numbers on this case."""
        families = {c.id.partition("=")[0]: c for c in reversed(self.causes)}  # one number of each
        others = [c for c in self.causes[1:] if families[c.id.partition("=")[0]] is c]
        if not others:
            return ""
        more = f"; and {len(others) - TOLD} more" if len(others) > TOLD else ""
        listed = "; ".join(c.text for c in others[:TOLD])
        same = "The same numbers, to rounding"
        if self.draws:
            same = f"{self.draws:,} draws do not tell it from"
        return f". {same}: {listed}{more}"

    def _ruled_out(self) -> str:
        counts = (f"{count} of {kind}" for kind, count in self.tried.items())
        by = "each by its draws" if self.draws else "none within rounding of these numbers"
        return f"Ruled out, {by}: {', '.join(counts)}"

    def __str__(self) -> str:
        """Where it goes wrong first, and the cause."""
        if self.matches or not self.where.quantity:
            return f"{self.candidate} on {self.case}: {self.cause}"
        return f"{self.candidate} on {self.case}: {first_wrong(self.where)}; cause: {self.cause}"


def first_wrong(where: Where) -> str:
    """Where it goes wrong first, in words."""
    place = f" of {where.layer}" if where.layer else ""
    step = f" from step {where.step} on" if where.step else ""
    off = f" {where.off:.2g} off" if math.isfinite(where.off) else " wrong"
    return f"{where.name}{place}{step} {'are' if where.quantity == 'weights' else 'is'}{off}"


def told(explanation: Explanation) -> str:
    """The proposals of an explanation in words."""
    since = f", from step {explanation.since} on" if explanation.since else ""
    return ", and ".join(map(_told, explanation.elements)) + since


def _told(element: Element) -> str:
    """A proposal, where it applies, and to what it is limited."""
    return "".join(_pieces(element))


def _pieces(element: Element) -> Iterator[str]:
    part = element.part
    yield element.proposal.text
    if element.only:
        yield f", in {' and '.join(_names(element))} alone"
    if element.every:
        yield f", in every {part.type_name}"
    elif part.name:
        yield f", in layer {part.name}"


def _names(element: Element) -> list[str]:
    """The quantities that it is limited to; their leaves where these are not all there are."""
    call, names = element.part.call(), []
    for quantity in dict.fromkeys(sorted(q for q, _ in element.only)):
        limited = {leaf for q, leaf in element.only if q == quantity}
        if limited == {leaf for leaf, _ in leaves(getattr(call, quantity, None))}:
            names.append(quantity)
        else:
            names += [f'{quantity}["{leaf}"]' if leaf else quantity for leaf in sorted(limited)]
    return names


def same_cause(one: Diagnosis, other: Diagnosis) -> bool:
    """Whether the likeliest cause of one is among those of the other: for keeping it in mind."""
    if not one.causes or not other.causes:
        return one.id == other.id
    return one.id in {c.id for c in other.causes}
