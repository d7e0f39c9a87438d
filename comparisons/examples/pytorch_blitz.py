"""PyTorch's tutorial "A 60 minute blitz": the two examples of its chapter on autograd."""

from typing import Any

from ...adapters.protocols import Adapter
from ...reference.circuit import Circuit
from ...reference.protocols import Tree
from .example import Example, Values, right_as_printed
from .scalars import by_name, inputs, vjp

SOURCE = "The PyTorch authors, Deep learning with PyTorch: a 60 minute blitz, autograd"


def cubes(xp: Any, a: Any, b: Any) -> Any:
    """Two numbers at once."""
    return 3 * a**3 - b**2


def cubes_by_hand(dy: Any, a: Any, b: Any) -> Tree:
    """The power rule."""
    return {"a": dy * 9 * a**2, "b": dy * -2 * b}


def mean(xp: Any, x: Any) -> Any:
    """The mean of four numbers."""
    return xp.mean(3 * (x + 2) ** 2)


def mean_by_hand(dy: Any, x: Any) -> Tree:
    """Each of n numbers has a share of 1/n in the mean."""
    return {"x": dy * 6 * (x + 2) / x.size}


CUBES = Circuit(cubes, cubes_by_hand, (("a", (2.0, 3.0)), ("b", (6.0, 4.0))))
MEAN = Circuit(mean, mean_by_hand, (("x", ((1.0, 1.0), (1.0, 1.0))),))


def both(adapter: Adapter) -> Values:
    """dQ/da and dQ/db, for the cotangent (1, 1)."""
    _, gradients = vjp(adapter, CUBES)
    return {**by_name("da", gradients["a"]), **by_name("db", gradients["b"])}


def four(adapter: Adapter) -> Values:
    """The mean and its four slopes."""
    value, gradients = vjp(adapter, MEAN)
    return {"out": float(value), **by_name("dx", gradients["x"])}


EXAMPLES = (
    Example(
        "pytorch-blitz-vector", "Q = 3a³ - b², for two numbers at once", SOURCE, inputs(CUBES),
        right_as_printed({"da 1": "36", "da 2": "81", "db 1": "-12", "db 2": "-8"}), both,
        note="Q is no scalar, so the cotangent (1, 1) has to be given.",
    ),
    Example(
        "pytorch-blitz-mean", "out = mean of 3(x + 2)²", f"{SOURCE} (its older text)", inputs(MEAN),
        right_as_printed({"out": "27", **{f"dx {i}": "4.5" for i in (1, 2, 3, 4)}}), four,
        note="It was once reported (pytorch/tutorials issue 970) that each slope ought to be 18: "
        "that forgets the 1/4 of the mean.",
    ),
)  # fmt: skip
