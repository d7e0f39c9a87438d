"""Chapter 3, the cost: how wrong is it?"""

from __future__ import annotations

from ....reference.draws import normal, with_exact
from ....reference.losses.mean_squared_error import MeanSquaredError
from ..exercise import Case, Exercise

MSE = MeanSquaredError()

EXERCISES = [
    Exercise(
        name="cost",
        chapter=3,
        title="the mean squared error",
        text="""
    C = 1/n Σ_i (a_i - y_i)²            a, y: any shape, n numbers each     C: one number

a is what the network gave, y what was wanted. The mean is over all numbers.
""",
        function="cost(a, y) -> C",
        code='''
def cost(a, y):
    """C = 1/n Σ_i (a_i - y_i)².    a, y: the same shape, n numbers   C: one number"""
    # The differences, their squares, and one number made of all of them.
    raise NotImplementedError("C")
''',
        worked=Case("three numbers", MSE, normal(3), normal(3)),
        cases=(
            Case("four numbers", MSE, normal(4), normal(4)),
            Case("a batch of 5 with 3 outputs each", MSE, normal(5, 3), normal(5, 3)),
            Case("targets that are exactly 0", MSE, normal(4, 2), with_exact(4, 2)),
        ),
        hints=(
            "A cost is never negative, and it is 0 only where a and y are equal. Is yours?",
            "Twice as many samples, all of the same kind, must not change the cost.",
            "Count the numbers in a matrix: rows times columns. The mean divides by all of them.",
        ),
        words={"a": "x", "y": "target", "C": "y"},
    ),
]
