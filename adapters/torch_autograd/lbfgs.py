"""L-BFGS in PyTorch: a rule for the whole network, whose history is lists of vectors."""

from __future__ import annotations

import torch

from ...reference.optimizers.lbfgs import LBFGS
from ...reference.protocols import Array
from ..protocols import Unsupported
from .registry import Built, build

SKIPPED_BELOW = 1e-10  # torch leaves out a pair unless s·y is above this


class _OneStep(torch.optim.LBFGS):
    """A step without a line search, from the gradients that are there, whatever the loss."""

    def step(self, closure: None = None) -> torch.Tensor:  # type: ignore[override]
        return super().step(lambda: torch.zeros(()))  # type: ignore[no-untyped-call]


class _History:
    """torch's lists as matrices with the newest pair in the last row, and back."""

    def __init__(self, optimizer: _OneStep, memory: int) -> None:
        self.optimizer, self.memory = optimizer, memory
        self.weights: list[torch.Tensor] = optimizer.param_groups[0]["params"]
        self.none = torch.cat([torch.zeros_like(w).view(-1) for w in self.weights])

    def read(self) -> dict[str, Array]:
        """The state that torch keeps with the first weight."""
        own = self.optimizer.state[self.weights[0]]

        def rows(name: str, nothing: torch.Tensor) -> torch.Tensor:
            kept = own.get(name, [])
            return torch.stack([nothing] * (self.memory - len(kept)) + kept)

        state = {
            "s": rows("old_stps", self.none), "y": rows("old_dirs", self.none),
            "rho": rows("ro", self.none.new_zeros(())),
            "g": own.get("prev_flat_grad", self.none),
            "last": own["d"] * own["t"] if "d" in own else self.none,
        }  # fmt: skip
        return {name: value.numpy().copy() for name, value in state.items()}

    def write(self, state: dict[str, Array], t: int) -> None:
        """Go on from this state."""
        s, y, rho, g, step = (
            torch.from_numpy(state[k].copy()) for k in ("s", "y", "rho", "g", "last")
        )
        own = self.optimizer.state[self.weights[0]] = {"func_evals": 0, "n_iter": 0}
        if not g.any():  # before the first step
            return
        there = rho != 0
        own |= {"n_iter": 1, "d": step, "t": 1.0, "prev_flat_grad": g, "prev_loss": 0.0,
                "old_stps": list(s[there]), "old_dirs": list(y[there]), "ro": list(rho[there]),
                "H_diag": s[-1].dot(y[-1]) / y[-1].dot(y[-1]) if there.any() else 1}  # fmt: skip


@build.register
def _(optimizer: LBFGS, weights: list[torch.Tensor]) -> Built:
    o = optimizer
    if o.by_weights or o.first_norm != 1 or o.still is None or o.descent is None:
        raise Unsupported("torch.optim.LBFGS takes the step it made for s, the first gradient's "
                          "1-norm, and has bounds below which it does not move")  # fmt: skip
    if o.curvature != SKIPPED_BELOW:
        raise Unsupported(f"torch.optim.LBFGS leaves out a pair unless s·y > {SKIPPED_BELOW}")
    lbfgs = _OneStep(weights, lr=o.lr, max_iter=1, history_size=o.memory,
                     tolerance_grad=o.still, tolerance_change=o.descent)  # fmt: skip
    return lbfgs, _History(lbfgs, o.memory)
