"""Learning-rate schedules in PyTorch: torch.optim.lr_scheduler, stepped after every update."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch.optim import lr_scheduler as s

from ...reference.optimizers.scheduled import Scheduled
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
from .registry import Built, Stepping, build, scheduler


class _ToTheEnd(s.CosineAnnealingLR):
    """It refuses to go on where it would come back up."""

    def step(self, epoch: int | None = None) -> None:
        if self.last_epoch >= self.T_max:
            raise Unsupported("torch's CosineAnnealingLR comes back up after its end")
        super().step(epoch)


@scheduler.register
def _(schedule: StepDecay, o: torch.optim.Optimizer) -> Any:
    return s.StepLR(o, schedule.every, schedule.factor)


@scheduler.register
def _(schedule: MultiStepDecay, o: torch.optim.Optimizer) -> Any:
    return s.MultiStepLR(o, list(schedule.milestones), schedule.factor)


@scheduler.register
def _(schedule: ExponentialDecay, o: torch.optim.Optimizer) -> Any:
    return s.ExponentialLR(o, schedule.factor)


@scheduler.register
def _(schedule: LinearRate, o: torch.optim.Optimizer) -> Any:
    if not 0 < schedule.start <= 1:
        raise Unsupported("torch's LinearLR starts above 0 and at 1 or below")
    return s.LinearLR(o, schedule.start, schedule.end, schedule.total)


@scheduler.register
def _(schedule: PolynomialDecay, o: torch.optim.Optimizer) -> Any:
    if schedule.end:
        raise Unsupported("torch's PolynomialLR ends at 0")
    return s.PolynomialLR(o, schedule.total, schedule.power)


@scheduler.register
def _(schedule: CosineDecay, o: torch.optim.Optimizer) -> Any:
    cosine = s.CosineAnnealingLR if schedule.returns else _ToTheEnd
    return cosine(o, schedule.total, schedule.end)


@scheduler.register
def _(schedule: CosineRestarts, o: torch.optim.Optimizer) -> Any:
    c = schedule
    return s.CosineAnnealingWarmRestarts(o, c.period, c.growth, c.end)


@scheduler.register
def _(schedule: OneCycle, o: torch.optim.Optimizer) -> Any:
    c = schedule
    if not c.inclusive:
        raise Unsupported("torch's OneCycleLR gives the last update the final rate")
    return s.OneCycleLR(o, c.lr, c.total, pct_start=c.rise, cycle_momentum=False,
                        div_factor=c.divisor, final_div_factor=c.final_divisor)  # fmt: skip


@scheduler.register
def _(schedule: WarmupCosine, o: torch.optim.Optimizer) -> Any:
    c = schedule
    if not c.start:
        raise Unsupported("torch's LinearLR starts above 0")
    parts = s.LinearLR(o, c.start, 1.0, c.warmup), _ToTheEnd(o, c.decay, c.end)
    return s.SequentialLR(o, list(parts), [c.warmup])


@scheduler.register
@own_formula("torch has no such schedule: LambdaLR")
def _(schedule: Noam, o: torch.optim.Optimizer) -> Any:
    w = schedule.warmup
    return s.LambdaLR(o, lambda done: min((done + 1) ** -0.5, (done + 1) * w**-1.5))


@scheduler.register
def _(schedule: Triangular, o: torch.optim.Optimizer) -> Any:
    return s.CyclicLR(o, schedule.low, schedule.high, schedule.half, cycle_momentum=False)


@scheduler.register
def _(schedule: Plateau, o: torch.optim.Optimizer) -> Any:
    c = schedule
    if not c.patient:
        raise Unsupported("torch's ReduceLROnPlateau waits for one bad loss more than its patience")
    return s.ReduceLROnPlateau(o, factor=c.factor, patience=c.patience, threshold=c.threshold,
                               cooldown=c.cooldown, min_lr=c.floor * c.lr)  # fmt: skip


class _Scheduled:
    """An optimizer whose scheduler takes a step between two updates, as torch's manual has it."""

    def __init__(self, optimizer: Stepping, schedule: Any) -> None:
        self.optimizer, self.state = optimizer, optimizer.state
        own: Any = getattr(optimizer, "optimizer", optimizer)  # torch's, if it is in one of ours
        self.scheduler = scheduler(schedule, own)
        self.losses = iter(getattr(schedule, "losses", ()))  # which a Plateau is told
        self.begun = False

    def step(self) -> None:
        """An update, at the next rate."""
        if self.begun:
            self.advance()
        self.begun = True
        self.optimizer.step()

    def advance(self) -> None:
        """The rate of the next update."""
        if isinstance(self.scheduler, s.ReduceLROnPlateau):
            self.scheduler.step(next(self.losses))
        else:
            self.scheduler.step()


def _first(schedule: Any) -> float:
    return float(getattr(schedule, "lr", 1.0))  # a scheduler starts from the optimizer's own rate


@build.register
def _(optimizer: Scheduled, weights: list[torch.Tensor]) -> Built:
    inner: Any = optimizer.optimizer
    made, state = build(replace(inner, lr=_first(optimizer.schedule)), weights)
    return _Scheduled(made, optimizer.schedule), state


def rates(schedule: Any, t: torch.Tensor) -> torch.Tensor:
    """The rates of the updates t, read from an optimizer after each."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=_first(schedule))
    scheduled, found = _Scheduled(optimizer, schedule), []
    for _ in range(int(t.max())):
        scheduled.step()
        found.append(optimizer.param_groups[0]["lr"])
    return torch.tensor(found, dtype=torch.float64)[t - 1]
