"""A decision tree in the network's place: small enough to read, and how far it can be believed.

The tree is fitted to what the network says, not to the truth. Its *fidelity* is how often it says
the same as the network on samples that it was not fitted to; its *accuracy*, how often it is right.
A tree of low fidelity explains another machine than the network, however accurate it is.

Source: Craven and Shavlik, "Extracting tree-structured representations of trained networks" (1996).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...adapters.loading import MissingFramework
from ...reference.protocols import Array, Layer, Tree
from ..cases import CaseError

DEPTH = 3
HELD_OUT = 0.3
FEW = 20  # samples with which nothing is fitted


@dataclass(frozen=True)
class Surrogate:
    """The tree in words, and how it does on ``held_out`` samples.

    ``fidelity`` to the network, ``accuracy`` of the tree and ``network_accuracy`` by the labels
    (None where there are none); parts of 1. For a network whose output is no class, fidelity is
    R², the part of the outputs' variance that the tree gives, and there is no accuracy.
    """

    text: str
    depth: int
    held_out: int
    fidelity: float
    accuracy: float | None = None
    network_accuracy: float | None = None


def surrogate_tree(
    network: Layer, params: Tree, x: Array, labels: Array | None = None, *, classes: bool = True,
    depth: int = DEPTH, seed: int = 0, names: list[str] | None = None,
) -> Surrogate:  # fmt: skip
    """Fit a tree of that depth to the network's outputs on the samples x, (N, ...).

    ``classes``: the largest output is the answer; otherwise the outputs are, as numbers. ``labels``
    are the true classes. ``names`` of the inputs, by default x1, x2, ...

    Raises MissingFramework where scikit-learn is not installed, CaseError for fewer than FEW
    samples or labels that do not match.
    """
    if len(x) < FEW:
        raise CaseError(f"a tree fitted to {len(x)} samples says nothing: give {FEW} or more")
    if labels is not None and len(labels) != len(x):
        raise CaseError(f"{len(labels)} labels do not belong to {len(x)} samples")
    if depth < 1:
        raise CaseError(f"a tree needs a depth of 1 or more, not {depth}")
    y, _ = network.forward(params, x)
    answers = y.reshape(len(x), -1).argmax(axis=1) if classes else y.reshape(len(x), -1)
    rows = x.reshape(len(x), -1)
    order = np.random.default_rng(seed).permutation(len(x))
    n = round(HELD_OUT * len(x))
    test, train = order[:n], order[n:]
    tree = _trees()[0 if classes else 1](max_depth=depth, random_state=seed)
    tree.fit(rows[train], answers[train])
    fidelity = float(tree.score(rows[test], answers[test]))
    right: list[float | None] = [None, None]
    if labels is not None and classes:
        said = tree.predict(rows[test]), answers[test]
        right = [float(np.mean(answer == labels[test])) for answer in said]
    text = _text(tree, names or [f"x{i + 1}" for i in range(rows.shape[1])])
    return Surrogate(text, depth, n, fidelity, *right)


def _trees() -> tuple[Any, Any]:
    try:
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
    except ImportError as error:
        raise MissingFramework(
            "a surrogate tree needs scikit-learn: pip install 'backproof[datasets]'"
        ) from error
    return DecisionTreeClassifier, DecisionTreeRegressor


def _text(tree: Any, names: list[str]) -> str:
    from sklearn.tree import export_text

    text: str = export_text(tree, feature_names=names, decimals=3)
    return text.rstrip()
