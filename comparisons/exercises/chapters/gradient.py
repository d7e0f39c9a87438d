"""Chapter 4, the gradient: the chain rule, link by link."""

from __future__ import annotations

import numpy as np

from ....reference.draws import constant, normal, with_exact
from ....reference.layers.dense import Dense
from ....reference.layers.sequential import Sequential
from ....reference.layers.sigmoid import Sigmoid
from ....reference.losses.mean_squared_error import MeanSquaredError
from ....reference.optimizers.sgd import SGD
from ..exercise import Case, Exercise, Learning

MSE = MeanSquaredError()


def _neuron(inputs: int) -> Learning:
    return Learning(Sequential(Dense(inputs, 1), Sigmoid()), MSE, SGD(1.0))


EXERCISES = [
    Exercise(
        name="neuron-gradient",
        chapter=4,
        title="the gradient of one neuron's cost",
        text="""
    z = Σ_i w_i x_i + b                 x, w: (I,)     b, z, a, y: one number
    a = σ(z)                            σ'(z) = a (1 - a)
    C = (a - y)²

    dw_i = ∂C/∂w_i = ∂C/∂a · ∂a/∂z · ∂z/∂w_i            dw: (I,)
    db   = ∂C/∂b   = ∂C/∂a · ∂a/∂z · ∂z/∂b              db: one number
""",
        function="neuron_gradient(x, w, b, y) -> dw, db",
        code='''
def sigmoid(z):
    """Given, in a form in which no exponential overflows."""
    return np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z)))


def neuron_gradient(x, w, b, y):
    """dw and db of C = (a - y)².    x, w, dw: (I,)   b, y, db: one number"""
    a = sigmoid(w @ x + b)
    # Three links of the chain. The first two are the same for dw and db: what is ∂C/∂z?
    raise NotImplementedError("dz = ∂C/∂z")
    # And the last link: how does z change with w_i, and how with b?
    raise NotImplementedError("dw and db")
    return dw, db
''',
        worked=Case("two inputs", _neuron(2), normal(1, 2), normal(1, 1)),
        cases=(
            Case("three inputs", _neuron(3), normal(1, 3), normal(1, 1)),
            Case(
                "inputs that are exactly 0", _neuron(3), with_exact(1, 3, share=0.6), normal(1, 1)
            ),
            Case("a target far away", _neuron(3), normal(1, 3), normal(1, 1, scale=100)),
        ),
        hints=(
            "Write the three links down, each as a number: ∂C/∂a, ∂a/∂z, ∂z/∂w_i.",
            "∂C/∂a of a square keeps a factor and a sign: C grows where a moves away from y.",
            "∂z/∂w_i is the number that w_i is multiplied by; ∂z/∂b is what b is multiplied by.",
        ),
        words={
            "w": "params.0.W",
            "b": "params.0.b",
            "y": "target",
            "dw": "gradient.0.W",
            "db": "gradient.0.b",
        },
        views={
            "w": np.s_[:, 0],
            "b": np.s_[0],
            "x": np.s_[0],
            "y": np.s_[0, 0],
            "dw": np.s_[:, 0],
            "db": np.s_[0],
        },
    ),
    Exercise(
        name="sigmoid-backward",
        chapter=4,
        title="the sigmoid, backward",
        text="""
    a = σ(z),   σ'(z) = σ(z) (1 - σ(z))          z, a, da, dz: any shape, elementwise

Given da = ∂C/∂a, find dz = ∂C/∂z. The forward pass has kept a: nothing has to be computed again.
""",
        function="sigmoid_backward(a, da) -> dz",
        code='''
def sigmoid_backward(a, da):
    """dz from da = ∂C/∂a, and from a = σ(z), which is kept.    a, da, dz: any shape"""
    # The slope of σ, written with a alone; and the chain rule.
    raise NotImplementedError("dz")
''',
        worked=Case("three numbers", Sigmoid(), normal(3)),
        cases=(
            Case("a matrix of numbers", Sigmoid(), normal(3, 4, scale=3)),
            Case("z exactly 0", Sigmoid(), with_exact(2, 3, 5)),
            Case("small slopes, z down to -30", Sigmoid(), constant(-30.0, -17.5, -9.0)),
        ),
        hints=(
            "At z = 0 the slope of σ is 1/4. Put a = 1/2 into yours.",
            "What comes in is a, not z: σ has been applied already, and once is enough.",
            "The chain rule multiplies: what arrives from above, times the slope here.",
        ),
        words={"a": "y", "da": "dy", "dz": "dx"},
    ),
    Exercise(
        name="bug-sigmoid",
        chapter=4,
        title="find the bug: another sigmoid, backward",
        mutant="D11",
        text="""
    a = σ(z) = 1 / (1 + e^-z)           z, a, da, dz: any shape, elementwise

The function below runs, gives the right shape, and is wrong. Repair it.
""",
        function="sigmoid_backward(z, da) -> dz",
        code='''
def sigmoid_backward(z, da):
    """dz = ∂C/∂z from da = ∂C/∂a.    z, da, dz: any shape"""
    a = 1 / (1 + np.exp(-z))
    slope = z * (1 - z)
    return da * slope
''',
        worked=Case("three numbers", Sigmoid(), normal(3)),
        cases=(
            Case("a matrix of numbers", Sigmoid(), normal(3, 4, scale=3)),
            Case("z exactly 0", Sigmoid(), with_exact(2, 3, 5)),
        ),
        hints=(
            "σ rises everywhere, so its slope is positive everywhere. Is it here, for z = 2?",
            "One of the variables is computed and then never used.",
            "σ'(z) = σ(z) (1 - σ(z)): which name has σ(z) in this function?",
        ),
        words={"z": "x", "da": "dy", "dz": "dx"},
    ),
    Exercise(
        name="bug-cost",
        chapter=4,
        title="find the bug: the gradient of the cost",
        mutant="X13",
        text="""
    C = 1/n Σ_i (a_i - y_i)²            a, y, da: (N, O), n = N O numbers     C: one number

The gradient below passes a test with one output. With several it is wrong. Repair it.
""",
        function="cost_gradient(a, y) -> da",
        code='''
def cost_gradient(a, y):
    """da = ∂C/∂a.    a, y, da: (N, O)"""
    n = len(a)
    return 2 * (a - y) / n
''',
        worked=Case("two samples with two outputs", MSE, normal(2, 2), normal(2, 2)),
        cases=(
            Case("one output", MSE, normal(4, 1), normal(4, 1)),
            Case("five samples with three outputs", MSE, normal(5, 3), normal(5, 3)),
            Case("targets that are exactly 0", MSE, normal(4, 2), with_exact(4, 2)),
        ),
        hints=(
            "It is right for one output. What grows with the number of outputs?",
            "Compare your n with the n of the equation for a of shape (5, 3).",
            "len(a) counts rows; the mean is over all numbers.",
        ),
        words={"a": "x", "y": "target", "da": "dx"},
    ),
]
