"""One name, two rules: where frameworks mean different things by one name, and how far apart.

Each convention is a hyperparameter of the reference, so each framework matches a form of its own to
rounding. A ``Convention`` holds both forms. Compared, every framework runs what it means by the
name, and is judged by the form of the one and then of the other: at home it must match, elsewhere
it must differ, in every step from ``since`` on. ``divergences`` makes the records of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from ..adapters.protocols import Adapter, Candidate
from ..reference.draws import many, normal, steps
from ..reference.optimizers.adafactor import Adafactor
from ..reference.optimizers.adagrad import Adagrad
from ..reference.optimizers.adamw import AdamW
from ..reference.optimizers.amsgrad import AMSGrad
from ..reference.optimizers.lbfgs import LBFGS
from ..reference.optimizers.muon import Muon
from ..reference.optimizers.nadam import NAdam
from ..reference.optimizers.radam import RAdam
from ..reference.optimizers.rmsprop import RMSprop
from ..reference.optimizers.rprop import Rprop
from ..reference.optimizers.scheduled import Scheduled
from ..reference.protocols import Draw
from ..reference.schedules.cosine_decay import CosineDecay
from ..reference.schedules.one_cycle import OneCycle
from ..reference.schedules.plateau import Plateau
from ..reference.schedules.step_decay import StepDecay
from ..reference.schedules.warmup_cosine import WarmupCosine
from ..reference.transforms.clip_by_global_norm import ClipByGlobalNorm
from ..reference.transforms.exponential_average import ExponentialAverage

UPDATES = 12  # of an optimizer


class Form(NamedTuple):
    """What one writes in a framework, and the reference with that framework's conventions."""

    call: str
    spec: Any


@dataclass(frozen=True)
class Convention:
    """One name and its forms, by framework.

    ``apart`` was measured: how far from each other the weights are after ``UPDATES`` updates, as
    a share of the way that the first form goes; of a function, its values as a share of theirs.
    ``since`` is the first update in which they differ; ``x`` draws the weights, or what a function
    acts on.
    """

    id: str
    forms: dict[str, Form]
    reason: str
    source: str
    apart: float
    since: int = 0
    gradient_scale: float = 1.0
    x: Draw = field(default=normal(4, 3))

    @property
    def item(self) -> str:
        """The name in question."""
        spec = next(iter(self.forms.values())).spec
        return type(spec.optimizer if isinstance(spec, Scheduled) else spec).__name__

    def case(self, home: str) -> str:
        """The comparison with the form of one framework, as the tables call it."""
        return f"{self.item}(...) as in {home}: {self.id}"

    def told(self) -> str:
        """The reason with what was measured."""
        calls = " and ".join(form.call for form in self.forms.values())
        return f"{self.reason}. {calls} are {self.apart:.2g} apart"

    def meant_by(self, adapter: Adapter, home: str) -> Adapter:
        """The adapter as it is at home: whatever it is asked for, it runs its own form.

        One that has none of its own runs what it is asked for.
        """
        spec = self.forms.get(adapter.name, self.forms[home]).spec
        own = Candidate(
            adapter.name,
            optimize=lambda _, params, grads: adapter.optimize(spec, params, grads),
            evaluate=lambda _, x, dtype: adapter.evaluate(spec, x, dtype),
        )
        return cast(Adapter, own)


def _sgd_with(scheduler: str) -> str:
    return f"(o := torch.optim.SGD([w], lr=0.1), torch.optim.lr_scheduler.{scheduler})"


