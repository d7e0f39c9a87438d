"""deeplearning.ai, "Improving deep neural networks": the two gradient checks of its exercise."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ...adapters.protocols import Adapter
from ...reference.circuit import Circuit
from ...reference.layers.dense import Dense
from ...reference.layers.relu import ReLU
from ...reference.layers.sequential import Sequential
from ...reference.layers.sigmoid import Sigmoid
from ...reference.losses.binary_cross_entropy import BinaryCrossEntropy
from ...reference.losses.binary_cross_entropy_on_probabilities import (
    BinaryCrossEntropyOnProbabilities,
)
from ...reference.protocols import Array, Tree
from ...reference.tree import leaves, tree_map
from ..passes import forward, loss_vjp, passes
from .example import Example, Figure, Values, right_as_printed, unstable
from .scalars import inputs, slopes

SOURCE = "Andrew Ng and others, deeplearning.ai, Improving deep neural networks, gradient checking"
EPSILON = 1e-7
NETWORK = Sequential(Dense(4, 5), ReLU(), Dense(5, 3), ReLU(), Dense(3, 1))
LOSS = BinaryCrossEntropy()  # of logits, as the exercise differentiates it
PROBABILITY = Sequential(NETWORK, Sigmoid())  # as it computes the cost, with what that rounds away
COST = BinaryCrossEntropyOnProbabilities()
TARGET = np.array([[1.0], [1.0], [0.0]])


def line(xp: Any, theta: Any, x: Any) -> Any:
    """The simplest function to check."""
    return theta * x


def line_by_hand(dy: Any, theta: Any, x: Any) -> Tree:
    """Each factor gets the other."""
    return {"theta": dy * x, "x": dy * theta}


LINE = Circuit(line, line_by_hand, (("theta", 4.0), ("x", 2.0)))


def apart(gradient: Array, approximation: Array) -> float:
    """The norm of the difference over the sum of the norms."""
    total = np.linalg.norm(gradient) + np.linalg.norm(approximation)
    return float(np.linalg.norm(gradient - approximation) / total)


def difference(cost: Callable[[float], float], at: float) -> float:
    """The central difference of the exercise."""
    return (cost(at + EPSILON) - cost(at - EPSILON)) / (2 * EPSILON)


def one_number(adapter: Adapter) -> Values:
    """The check of J = theta x."""
    here = {"theta": np.array(4.0), "x": np.array(2.0)}

    def cost(theta: float) -> float:
        return slopes(adapter, LINE, {**here, "theta": np.array(theta)})["y"]

    gradient = slopes(adapter, LINE)["dtheta"]
    return {"difference": apart(np.array([gradient]), np.array([difference(cost, 4.0)]))}


def drawn() -> tuple[Array, Tree]:
    """x and the parameters as the exercise draws them, in our layout."""
    rng = np.random.RandomState(1)
    x = rng.standard_normal((4, 3)).T
    params: list[Tree] = []
    for n_in, n_out in ((4, 5), (5, 3), (3, 1)):
        W, b = rng.standard_normal((n_out, n_in)), rng.standard_normal((n_out, 1))
        params += [{"W": W.T.copy(), "b": b[:, 0]}, {}]
    return x.copy(), tuple(params[:-1])


def cost(adapter: Adapter, like: Tree, theta: Array, x: Array) -> float:
    """The cost as a function of all parameters in one row."""
    sizes = [w.size for _, w in leaves(like)]
    parts = iter(np.split(theta, np.cumsum(sizes)[:-1]))
    params = tree_map(lambda w: next(parts).reshape(w.shape), like)
    probability = forward(adapter, PROBABILITY, (params, {}), x)
    return float(loss_vjp(adapter, COST, probability, TARGET).y)


def in_one_row(tree: Tree) -> Array:
    """Every number of a tree."""
    return np.concatenate([w.ravel() for _, w in leaves(tree)])


def whole_network(adapter: Adapter) -> Values:
    """The check of every parameter: with both planted mistakes, with each alone, with none."""
    x, params = drawn()
    theta, unit = in_one_row(params), np.eye(len(in_one_row(params)))

    def along(direction: Array, value: float) -> float:
        return cost(adapter, params, np.where(direction, value, theta), x)

    approximation = np.array([
        difference(partial(along, direction), value)
        for direction, value in zip(unit, theta, strict=True)
    ])  # fmt: skip
    right = passes(adapter, NETWORK, LOSS, params, x, TARGET).dparams

    def with_mistakes(dW2: float, db1: float) -> float:
        first, relu, second, *rest = right
        first, second = {**first, "b": first["b"] * db1}, {**second, "W": second["W"] * dW2}
        return apart(in_one_row((first, relu, second, *rest)), approximation)

    return {
        "both mistakes": with_mistakes(2, 4), "only dW2": with_mistakes(2, 1),
        "only db1": with_mistakes(1, 4), "repaired": with_mistakes(1, 1),
    }  # fmt: skip


EXAMPLES = (
    Example(
        "gradient-check-1d", "J = theta x, checked by a difference", SOURCE,
        {**inputs(LINE), "epsilon": EPSILON},
        right_as_printed({"difference": "2.919335883291695e-10"}), one_number,
        note="All of it is the rounding of the difference, and the same in every IEEE arithmetic.",
    ),
    Example(
        "gradient-check-nd", "a 4-5-3-1 network with two planted mistakes", SOURCE,
        {"network": "4-5-3-1, ReLU, sigmoid", "target": TARGET.T, "epsilon": EPSILON,
         "x and parameters": "standard normal, after np.random.seed(1)",
         "mistakes": "dW2 times 2, db1 times 4"},
        {"both mistakes": unstable("0.2850931567761623", digits=9),
         "only dW2": Figure("key", right="0.17344197"),
         "only db1": Figure("key", right="0.25442297"),
         "repaired": unstable("1.18904178788e-07", digits=0)}, whole_network,
        note="The exercise has also printed .28509315678069896 and .285093156781, and repaired "
        "1.1890913024229996e-07. What is left after the repair is the rounding of the cost, "
        "divided by epsilon: it changes in the third digit with the BLAS, and is not compared.",
    ),
)  # fmt: skip
