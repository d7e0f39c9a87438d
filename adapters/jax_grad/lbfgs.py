"""L-BFGS in JAX: a rule for the whole network, whose history is a ring of trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import optax

from ...reference.optimizers.lbfgs import LBFGS
from ...reference.protocols import Array, Tree
from ...reference.tree import joined, split, tree_map
from ..protocols import Unsupported
from .registry import Built, build


@dataclass(frozen=True)
class _Ring:
    """optax's trees of stacked arrays as matrices, the newest pair in the last row; and back."""

    params: Tree

    def read(self, opt_state: Any) -> dict[str, Array]:
        """optax.ScaleByLBFGSState in the reference's form."""
        own = opt_state[0]

        def rows(tree: Any) -> Array:
            return np.roll(self._vectors(tree, 1), 1 - own.count, axis=0)

        return {
            "s": rows(own.diff_params_memory), "y": rows(own.diff_updates_memory),
            "rho": np.roll(own.weights_memory, 1 - own.count), "g": self._vectors(own.updates),
            "last": self._vectors(own.params),
        }  # fmt: skip

    def write(self, opt_state: Any, state: dict[str, Array], t: int) -> Any:
        """The state in which optax starts step t."""

        def ring(rows: Array) -> Any:
            return split(self.params, np.roll(rows, t - 2, axis=0))

        now = optax.ScaleByLBFGSState(
            count=np.asarray(t - 1, np.int32), params=split(self.params, state["last"]),
            updates=split(self.params, state["g"]), diff_params_memory=ring(state["s"]),
            diff_updates_memory=ring(state["y"]), weights_memory=np.roll(state["rho"], t - 2),
        )  # fmt: skip
        return (now, *opt_state[1:])

    def _vectors(self, tree: Any, kept: int = 0) -> Array:
        ours = tree_map(lambda _, part: np.asarray(part), self.params, tree)  # JAX sorts the keys
        return np.array(joined(ours, kept))


@build.register
def _(optimizer: LBFGS) -> Built:
    o = optimizer
    if not o.by_weights or o.first_norm != 2 or (o.curvature, o.still, o.descent) != (None,) * 3:
        raise Unsupported("optax.lbfgs takes the difference of the weights for s, the first "
                          "gradient's 2-norm, and has no bounds on pairs and steps")  # fmt: skip
    return optax.lbfgs(o.lr, o.memory, linesearch=None), _Ring
