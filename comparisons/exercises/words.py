"""A diagnosis in the learner's words: no names of ours, no noise ratios."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..diagnosis.verdicts import Cause, Diagnosis
from ..mutants import mutants
from .exercise import Exercise
from .signature import Signature

TIMES = re.compile(r"^\w+ with (?:its [\w ]+ times|every step times) (.+)$")
FED = re.compile(r"^\w+ fed the gradient times (.+)$")
OURS = re.compile(r"\b(y|dx|dy|dparams|x|params|gradient|weights|state)\[[\"']([\w.]+)[\"']\]")
ALONE = re.compile(r", in (?:layer [\w.]+|every \w+|[^,`]+ alone)")
SEEN = re.compile(r" \(as in .*\)$")
PLACE = re.compile(r" \([\w.]+(, number \d+ of those that look so)?\)")  # in our source
ASIDE = re.compile(r", while .*$")  # of what an exercise does not ask for
SAME = {"-1": ("has the wrong sign", "have the wrong sign"), "0": ("is zero", "are zero")}
PLAINLY = {
    "reduction='sum', not 'mean'": "a sum where a mean is meant",
    "bias=False, not True": "the bias left out",
    "lr=1, not": "the learning rate left out: it is 1, and not",
    "with this mistake: ": "",
}
OTHER = re.compile(r"^(\w+)\(.*\), not (\w+)$")  # another of its kind
PATHS = ("x", "y", "dx", "dy", "target")
WORD = re.compile(r"[a-z]{3,}[ :,']")  # no name of an array, and no formula


def told(found: Diagnosis, signature: Signature, wrong: list[str]) -> str:
    """The likeliest cause in one sentence, without a full stop; "" where none is known."""
    widest = sorted(found.causes, key=lambda cause: " alone" in cause.text)
    known = list(dict.fromkeys(text for c in widest if (text := _of_catalogue(c, signature))))
    if known:
        text = "; or, with the same numbers: ".join(known[:2])
    elif found.causes:
        first = found.causes[0]
        text = _of_constant(first, signature, wrong) or _numbers_of(first, signature)
    else:
        return ""
    return text[0].upper() + text[1:] if WORD.match(text) else text


def _of_catalogue(cause: Cause, signature: Signature) -> str:
    """The description of a known mistake, or of a slip."""
    ids, text = cause.id.split(" + "), cause.id if cause.kind == "a slip" else ""
    if all(name in mutants() for name in ids):
        text = ", and ".join(ASIDE.sub("", mutants()[name].description) for name in ids)
    return _renamed(text, _arrays(cause, signature.exercise))


def _of_constant(cause: Cause, signature: Signature, wrong: list[str]) -> str:
    """Right but for a factor."""
    exercise = signature.exercise
    text = _renamed(ALONE.sub("", cause.text), _arrays(cause, exercise) | exercise.ours)
    if fed := FED.match(text):
        return f"your gradient is the right one times {fed.group(1)}"
    found = TIMES.match(text)
    if not found:
        return ""
    names, several = " and ".join(wrong) or "result", len(wrong) > 1
    if found.group(1) in SAME:
        return f"your {names} {SAME[found.group(1)][several]}"
    return f"your {names} {'are' if several else 'is'} the right numbers times {found.group(1)}"


def _numbers_of(cause: Cause, signature: Signature) -> str:
    """Whose numbers they are."""
    if cause.id == "not deterministic":
        return ("asked twice, it gives different numbers: is something random in it, or kept from "
                "one call to the next?")  # fmt: skip
    if cause.kind == "the candidate itself" or "precision" in cause.kind:
        return cause.text
    text = PLACE.sub("", ALONE.sub("", SEEN.sub("", cause.text)))
    text = re.sub(r"^[A-Z]\w+ (with|of) ", r"the right ones \1 ", text)
    text = OTHER.sub(r"those of \1, not those of \2", text)
    for ours, plain in PLAINLY.items():
        text = text.replace(ours, plain)
    text = OURS.sub(lambda match: _leaf(match, signature), text.replace("self.", ""))
    text = _renamed(text, _arrays(cause, signature.exercise))
    quoted = re.sub("`[^`]+`", lambda match: _renamed(match[0], signature.exercise.ours), text)
    return f"your numbers are {quoted}"


def _leaf(match: re.Match[str], signature: Signature) -> str:
    quantity, leaf = match.groups()
    if quantity in ("x", "params", "dy"):
        return leaf.rpartition(".")[2] if quantity == "params" else match[0]
    return signature.word((quantity, leaf))


def _arrays(cause: Cause, exercise: Exercise) -> dict[str, str]:
    """Our names of arrays to the learner's, where the cause is not in a part that has its own."""
    explanation = cause.explanation
    if explanation is not None and any(e.part.name for e in explanation.elements):
        return {}
    words = {path: word for word, path in exercise.words.items() if path in PATHS}
    return words | ({"prediction": words["x"]} if "target" in words and "x" in words else {})


def _renamed(text: str, words: Mapping[str, str]) -> str:
    """The text with every whole word that is a key replaced, all at once."""
    if not words:
        return text
    either = "|".join(map(re.escape, words))
    return re.sub(rf"(?<![\w.\]])({either})(?!\w)", lambda match: words[match[0]], text)
