"""CS231n, Stanford's course on vision: two circuits drawn with real numbers."""

from typing import Any

from ...reference.circuit import Circuit
from ...reference.protocols import Tree
from .example import Example, right_as_printed
from .scalars import inputs, slopes

SOURCE = "Andrej Karpathy and others, CS231n, notes on backpropagation (2015)"
URL = "https://cs231n.github.io/optimization-2/"


def product(xp: Any, x: Any, y: Any, z: Any) -> Any:
    """The sum of two inputs times the third."""
    return (x + y) * z


def product_by_hand(dy: Any, x: Any, y: Any, z: Any) -> Tree:
    """A sum hands its cotangent on; a factor gets it times the other factor."""
    return {"x": dy * z, "y": dy * z, "z": dy * (x + y)}


def larger(xp: Any, x: Any, y: Any, z: Any, w: Any) -> Any:
    """Twice the sum of a product and a maximum."""
    return 2 * (x * y + xp.maximum(z, w))


def larger_by_hand(dy: Any, x: Any, y: Any, z: Any, w: Any) -> Tree:
    """A maximum hands its cotangent to the larger input, and nothing to the other."""
    d = 2 * dy
    return {"x": d * y, "y": d * x, "z": d * (z > w), "w": d * (w > z)}


PRODUCT = Circuit(product, product_by_hand, (("x", -2.0), ("y", 5.0), ("z", -4.0)))
LARGER = Circuit(larger, larger_by_hand, (("x", 3.0), ("y", -4.0), ("z", 2.0), ("w", -1.0)))
EXAMPLES = (
    Example(
        "cs231n-product", "f = (x + y) z", SOURCE, inputs(PRODUCT),
        right_as_printed({"f": "-12", "dx": "-4", "dy": "-4", "dz": "3"}),
        lambda adapter: slopes(adapter, PRODUCT, value="f"), url=URL,
    ),
    Example(
        "cs231n-max", "f = 2 (x y + max(z, w))", SOURCE, inputs(LARGER),
        right_as_printed({"f": "-20", "dx": "-8", "dy": "6", "dz": "2", "dw": "0"}),
        lambda adapter: slopes(adapter, LARGER, value="f"), url=URL,
        note="The maximum sends the whole cotangent to z, which is the larger, and none to w.",
    ),
)  # fmt: skip
