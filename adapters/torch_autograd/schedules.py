"""Learning-rate schedules in PyTorch: torch.optim.lr_scheduler, stepped after every update."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.optim import lr_scheduler as s

from ...reference.schedules.cosine_decay import CosineDecay
from ...reference.schedules.cosine_restarts import CosineRestarts
from ...reference.schedules.exponential_decay import ExponentialDecay
from ...reference.schedules.linear_rate import LinearRate
from ...reference.schedules.multi_step_decay import MultiStepDecay
from ...reference.schedules.noam import Noam
from ...reference.schedules.one_cycle import OneCycle
from ...reference.schedules.plateau import Plateau
from ...reference.schedules.polynomial_decay import PolynomialDecay
from ...reference.schedules.step_decay import StepDecay
from ...reference.schedules.triangular import Triangular
from ...reference.schedules.warmup_cosine import WarmupCosine
from ..protocols import Unsupported, own_formula
from .registry import evaluate


def _rates(
    lr: float, make: Callable[[torch.optim.Optimizer], Any], t: torch.Tensor,
    metrics: Sequence[float] = (),
) -> torch.Tensor:  # fmt: skip
    """The rates of the updates t, read from the optimizer before each."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=lr)
    scheduler, rates = make(optimizer), []
    for i in range(int(t.max())):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if not metrics:
            scheduler.step()
        elif i < len(metrics):
            scheduler.step(metrics[i])
    return torch.tensor(rates, dtype=torch.float64)[t - 1]


@evaluate.register
def _(schedule: StepDecay, t: torch.Tensor) -> torch.Tensor:
    return _rates(schedule.lr, lambda o: s.StepLR(o, schedule.every, schedule.factor), t)


@evaluate.register
def _(schedule: MultiStepDecay, t: torch.Tensor) -> torch.Tensor:
    milestones = list(schedule.milestones)
    return _rates(schedule.lr, lambda o: s.MultiStepLR(o, milestones, schedule.factor), t)


@evaluate.register
def _(schedule: ExponentialDecay, t: torch.Tensor) -> torch.Tensor:
    return _rates(schedule.lr, lambda o: s.ExponentialLR(o, schedule.factor), t)


@evaluate.register
def _(schedule: LinearRate, t: torch.Tensor) -> torch.Tensor:
    if not 0 < schedule.start <= 1:
        raise Unsupported("torch's LinearLR starts above 0 and at 1 or below")
    c = schedule
    return _rates(c.lr, lambda o: s.LinearLR(o, c.start, c.end, c.total), t)


@evaluate.register
def _(schedule: PolynomialDecay, t: torch.Tensor) -> torch.Tensor:
    if schedule.end:
        raise Unsupported("torch's PolynomialLR ends at 0")
    return _rates(schedule.lr, lambda o: s.PolynomialLR(o, schedule.total, schedule.power), t)


@evaluate.register
def _(schedule: CosineDecay, t: torch.Tensor) -> torch.Tensor:
    if not schedule.returns and int(t.max()) > schedule.total + 1:
        raise Unsupported("torch's CosineAnnealingLR comes back up after its end")
    return _rates(schedule.lr, lambda o: s.CosineAnnealingLR(o, schedule.total, schedule.end), t)


@evaluate.register
def _(schedule: CosineRestarts, t: torch.Tensor) -> torch.Tensor:
    c = schedule
    return _rates(
        c.lr, lambda o: s.CosineAnnealingWarmRestarts(o, c.period, c.growth, c.end), t
    )  # fmt: skip


@evaluate.register
def _(schedule: OneCycle, t: torch.Tensor) -> torch.Tensor:
    c = schedule
    if not c.inclusive:
        raise Unsupported("torch's OneCycleLR gives the last update the final rate")
    return _rates(c.lr, lambda o: s.OneCycleLR(
        o, c.lr, c.total, pct_start=c.rise, cycle_momentum=False, div_factor=c.divisor,
        final_div_factor=c.final_divisor,
    ), t)  # fmt: skip


@evaluate.register
def _(schedule: WarmupCosine, t: torch.Tensor) -> torch.Tensor:
    c = schedule
    if not c.start:
        raise Unsupported("torch's LinearLR starts above 0")
    if int(t.max()) > c.warmup + c.decay + 1:
        raise Unsupported("torch's CosineAnnealingLR comes back up after its end")
    return _rates(c.lr, lambda o: s.SequentialLR(
        o, [s.LinearLR(o, c.start, 1.0, c.warmup), s.CosineAnnealingLR(o, c.decay, c.end)],
        [c.warmup],
    ), t)  # fmt: skip


@evaluate.register
@own_formula("torch has no such schedule: LambdaLR")
def _(schedule: Noam, t: torch.Tensor) -> torch.Tensor:
    w = schedule.warmup
    return _rates(schedule.lr, lambda o: s.LambdaLR(
        o, lambda done: min((done + 1) ** -0.5, (done + 1) * w**-1.5)
    ), t)  # fmt: skip


@evaluate.register
def _(schedule: Triangular, t: torch.Tensor) -> torch.Tensor:
    c = schedule
    return _rates(c.low, lambda o: s.CyclicLR(o, c.low, c.high, c.half, cycle_momentum=False), t)


@evaluate.register
def _(schedule: Plateau, t: torch.Tensor) -> torch.Tensor:
    c = schedule
    if not c.patient:
        raise Unsupported("torch's ReduceLROnPlateau waits for one bad loss more than its patience")
    return _rates(c.lr, lambda o: s.ReduceLROnPlateau(
        o, factor=c.factor, patience=c.patience, threshold=c.threshold, cooldown=c.cooldown,
        min_lr=c.floor * c.lr,
    ), t, c.losses)  # fmt: skip
