"""Short programs that many learn from: nine lines, eleven lines, and a hidden layer more."""

from collections.abc import Iterable, Iterator

import numpy as np

from ...adapters.protocols import Adapter
from ...reference.layers.dense import Dense
from ...reference.layers.sequential import Sequential
from ...reference.layers.sigmoid import Sigmoid
from ...reference.losses.mean_squared_error import MeanSquaredError
from ...reference.protocols import Array, Tree
from ..passes import forward
from .descent import descend
from .example import Example, Values, right_as_printed
from .scalars import by_name

URL = "https://iamtrask.github.io/2015/07/12/basic-python-network/"
LOSS = MeanSquaredError("sum")
RATE = 0.5  # the programs add the whole gradient of half the sum of squares
ONE_LAYER = Sequential(Dense(3, 1, bias=False), Sigmoid())
TWO_LAYERS = Sequential(Dense(3, 4, bias=False), Sigmoid(), Dense(4, 1, bias=False), Sigmoid())
X = np.array([[0.0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
FIRST_COLUMN, XOR = (np.array([t], np.float64).T for t in ([0, 0, 1, 1], [0, 1, 1, 0]))
NINE_LINES = X[[0, 3, 2, 1]], FIRST_COLUMN[[0, 3, 2, 1]]
LONG, LONGER = 10_000, 60_000


def drawn(*shapes: tuple[int, int]) -> tuple[Array, ...]:
    """Weights as the programs draw them, after np.random.seed(1)."""
    rng = np.random.RandomState(1)
    return tuple(2 * rng.random_sample(shape) - 1 for shape in shapes)


def start(*shapes: tuple[int, int]) -> Tree:
    """The same as the parameters of a network of Dense and Sigmoid."""
    return tuple(p for W in drawn(*shapes) for p in ({"W": W}, {}))


def nine_lines(adapter: Adapter) -> Values:
    """The weights before and after, and what the network makes of a new situation."""
    begin = start((3, 1))
    (end,) = descend(adapter, ONE_LAYER, LOSS, RATE, begin, NINE_LINES, [LONG])
    answer = forward(adapter, ONE_LAYER, end, np.array([[1.0, 0.0, 0.0]]))
    weights = by_name("start", begin[0]["W"]), by_name("end", end[0]["W"])
    return {**weights[0], **weights[1], "[1, 0, 0]": float(answer[0, 0])}


def outputs(
    adapter: Adapter, network: Sequential, begin: Tree, target: Array, stops: Iterable[int]
) -> Iterator[Array]:
    """What the network makes of X after so many steps each."""
    for params in descend(adapter, network, LOSS, RATE, begin, (X, target), stops):
        yield forward(adapter, network, params, X)


def eleven_lines(adapter: Adapter) -> Values:
    """The outputs of the last forward pass, which is before the last update."""
    (y,) = outputs(adapter, ONE_LAYER, start((3, 1)), FIRST_COLUMN, [LONG - 1])
    return by_name("output", y)


def xor(adapter: Adapter) -> Values:
    """The mean error every 10,000 steps, and the outputs of the last forward pass."""
    stops = [*range(0, LONGER, LONG), LONGER - 1]
    *checked, last = outputs(adapter, TWO_LAYERS, start((3, 4), (4, 1)), XOR, stops)
    errors = (np.mean(np.abs(XOR - y)) for y in checked)
    found = {f"error at {t}": float(e) for t, e in zip(stops, errors, strict=False)}
    return found | dict(by_name("output", last))


def figures(**printed: str) -> dict[str, str]:
    """Several figures by one name: "-0.1 0.2" as name 1, name 2."""
    return {f"{k} {i}": s for k, text in printed.items() for i, s in enumerate(text.split(), 1)}


ERRORS = ("0.496410031903", "0.00858452565325", "0.00578945986251", "0.00462917677677",
          "0.00395876528027", "0.00351012256786")  # fmt: skip
LAYER = {"biases": "none", "learning rate": "1, on half the sum of squares",
         "weights": "drawn from [-1, 1) after np.random.seed(1)"}  # fmt: skip
EXAMPLES = (
    Example(
        "spencer-harper", "a 3-1 network, 10,000 steps",
        "Milo Spencer-Harper, a neural network in 9 lines of Python (2015)",
        {"network": "3-1, sigmoid", "x": NINE_LINES[0], "target": NINE_LINES[1].T, **LAYER},
        right_as_printed(figures(
            start="-0.16595599 0.44064899 -0.99977125", end="9.67299303 -0.2078435 -4.62963669"))
        | right_as_printed({"[1, 0, 0]": "0.99993704"}), nine_lines, steps=LONG,
    ),
    Example(
        "trask-two-layers", "a 3-1 network, 10,000 steps",
        "Andrew Trask, A neural network in 11 lines of Python (2015), part 1",
        {"network": "3-1, sigmoid", "x": X, "target": FIRST_COLUMN.T, **LAYER},
        right_as_printed(figures(output="0.00966449 0.00786506 0.99358898 0.99211957")),
        eleven_lines, url=URL, steps=LONG,
        note="What is printed is the last forward pass, which comes before the last update.",
    ),
    Example(
        "trask-xor", "a 3-4-1 network for XOR, 60,000 steps",
        "Andrew Trask, A neural network in 11 lines of Python (2015), part 2",
        {"network": "3-4-1, sigmoid", "x": X, "target": XOR.T, **LAYER},
        right_as_printed({f"error at {k}0000" if k else "error at 0": e
                          for k, e in enumerate(ERRORS)})
        | right_as_printed(figures(output="0.00260572 0.99672209 0.99701711 0.00386759")),
        xor, url=URL, steps=LONGER,
        note="The last digits of the errors in full precision, of which twelve are printed, move "
        "with the version of NumPy.",
    ),
)  # fmt: skip
