"""Han, Kamber and Pei, "Data mining": the textbook's network of three layers."""

import numpy as np

from ...adapters.protocols import Adapter
from ...reference.layers.dense import Dense
from ...reference.layers.sequential import Sequential
from ...reference.layers.sigmoid import Sigmoid, sigmoid
from ...reference.losses.mean_squared_error import MeanSquaredError
from ...reference.protocols import Tree
from ..passes import passes
from .descent import descend
from .example import Buggy, Example, Values, right_as_printed, rounded

NETWORK, LOSS = Sequential(Dense(3, 2), Sigmoid(), Dense(2, 1), Sigmoid()), MeanSquaredError()
HIDDEN, THETA = np.array([[0.2, -0.3], [0.4, 0.1], [-0.5, 0.2]]), np.array([-0.4, 0.2])
OUTPUT, THETA6 = np.array([[-0.3], [-0.2]]), np.array([0.1])
PARAMS: Tree = ({"W": HIDDEN, "b": THETA}, {}, {"W": OUTPUT, "b": THETA6}, {})
X, TARGET = np.array([[1.0, 0.0, 1.0]]), np.array([[1.0]])
RATE = 0.9
HALF = 0.5  # the book's error belongs to (T - O)²/2


def one_step(adapter: Adapter) -> Values:
    """Net inputs, outputs, errors, and the updated weights and biases."""
    now = passes(adapter, NETWORK, LOSS, PARAMS, X, TARGET, dloss=HALF)
    _, net, out, net6, out6 = (value[0] for value in now.values)
    error, error6 = -now.cotangents[1][0], -now.cotangents[3][0]
    (new,) = descend(adapter, NETWORK, LOSS, RATE * HALF, PARAMS, (X, TARGET), [1])
    names = ("w14", "w15", "w24", "w25", "w34", "w35", "w46", "w56")
    weights = np.concatenate([new[0]["W"].ravel(), new[2]["W"].ravel()])
    return {
        "I4": net[0], "I5": net[1], "I6": net6[0], "O4": out[0], "O5": out[1], "O6": out6[0],
        "Err6": error6[0], "Err5": error[1], "Err4": error[0],
        **dict(zip(names, weights, strict=True)),
        "theta6": new[2]["b"][0], "theta5": new[0]["b"][1], "theta4": new[0]["b"][0],
    }  # fmt: skip


def three_digits_on_the_way() -> Values:
    """The output is rounded to the three digits that the table shows, and then used."""
    out6 = round(float(sigmoid(np.array(-0.105))), 3)  # .474
    return {"Err6": round(out6 * (1 - out6) * (1 - out6), 4)}


EXAMPLES = (
    Example(
        "han-kamber-pei", "one step of a 3-2-1 network",
        "Han, Kamber, Pei, Data mining: concepts and techniques, section 9.2, tables 9.1 to 9.4",
        {"network": "3-2-1, sigmoid, biases trained", "x": X, "target": TARGET,
         "w14 w15 / w24 w25 / w34 w35": HIDDEN, "w46 w56": OUTPUT.T, "theta4 theta5": THETA,
         "theta6": THETA6, "learning rate": RATE},
        right_as_printed({"I4": "-0.7", "I5": "0.1", "I6": "-0.105", "O4": "0.332", "O5": "0.525",
                          "O6": "0.474"})
        | {"Err6": rounded("0.1311", right="0.1312")}
        | right_as_printed({
            "Err5": "-0.0065", "Err4": "-0.0087", "w46": "-0.261", "w56": "-0.138",
            "w14": "0.192", "w15": "-0.306", "w24": "0.4", "w25": "0.1", "w34": "-0.508",
            "w35": "0.194", "theta6": "0.218", "theta5": "0.194", "theta4": "-0.408"}),
        one_step,
        buggy=Buggy("It computes Err6 from the output as printed, .474.", three_digits_on_the_way),
        note="Err is -dL/dI, for L = (T - O)²/2.",
    ),
)  # fmt: skip
