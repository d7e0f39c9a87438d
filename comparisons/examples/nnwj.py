"""The XOR example of nnwj.de, whose hidden update two libraries pin in their own tests."""

import numpy as np

from ...adapters.protocols import Adapter
from ...reference.layers.dense import Dense
from ...reference.layers.sequential import Sequential
from ...reference.layers.sigmoid import Sigmoid, sigmoid
from ...reference.losses.mean_squared_error import MeanSquaredError
from ...reference.protocols import Array, Tree
from ..passes import passes
from .descent import descend
from .example import Buggy, Example, Values, right_as_printed, rounded, wrong

NETWORK = Sequential(Dense(2, 2, bias=False), Sigmoid(), Dense(2, 1, bias=False), Sigmoid())
LOSS = MeanSquaredError()
HIDDEN, OUTPUT = np.array([[0.62, 0.42], [0.55, -0.17]]), np.array([[0.35], [0.81]])
PARAMS: Tree = ({"W": HIDDEN}, {}, {"W": OUTPUT}, {})
X, TARGET = np.array([[0.0, 1.0]]), np.array([[0.0]])
RATE = 0.25


def named(hidden: Array, output: Array) -> Values:
    """Updated weights by the names used here: "x2 to h1"."""
    return {
        **{f"x{i + 1} to h{j + 1}": hidden[i, j] for i in (0, 1) for j in (0, 1)},
        **{f"h{j + 1} to o": output[j, 0] for j in (0, 1)},
    }


def one_step(adapter: Adapter) -> Values:
    """Forward, and the updated weights."""
    now = passes(adapter, NETWORK, LOSS, PARAMS, X, TARGET)
    # The page's cost is (t - o)²/2: half of ours, with half of the rate.
    (new,) = descend(adapter, NETWORK, LOSS, RATE / 2, PARAMS, (X, TARGET), [1])
    (h1, h2), (o,) = now.values[2][0], now.values[4][0]
    return {"h1": h1, "h2": h2, "o": o, **named(new[0]["W"], new[2]["W"])}


def cut(values: Array) -> Array:
    """What nine decimals show: the page cuts the rest off, and goes on with that."""
    shown: Array = np.trunc(1e9 * values) / 1e9
    return shown


def output_error_at_the_hidden_neurons() -> Values:
    """The hidden neurons take the output's error, without its slope and the weight between."""
    h = cut(sigmoid(X @ HIDDEN))
    o = cut(sigmoid(h @ OUTPUT))
    error = TARGET - o
    output = OUTPUT + cut(RATE * h.T @ (error * o * (1 - o)))
    hidden = HIDDEN + cut(RATE * X.T @ (error * h * (1 - h)))  # right: (error o (1 - o)) OUTPUTᵀ
    return {"h1": h[0, 0], "h2": h[0, 1], "o": o[0, 0], **named(hidden, output)}


EXAMPLES = (
    Example(
        "nnwj-xor", "one step of a 2-2-1 network for XOR",
        "nnwj.de, Backpropagation; the same numbers on suhelsayyad's page (2013)",
        {"network": "2-2-1, sigmoid, no biases", "x": X, "target": TARGET, "into h1": HIDDEN[:, 0],
         "into h2": HIDDEN[:, 1], "into o": OUTPUT[:, 0], "learning rate": RATE},
        right_as_printed({"h1": "0.634135591", "h2": "0.457602059", "h2 to o": "0.793109407",
                          "x1 to h1": "0.62", "x1 to h2": "0.42"})
        | {"o": rounded("0.643962658", right="0.643962659"),
           "h1 to o": rounded("0.326593362", right="0.326593361"),
           "x2 to h1": wrong("0.512648936", right="0.5470027204"),
           "x2 to h2": wrong("-0.209958271", right="-0.1774207525")},
        one_step,
        buggy=Buggy("It uses the error of the output at the hidden neurons as it is: the slope of "
                    "the output and the weight in between are missing. It cuts numbers off after "
                    "nine decimals, as the page does.",
                    output_error_at_the_hidden_neurons),
        note="The wrong digits stood as expected values in the unit tests of a C++ and of a Java "
        "library. A test against printed digits is as good as the digits. Two "
        "forward figures are one off in the last place: the page cuts, and does not round.",
    ),
)  # fmt: skip
