"""Chapter 6, many neurons: matrices, batches, hidden nodes."""

from __future__ import annotations

from ....reference.draws import normal, with_exact
from ....reference.layers.dense import Dense
from ....reference.layers.sequential import Sequential
from ....reference.layers.sigmoid import Sigmoid
from ....reference.losses.mean_squared_error import MeanSquaredError
from ....reference.optimizers.sgd import SGD
from ..exercise import Case, Exercise, Learning

TWO = Sequential(Dense(3, 4), Sigmoid(), Dense(4, 2))

EXERCISES = [
    Exercise(
        name="dense",
        chapter=6,
        title="a layer of neurons, forward",
        text="""
    y = x W + b                         x: (N, I)     W: (I, O)     b: (O,)     y: (N, O)

    y_no = Σ_i x_ni W_io + b_o          sample n, input i, output o
""",
        function="dense(x, W, b) -> y",
        code='''
def dense(x, W, b):
    """y = x W + b.    x: (N, I)   W: (I, O)   b: (O,)   y: (N, O)"""
    # @ is the product of matrices; NumPy adds a row to every row of a matrix by itself.
    raise NotImplementedError("y")
''',
        worked=Case("two samples", Dense(2, 3), normal(2, 2)),
        cases=(
            Case("a batch of 5", Dense(4, 3), normal(5, 4)),
            Case("one input and one output", Dense(1, 1), normal(2, 1)),
            Case("inputs that are exactly 0", Dense(3, 3), with_exact(4, 3)),
            Case("a sequence of 5 positions", Dense(3, 2), normal(2, 5, 3)),
        ),
        hints=(
            "Which axis disappears in the sum? It must be the last of x and the first of W.",
            "Every output has a bias of its own, and every sample gets the same biases.",
            "For a batch of sequences (N, T, I) the very same expression is right, if it uses @ "
            "and no shapes.",
        ),
    ),
    Exercise(
        name="dense-backward",
        chapter=6,
        title="a layer of neurons, backward",
        text="""
    y_no = Σ_i x_ni W_io + b_o          x: (N, I)     W: (I, O)     b: (O,)     y: (N, O)

Given dy = ∂C/∂y (N, O), find dx (N, I), dW (I, O) and db (O,): each by the chain rule,

    ∂C/∂θ = Σ_no ∂C/∂y_no · ∂y_no/∂θ    summed over every y_no in which θ has a part
""",
        function="dense_backward(x, W, dy) -> dx, dW, db",
        code='''
def dense_backward(x, W, dy):
    """dx, dW and db from dy = ∂C/∂y.

    x, dx: (N, I)   W, dW: (I, O)   dy: (N, O)   db: (O,)
    """
    # x_ni has a part in every output o of its own sample n: a sum over o.
    raise NotImplementedError("dx")
    # W_io has a part in output o of every sample n: a sum over n.
    raise NotImplementedError("dW")
    # b_o has a part in output o of every sample n, always with the factor 1.
    raise NotImplementedError("db")
    return dx, dW, db
''',
        worked=Case("two samples", Dense(2, 3), normal(2, 2)),
        cases=(
            Case("a batch of 5", Dense(4, 3), normal(5, 4)),
            Case("a square W", Dense(3, 3), normal(4, 3)),
            Case("a single sample", Dense(3, 2), normal(1, 3)),
            Case("inputs that are exactly 0", Dense(3, 2), with_exact(4, 3)),
        ),
        hints=(
            "Write the shapes down. Which product of two of these matrices, one of them perhaps "
            "transposed, has the shape that is wanted?",
            "The axis that is summed over is the inner axis of the product: o for dx, n for dW.",
            "Sums, not means: if C is a mean over the batch, then 1/N is in dy already.",
        ),
    ),
    Exercise(
        name="hidden-blame",
        chapter=6,
        title="the blame of hidden nodes",
        text="""
    a1 = σ(z1)                          z1, a1: (N, H)
    z2 = a1 W2 + b2                     W2: (H, O)     z2: (N, O)

Given the blame of the outputs, dz2 = ∂C/∂z2 (N, O), find that of the hidden nodes, dz1 (N, H).
""",
        function="hidden_blame(z1, W2, dz2) -> dz1",
        code='''
def sigmoid(z):
    """Given, in a form in which no exponential overflows."""
    return np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z)))


def hidden_blame(z1, W2, dz2):
    """dz1 = ∂C/∂z1.    z1, dz1: (N, H)   W2: (H, O)   dz2: (N, O)"""
    # First back through the weights: the blame of a1, from that of every output it feeds.
    raise NotImplementedError("da1")
    # Then back through the sigmoid.
    raise NotImplementedError("dz1")
    return dz1
''',
        worked=Case("two hidden nodes", Sequential(Sigmoid(), Dense(2, 2)), normal(1, 2)),
        cases=(
            Case("four hidden nodes", Sequential(Sigmoid(), Dense(4, 2)), normal(5, 4)),
            Case(
                "as many outputs as hidden nodes", Sequential(Sigmoid(), Dense(3, 3)), normal(4, 3)
            ),
            Case("z1 exactly 0", Sequential(Sigmoid(), Dense(3, 2)), with_exact(4, 3)),
        ),
        hints=(
            "A hidden node feeds every output, so it gets a part of every output's blame.",
            "The same weights that carry a1 forward carry blame backward: which axis of W2 is "
            "summed over now?",
            "da1 has one number for each hidden node; the slope of σ there is a1 (1 - a1).",
        ),
        words={"z1": "x", "W2": "params.1.W", "dz2": "dy", "dz1": "dx"},
    ),
    Exercise(
        name="bug-dense",
        chapter=6,
        title="find the bug: Dense, backward",
        mutant="X01",
        text="""
    y = x W + b                         x: (N, I)     W: (I, O)     b: (O,)     y: (N, O)

dx, dW and db from dy = ∂C/∂y. A test with one sample passes. Repair it.
""",
        function="dense_backward(x, W, dy) -> dx, dW, db",
        code='''
def dense_backward(x, W, dy):
    """dx (N, I), dW (I, O) and db (O,) from dy (N, O)."""
    dx = dy @ W.T
    dW = x.T @ dy
    db = dy.mean(axis=0)
    return dx, dW, db
''',
        worked=Case("two samples", Dense(2, 2), normal(2, 2)),
        cases=(
            Case("a single sample", Dense(3, 2), normal(1, 3)),
            Case("a batch of 5", Dense(4, 3), normal(5, 4)),
            Case("a square W", Dense(3, 3), normal(4, 3)),
        ),
        hints=(
            "It is right for one sample. What is different for five?",
            "Copy a sample, so that it is in the batch twice: how must each gradient change?",
            "dW sums over the samples, by its product of matrices. Does db?",
        ),
    ),
    Exercise(
        name="bug-two-layers",
        chapter=6,
        title="find the bug: a step of two layers",
        mutant="X12",
        text="""
    a1 = σ(x W1 + b1)                   x: (N, I)      W1: (I, H)     b1: (H,)
    a2 = a1 W2 + b2                     a2, y: (N, O)  W2: (H, O)     b2: (O,)
    C = 1/(N O) Σ_no (a2_no - y_no)²

One step of gradient descent. The cost falls, and yet it is wrong: it is the bug of much code on
the web. Repair it.
""",
        function="step(x, y, W1, b1, W2, b2, lr) -> W1, b1, W2, b2",
        code='''
def step(x, y, W1, b1, W2, b2, lr):
    """All weights after one step.    x: (N, I)   y: (N, O)"""
    # forward
    a1 = 1 / (1 + np.exp(-(x @ W1 + b1)))
    a2 = a1 @ W2 + b2
    # the last layer
    da2 = 2 * (a2 - y) / y.size
    dW2 = a1.T @ da2
    W2 = W2 - lr * dW2
    b2 = b2 - lr * da2.sum(axis=0)
    # the first layer
    da1 = da2 @ W2.T
    dz1 = da1 * a1 * (1 - a1)
    dW1 = x.T @ dz1
    W1 = W1 - lr * dW1
    b1 = b1 - lr * dz1.sum(axis=0)
    return W1, b1, W2, b2
''',
        worked=Case(
            "one sample", Learning(TWO, MeanSquaredError(), SGD(0.5)), normal(1, 3), normal(1, 2)
        ),
        cases=(
            Case(
                "a batch of 5",
                Learning(TWO, MeanSquaredError(), SGD(0.5), steps=2),
                normal(5, 3),
                normal(5, 2),
            ),
            Case(
                "a small learning rate",
                Learning(TWO, MeanSquaredError(), SGD(0.001)),
                normal(4, 3),
                normal(4, 2),
            ),
        ),
        hints=(
            "Every gradient belongs to the same point: the weights that the forward pass used.",
            "The last layer is right. What does the first layer use that is not what it was?",
            "da1 needs W2 as it was in the forward pass. When is W2 replaced?",
        ),
        words={
            "y": "target",
            "W1": "params.0.W",
            "b1": "params.0.b",
            "W2": "params.2.W",
            "b2": "params.2.b",
        },
    ),
]
