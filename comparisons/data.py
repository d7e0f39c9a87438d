"""Real data: handwritten digits, and a poem for the models of language."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ..adapters.loading import MissingFramework
from ..reference.protocols import Array

POEM = """'Twas brillig, and the slithy toves
Did gyre and gimble in the wabe:
All mimsy were the borogoves,
And the mome raths outgrabe.

"Beware the Jabberwock, my son!
The jaws that bite, the claws that catch!
Beware the Jubjub bird, and shun
The frumious Bandersnatch!"

He took his vorpal sword in hand;
Long time the manxome foe he sought--
So rested he by the Tumtum tree
And stood awhile in thought.
"""  # Lewis Carroll, Through the Looking-Glass (1871)
CHARACTERS = sorted(set(POEM))
WINDOW = 12
OUTSIDE, BEGINS, INSIDE, ENDS = range(4)


@cache
def digits() -> tuple[Array, Array]:
    """What sklearn.datasets.loaddigits reads, without the three seconds of importing sklearn."""
    sklearn = find_spec("sklearn")
    if sklearn is None or sklearn.origin is None:
        raise MissingFramework(
            "the digits are bundled with scikit-learn, which is not installed: "
            "pip install 'backproof[datasets]'"
        )
    rows = np.loadtxt(Path(sklearn.origin).parent / "datasets/data/digits.csv.gz", delimiter=",")
    return rows[:, :-1] / 16.0, rows[:, -1].astype(np.int64)


def images() -> tuple[Array, Array]:
    """The digits as images of one channel, (N, 1, 8, 8)."""
    x, target = digits()
    return x.reshape(-1, 1, 8, 8), target


def _windows(numbers: list[int]) -> Array:
    return np.lib.stride_tricks.sliding_window_view(np.array(numbers), WINDOW)


def next_characters() -> tuple[Array, Array]:
    """Windows of the poem as numbers of characters, (N, WINDOW), and what follows each of them."""
    windows = _windows([CHARACTERS.index(c) for c in POEM])
    return windows[:-1], windows[1:]


def places_in_words() -> tuple[Array, Array]:
    """Windows of the poem, and whether each character begins a word, is inside, ends one, or none.

    What comes after decides as much as what came before: a task for both directions.
    """
    tags = []
    for before, now, after in zip(" " + POEM, POEM, POEM[1:] + " ", strict=False):
        if not now.isalpha():
            tags.append(OUTSIDE)
        elif not before.isalpha():
            tags.append(BEGINS)
        else:
            tags.append(INSIDE if after.isalpha() else ENDS)
    return _windows([CHARACTERS.index(c) for c in POEM]), _windows(tags)
