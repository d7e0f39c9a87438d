"""Chapter 5, the update: a step downhill, and many."""

from __future__ import annotations

import numpy as np

from ....reference.draws import normal, with_exact
from ....reference.layers.dense import Dense
from ....reference.layers.sequential import Sequential
from ....reference.layers.sigmoid import Sigmoid
from ....reference.losses.mean_squared_error import MeanSquaredError
from ....reference.optimizers.sgd import SGD
from ..exercise import Case, Exercise, Learning

WORDS = {"y": "target", "w": "params.0.W", "b": "params.0.b", "costs": "losses", "steps": "steps"}
VIEWS = {"y": np.s_[:, 0], "w": np.s_[:, 0], "b": np.s_[0]}
LOOP = """
    a = σ(x w + b)                      x: (N, I)     w: (I,)     b: one number     a, y: (N,)
    C = 1/N Σ_n (a_n - y_n)²

    in every step:  w ← w - η ∂C/∂w     b ← b - η ∂C/∂b       η: lr
"""


def _neuron(inputs: int, lr: float, steps: int) -> Learning:
    network = Sequential(Dense(inputs, 1), Sigmoid())
    return Learning(network, MeanSquaredError(), SGD(lr), steps, free=True)


EXERCISES = [
    Exercise(
        name="update",
        chapter=5,
        title="one step of gradient descent",
        text="""
    w ← w - η dw                        w, dw: any shape     η: lr, the learning rate

dw points uphill; the cost falls on the other side.
""",
        function="update(w, dw, lr) -> w",
        code='''
def update(w, dw, lr):
    """The weights after one step.    w, dw: any shape   lr: one number"""
    # A new array: whoever called may still need the old one.
    raise NotImplementedError("w")
''',
        worked=Case("three weights, one step", SGD(0.5), normal(3), steps=1),
        cases=(
            Case("three steps of a matrix", SGD(0.1), normal(4, 3)),
            Case("weights that are exactly 0", SGD(0.5), with_exact(5)),
            Case("a large learning rate", SGD(20.0), normal(2, 3)),
        ),
        hints=(
            "Draw a parabola and a point on its right side: which sign has the slope there, and "
            "in which direction is the lowest point?",
            "Both the gradient and the learning rate scale the step.",
            "Old weights, minus learning rate times gradient.",
        ),
        words={"dw": "g"},
    ),
    Exercise(
        name="train",
        chapter=5,
        title="forward, backward, update: a loop",
        text=LOOP,
        function="train(x, y, w, b, lr, steps) -> w, b, costs",
        code='''
def sigmoid(z):
    """Given, in a form in which no exponential overflows."""
    return np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z)))


def train(x, y, w, b, lr, steps):
    """w and b after so many steps, and the cost before each of them.

    x: (N, I)   y: (N,)   w: (I,)   b, lr: one number   costs: a list of ``steps`` numbers
    """
    costs = []
    for _ in range(steps):
        # 1. Forward: the activations a (N,), and the cost, which goes into the list.
        raise NotImplementedError("a, and the cost")
        # 2. Backward: dz (N,), and from it dw (I,) and db: every sample has its part in both.
        raise NotImplementedError("dz, dw and db")
        # 3. Update: new w and new b.
        raise NotImplementedError("w and b")
    return w, b, costs
''',
        worked=Case("two samples, two steps", _neuron(2, 0.5, 2), normal(2, 2), normal(2, 1)),
        cases=(
            Case("five samples, three steps", _neuron(3, 0.5, 3), normal(5, 3), normal(5, 1)),
            Case("one sample", _neuron(2, 0.1, 2), normal(1, 2), normal(1, 1)),
            Case("a large learning rate", _neuron(2, 5.0, 3), normal(4, 2), normal(4, 1)),
        ),
        hints=(
            "Look at the first cost alone: it is that of the weights you were given, before any "
            "step.",
            "C is a mean over N samples, so 1/N is in its gradient; and the square brings a 2.",
            "dz = ∂C/∂a · a (1 - a), one number per sample. dw sums x_n dz_n over the samples, "
            "db sums dz_n.",
        ),
        words=WORDS,
        views=VIEWS,
    ),
    Exercise(
        name="bug-loop",
        chapter=5,
        title="find the bug: a loop that forgets nothing",
        mutant="X119",
        text=LOOP
        + """
The loop below is right in its first step, and wrong from the second on. Repair it.
""",
        function="train(x, y, w, b, lr, steps) -> w, b, costs",
        code='''
def train(x, y, w, b, lr, steps):
    """w and b after so many steps, and the cost before each of them.

    x: (N, I)   y: (N,)   w: (I,)   b, lr: one number   costs: a list of ``steps`` numbers
    """
    costs = []
    dw, db = np.zeros_like(w), 0.0
    for _ in range(steps):
        a = 1 / (1 + np.exp(-(x @ w + b)))
        costs.append(np.mean((a - y) ** 2))
        for n in range(len(x)):
            dz = 2 / len(x) * (a[n] - y[n]) * a[n] * (1 - a[n])
            dw = dw + x[n] * dz
            db = db + dz
        w = w - lr * dw
        b = b - lr * db
    return w, b, costs
''',
        worked=Case("two samples, two steps", _neuron(2, 0.5, 2), normal(2, 2), normal(2, 1)),
        cases=(
            Case("one step", _neuron(3, 0.5, 1), normal(5, 3), normal(5, 1)),
            Case("four steps", _neuron(3, 0.5, 4), normal(5, 3), normal(5, 1)),
        ),
        hints=(
            "Print dw at the beginning of every step. What should it be there?",
            "In the second step the gradient is that of both steps together.",
            "Which line should be run once for every step, and is run once for all?",
        ),
        words=WORDS,
        views=VIEWS,
    ),
]
