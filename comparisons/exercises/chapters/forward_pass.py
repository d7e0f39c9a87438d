"""Chapter 2, the forward pass: what a neuron gives."""

from __future__ import annotations

import numpy as np

from ....reference.draws import constant, normal, with_exact
from ....reference.layers.dense import Dense
from ....reference.layers.sequential import Sequential
from ....reference.layers.sigmoid import Sigmoid
from ..exercise import Case, Exercise

NEURON = Sequential(Dense(3, 1), Sigmoid())
OF_ONE = {"x": np.s_[0], "w": np.s_[:, 0], "b": np.s_[0], "a": np.s_[0, 0]}  # sample and output

EXERCISES = [
    Exercise(
        name="sigmoid",
        chapter=2,
        title="the sigmoid function",
        text="""
    a = σ(z) = 1 / (1 + e^-z)           z, a: any shape, elementwise

It squeezes every number into (0, 1), and 0 becomes 1/2.
""",
        function="sigmoid(z) -> a",
        code='''
def sigmoid(z):
    """a = σ(z).    z, a: any shape"""
    # np.exp takes a whole array and works entry by entry, as + and / do: no loop is needed.
    raise NotImplementedError("a")
''',
        worked=Case("three numbers", Sigmoid(), normal(3, scale=2)),
        cases=(
            Case("a matrix of numbers", Sigmoid(), normal(3, 4, scale=3)),
            Case("numbers that are exactly 0", Sigmoid(), with_exact(2, 3, 5)),
            Case("large numbers, up to ±700", Sigmoid(), constant(-700.0, -30.0, 0.0, 15.0, 700.0)),
        ),
        hints=(
            "Try it by hand for z = 0: e^-0 = 1, so a must be 1/2. What does yours give?",
            "σ rises: a large z gives nearly 1, a very negative z nearly 0. Look at the sign in "
            "the exponent, and at what the 1 is added to.",
            "In words: one, divided by the sum of one and the exponential of minus z.",
        ),
        words={"z": "x", "a": "y"},
    ),
    Exercise(
        name="neuron",
        chapter=2,
        title="one neuron, forward",
        text="""
    z = Σ_i w_i x_i + b                 x, w: (I,)     b, z: one number
    a = σ(z)                            a: one number

Every input has a weight; the bias shifts the sum; the sigmoid makes it an activation.
""",
        function="neuron(x, w, b) -> a",
        code='''
def sigmoid(z):
    """Given, in a form in which no exponential overflows."""
    return np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z)))


def neuron(x, w, b):
    """a = σ(Σ_i w_i x_i + b).    x, w: (I,)   b, a: one number"""
    # First z, the weighted sum with the bias: one number. Then its sigmoid.
    raise NotImplementedError("z and a")
''',
        worked=Case("two inputs", Sequential(Dense(2, 1), Sigmoid()), normal(1, 2)),
        cases=(
            Case("three inputs", NEURON, normal(1, 3)),
            Case("inputs that are exactly 0", NEURON, with_exact(1, 3, share=0.6)),
            Case("large inputs", NEURON, normal(1, 3, scale=10)),
        ),
        hints=(
            "How many numbers go in, and how many come out? z is a single number.",
            "A sum of products of two vectors is what w @ x gives. What is still to be added?",
            "Three things happen: products are summed, the bias is added, and then the sigmoid.",
        ),
        words={"w": "params.0.W", "b": "params.0.b", "a": "y"},
        views=OF_ONE,
    ),
]