CONVENTIONS = [
    Convention(
        "ADAMW-DECAY",
        {"torch": Form("torch.optim.AdamW([w], lr=0.01)", AdamW(0.01)),
         "jax": Form("optax.adamw(0.01)", AdamW(0.01, weight_decay=1e-4))},
        "by default torch decays weights by 1e-2, optax by 1e-4, both times the rate",
        "signatures of torch 2.13.0 and optax 0.2.8",
        apart=0.014,
    ),
    Convention(
        "RMSPROP-DEFAULTS",
        {"torch": Form("torch.optim.RMSprop([w], lr=0.05)", RMSprop(0.05)),
         "jax": Form("optax.rmsprop(0.05)", RMSprop(0.05, 0.9, eps_inside=True))},
        "by default torch forgets squares at 0.99 and adds ε to the root, optax at 0.9 inside it",
        "signatures of torch 2.13.0 and optax 0.2.8",
        apart=0.66,
    ),
    Convention(
        "RMSPROP-EPS",
        {"torch": Form("torch.optim.RMSprop([w], lr=0.05, alpha=0.9)", RMSprop(0.05, 0.9)),
         "jax": Form("optax.rmsprop(0.05, decay=0.9)", RMSprop(0.05, 0.9, eps_inside=True))},
        "torch adds ε to the root, optax inside it: with gradients of 1e-8",
        "optax issue 532",
        apart=1, gradient_scale=1e-8,
    ),
    Convention(
        "RMSPROP-RATE",
        {"torch": Form(
            "(o := torch.optim.RMSprop([w], lr=0.05, alpha=0.9, momentum=0.9), "
            "torch.optim.lr_scheduler.StepLR(o, 6, 0.1))",
            Scheduled(RMSprop(alpha=0.9, momentum=0.9), StepDecay(0.05, 6, 0.1))),
         "jax": Form(
            "optax.rmsprop(optax.exponential_decay(0.05, 6, 0.1, staircase=True), "
            "decay=0.9, eps_in_sqrt=False, momentum=0.9)",
            Scheduled(RMSprop(alpha=0.9, momentum=0.9, lr_in_buffer=True),
                      StepDecay(0.05, 6, 0.1)))},
        "torch multiplies the momentum buffer by the rate of now, optax puts each step into it at "
        "the rate of then: once the rate changes",
        "optax.rmsprop chains scale_by_learning_rate before trace; pytorch issue 44917",
        apart=0.71, since=7,
    ),
    Convention(
        "ADAGRAD-DEFAULTS",
        {"torch": Form("torch.optim.Adagrad([w], lr=0.1)", Adagrad(0.1)),
         "jax": Form("optax.adagrad(0.1)",
                     Adagrad(0.1, initial_accumulator=0.1, eps=1e-7, eps_inside=True))},
        "by default torch's sum of squares starts from 0, optax's from 0.1",
        "signatures of torch 2.13.0 and optax 0.2.8",
        apart=0.098,
    ),
    Convention(
        "ADAGRAD-EPS",
        {"torch": Form("torch.optim.Adagrad([w], lr=0.1, eps=1e-7)", Adagrad(0.1, eps=1e-7)),
         "jax": Form("optax.adagrad(0.1, initial_accumulator_value=0.0)",
                     Adagrad(0.1, eps=1e-7, eps_inside=True))},
        "torch adds ε to the root, optax inside it: with gradients of 1e-8",
        "optax.scale_by_rss, torch.optim.Adagrad",
        apart=1, gradient_scale=1e-8,
    ),
    Convention(
        "AMSGRAD-MAX",
        {"torch": Form("torch.optim.Adam([w], lr=0.1, amsgrad=True)", AMSGrad(0.1)),
         "jax": Form("optax.amsgrad(0.1)", AMSGrad(0.1, corrected_first=True))},
        "torch takes the largest second moment before its bias is corrected, optax after",
        "optax.scale_by_amsgrad, torch.optim.Adam",
        apart=0.22, since=2,
    ),
    Convention(
        "NADAM-MOMENTUM",
        {"torch": Form("torch.optim.NAdam([w], lr=0.1)", NAdam(0.1)),
         "jax": Form("optax.nadam(0.1)", NAdam(0.1, scheduled=False))},
        "torch's momentum follows Dozat's schedule, optax's is constant",
        "the note in optax.nadam; Dozat's report, section 3.6",
        apart=0.51,
    ),
    Convention(
        "RADAM-EPS",
        {"torch": Form("torch.optim.RAdam([w], lr=0.1, betas=(0.9, 0.99))", RAdam(0.1, 0.9, 0.99)),
         "jax": Form("optax.radam(0.1, b2=0.99)", RAdam(0.1, 0.9, 0.99, eps_hat=False))},
        "torch adds ε before the bias is corrected, optax after: with gradients of 1e-8, once the "
        "steps are adaptive",
        "torch.optim.RAdam; torch.optim.Adam does as optax does",
        apart=1.2, since=6, gradient_scale=1e-8,
    ),
    Convention(
        "RPROP-LATE",
        {"torch": Form("torch.optim.Rprop([w], lr=0.1)", Rprop(0.1)),
         "jax": Form("optax.rprop(0.1)", Rprop(0.1, late=True))},
        "optax makes the step of the update before: the first one moves nothing",
        "optax pull request 1725, open with 0.2.8",
        apart=0.18,
    ),
    Convention(
        "ADAFACTOR-DEFAULTS",
        {"torch": Form("torch.optim.Adafactor([w], lr=0.5)", Adafactor(0.5, eps1=2.0**-52)),
         "jax": Form("optax.adafactor(0.5)",
                     Adafactor(0.5, eps_added=True, capped=False, smallest=128))},
        "torch factors every matrix and caps the rate at 1/√t, optax factors from 128 rows and "
        "columns on and has no cap",
        "signatures of torch 2.13.0 and optax 0.2.8",
        apart=0.95,
    ),
    Convention(
        "MUON-DEFAULTS",
        {"torch": Form("torch.optim.Muon([w], lr=0.1)",
                       Muon(0.1, weight_decay=0.1, eps=1e-7, corrected=False, eps_bounds=True)),
         "jax": Form("optax.contrib.muon(0.1)", Muon(0.1))},
        "torch decays weights by 0.1 and corrects no bias of the momentum, optax the reverse",
        "signatures of torch 2.13.0 and optax 0.2.8",
        apart=0.18,
    ),
    Convention(
        "LBFGS-FORM",
        {"torch": Form("torch.optim.LBFGS([w], lr=0.5, max_iter=1, history_size=10)", LBFGS(0.5)),
         "jax": Form("optax.lbfgs(0.5, linesearch=None)",
                     LBFGS(0.5, 10, 2, None, None, None, by_weights=True))},
        "the first step is divided by the gradient's 1-norm in torch, by its 2-norm in optax",
        "torch.optim.LBFGS, optax.scale_by_lbfgs",
        apart=0.91, x=normal(12),
    ),
    Convention(
        "COSINE-END",
        {"torch": Form(_sgd_with("CosineAnnealingLR(o, 4)"), CosineDecay(0.1, 4, returns=True)),
         "jax": Form("optax.cosine_decay_schedule(0.1, 4)", CosineDecay(0.1, 4))},
        "after its end torch's rate comes back up, optax's stays",
        "torch's manual: a restart is not meant, T_max is half a period",
        apart=0.58, x=steps(8),
    ),
    Convention(
        "WARMUP-COSINE-TOTAL",
        {"torch": Form(
            "(o := torch.optim.SGD([w], lr=0.1), torch.optim.lr_scheduler.SequentialLR(o, ["
            "torch.optim.lr_scheduler.LinearLR(o, 0.1, 1.0, 2), "
            "torch.optim.lr_scheduler.CosineAnnealingLR(o, 6)], [2]))",
            WarmupCosine(0.1, 2, 6, start=0.1)),
         "jax": Form("optax.warmup_cosine_decay_schedule(0.01, 0.1, 2, 6)",
                     WarmupCosine(0.1, 2, 4, start=0.1))},
        "optax's decay_steps include the warm-up, torch's T_max does not",
        "optax.warmup_cosine_decay_schedule",
        apart=0.29, x=steps(9),
    ),
    Convention(
        "ONECYCLE-TOTAL",
        {"torch": Form(_sgd_with("OneCycleLR(o, 0.1, 10, cycle_momentum=False)"),
                       OneCycle(0.1, 10)),
         "jax": Form("optax.cosine_onecycle_schedule(10, 0.1)",
                     OneCycle(0.1, 10, inclusive=False))},
        "torch's last update has the final rate, in optax only the one after it",
        "torch's total_steps counts updates, optax's transition_steps intervals",
        apart=0.29, x=steps(10),
    ),
    Convention(
        "PLATEAU-PATIENCE",
        {"torch": Form(_sgd_with("ReduceLROnPlateau(o, factor=0.5, patience=2)"),
                       Plateau((2.0,) * 5, 0.1, 0.5)),
         "jax": Form("optax.contrib.reduce_on_plateau(0.5, 2)",
                     Plateau((2.0,) * 5, 0.1, 0.5, patient=False))},
        "torch waits for one bad loss more than its patience, optax for as many",
        "torch's manual; optax.contrib.reduce_on_plateau",
        apart=0.26, x=steps(6),
    ),
    Convention(
        "CLIP-EPS",
        {"torch": Form("torch.nn.utils.clip_grad_norm_(w, 1e-3)", ClipByGlobalNorm(1e-3, 1e-6)),
         "jax": Form("optax.clip_by_global_norm(1e-3)", ClipByGlobalNorm(1e-3))},
        "torch adds 1e-6 to the norm, optax nothing: with gradients of 1e-3",
        "torch/nn/utils/clip_grad.py",
        apart=0.00028, x=many((4, 3), (3,), scale=1e-3),
    ),
    Convention(
        "EMA-START",
        {"torch": Form("torch.optim.swa_utils.AveragedModel", ExponentialAverage(0.9)),
         "jax": Form("optax.ema(0.9)", ExponentialAverage(0.9, debias=True))},
        "torch's average starts at the first weights, optax's at zero, and is corrected for it",
        "torch.optim.swa_utils.get_ema_multi_avg_fn, optax.ema",
        apart=0.92, x=normal(6, 3),
    ),
]  # fmt: skip
