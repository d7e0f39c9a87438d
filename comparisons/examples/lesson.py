"""The lesson that this project grew from: one neuron, whose backward step was never printed."""

import numpy as np

from ...adapters.protocols import Adapter
from ...reference.layers.dense import Dense
from ...reference.layers.sequential import Sequential
from ...reference.layers.sigmoid import Sigmoid
from ...reference.losses.mean_squared_error import MeanSquaredError
from ...reference.protocols import Tree
from ..passes import passes
from .example import Example, Values, answers, right_as_printed

NEURON = Sequential(Dense(1, 1), Sigmoid())
PARAMS: Tree = ({"W": np.array([[0.5]]), "b": np.array([1.0])}, {})
X, TARGET = np.array([[0.25]]), np.array([[1.0]])
LOGIT = np.log(0.68 / 0.32)  # the net input at which the sigmoid gives .68


def whole(adapter: Adapter) -> Values:
    """Forward, cost, and both slopes."""
    now = passes(adapter, NEURON, MeanSquaredError(), PARAMS, X, TARGET)
    d = now.dparams[0]
    return {
        "z": now.values[1][0, 0], "a": now.values[2][0, 0], "C": float(now.loss),
        "dC/dw": d["W"][0, 0], "dC/db": d["b"][0],
    }  # fmt: skip


def last_neuron(adapter: Adapter) -> Values:
    """The cost, and its slope at the net input."""
    network = Sequential(Sigmoid())
    now = passes(adapter, network, MeanSquaredError(), ({},), np.array([[LOGIT]]), TARGET)
    return {"C": float(now.loss), "dC/dz": now.cotangents[0][0, 0]}


EXAMPLES = (
    Example(
        "lesson", "one sigmoid neuron with the cost (a - y)²",
        "Make School, a lesson on neural networks and backpropagation",
        {"w": 0.5, "b": 1.0, "a before": 0.25, "y": 1.0},
        answers({"z": "1.125", "a": "0.7549149869", "C": "0.0600666637",
                 "dC/dw": "-0.0226726123", "dC/db": "-0.0906904492"}), whole,
        note="The lesson prints the inputs only. It also says that nodes with higher error rates "
        "get lower weights, which is false: see the signs in the example mazur.",
    ),
    Example(
        "lesson-last-neuron", "the last neuron of a chain 1-1-1",
        "Towards Data Science, article cf6714736abf, which the lesson links to",
        {"a": 0.68, "y": 1.0}, right_as_printed({"C": "0.1024", "dC/dz": "-0.139264"}), last_neuron,
        note="C = (.68 - 1)² and dC/dz = 2 (a - y) a (1 - a).",
    ),
)  # fmt: skip
