"""Python Engineer's course on PyTorch, lesson 5: a gradient by hand beside one by autograd."""

import numpy as np

from ...adapters.protocols import Adapter
from ...reference.layers.dense import Dense
from ...reference.losses.mean_squared_error import MeanSquaredError
from ..passes import passes
from .descent import descend
from .example import Buggy, Example, Values, right_as_printed, wrong

LINE, LOSS = Dense(1, 1, bias=False), MeanSquaredError()
X = np.array([[1.0], [2.0], [3.0], [4.0]])
TARGET = 2 * X
PARAMS = {"W": np.array([[0.0]])}
RATE = 0.01
EPOCHS = (1, 3, 5, 11)


def regression(adapter: Adapter) -> Values:
    """The loss and the slope at w = 0, and w after the epochs that are printed."""
    now = passes(adapter, LINE, LOSS, PARAMS, X, TARGET)
    after = descend(adapter, LINE, LOSS, RATE, PARAMS, (X, TARGET), EPOCHS)
    return {
        "loss": float(now.loss), "dw": now.dparams[0]["W"][0, 0],
        **{f"w after {t}": p["W"][0, 0] for t, p in zip(EPOCHS, after, strict=True)},
    }  # fmt: skip


def mean_of_a_sum() -> Values:
    """The dot product is a sum already, and the mean of that one number is itself."""
    x, y, w, found = X.ravel(), TARGET.ravel(), 0.0, dict[str, float]()
    for epoch in range(1, 6):
        dw = np.dot(2 * x, w * x - y).mean()  # right: (2 x (w x - y)).mean()
        found.setdefault("dw", dw)
        w -= RATE * dw
        found[f"w after {epoch}"] = w
    return found


EXAMPLES = (
    Example(
        "python-engineer-05", "a line through four points, by hand and by PyTorch",
        "Patrick Loeber (Python Engineer), PyTorch tutorial 05, before October 2021",
        {"x": X.T, "target": TARGET.T, "w": 0.0, "cost": "mean of squares", "learning rate": RATE},
        {"loss": right_as_printed({"": "30.0"})[""],
         "w after 1": wrong("1.200", right="0.300"), "w after 3": wrong("1.872", right="0.772"),
         "w after 5": wrong("1.980", right="1.113")}
        | right_as_printed({"w after 11": "1.665"}),
        regression,
        buggy=Buggy("It takes the mean of np.dot(...), which is one number: the 1/N is lost, and "
                    "the gradient is 4 times too large.", mean_of_a_sum),
        note="Wrong is the side by hand, dw = -120 where -30 is right. The lesson's own PyTorch "
        "side has .300 after epoch 1 and 1.665 after 11: the two were never compared.",
    ),
)  # fmt: skip
