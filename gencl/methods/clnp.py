"""Continual learning via neural pruning (Golkar, Kagan & Cho, 2019)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import Parameter

from gencl.core.errors import UsageError
from gencl.core.part import Part
from gencl.core.prefixes import under, within
from gencl.learners.capabilities import CLASSIFIER, UNITS
from gencl.learners.learner import Learner
from gencl.learners.measured import accuracy, mean_activations
from gencl.learners.units import Units
from gencl.methods.base import Context, Stage, StepContext
from gencl.methods.freezing import Freezing
from gencl.methods.thresholds import THRESHOLDS, highest
from gencl.methods.trials import Trials, copied
from gencl.methods.units import weights_between
from gencl.scenarios.task import Task

Factor = Annotated[float, Field(gt=0, le=1000)]
Strength = Annotated[float, Field(ge=0, le=1e6)]


class CLNP(Freezing):
    """Each task keeps the units that are active on its data; later tasks train the others.

    A task is trained with an L1 term on the weights, which leaves units silent. Then (section 2.2, algorithm 1) a unit
    is *active* if its mean activation over the task's data exceeds theta. Theta is the highest threshold at which
    validation accuracy stays within the margin of graceful forgetting. Weights into active units are frozen, at zero if
    they come from inactive units (*interference*). Weights into inactive units are *free*: they return to their initial
    values for the next task, which may use all active units. Old outputs therefore stay the same, bit for bit.

    With one head per task, every task uses all units active so far. With one head for all (``model.heads: domain``), a
    task uses only the units that it added in the last hidden layer (figure 2, right), so that the head can be shared.
    Once no unit of that layer is free, a new task cannot be learned: its gates are closed and the network does not
    change, so that earlier tasks stay as they are.

    ``finetune`` retrains the active units' weights after pruning, for a share of the task's steps. The learning rate is
    a tenth, and L1 goes on (section 3.2).

    Graceful forgetting (section 2.4) is a choice made per task. With ``l1_factors`` and ``lr_factors``, the task is
    trained once per pair of factors, always from the same start. Each model within the margin of the best validation
    accuracy is pruned as far as the margin allows. The one that takes the fewest units is kept. All trials together
    have the steps of one task; raise ``train.steps`` to give each trial that many.

    A task that comes back uses the units of its first visit. Nothing is pruned, and only its own head moves. A
    departure from the paper: thresholds are relative to each layer's mean activation.
    """

    class Settings(Part):
        """L1, the margin, and fine-tuning."""

        l1: Strength | list[Strength] = Field(
            1e-5, description="strength of the L1 penalty on weights; a list: one strength per layer, the head last"
        )
        margin: float = Field(0.0005, ge=0, lt=1, description="accuracy that pruning may cost, between 0 and 1")
        l1_factors: list[Factor] = Field([1.0], min_length=1, description="factors on l1 that each task tries")
        lr_factors: list[Factor] = Field([1.0], min_length=1, description="factors on train.lr that each task tries")
        finetune: float = Field(0.0, ge=0, lt=1, description="share of a task's steps for fine-tuning after pruning")

    needs = (UNITS, CLASSIFIER)
    copies = 4.25
    grid = {"l1": (1e-6, 1e-5, 1e-4), "margin": (0.0005, 0.002)}
    settings: Settings

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.active: list[Tensor] = []
        """The units that any task so far uses: one bool mask (units,) per hidden layer."""
        self._initial: dict[str, Tensor] = {}
        self._trials = Trials()
        self._costs: list[tuple[float, Parameter]] = []

    def check(self, learner: Learner, tasks: Sequence[Task] = ()) -> None:
        super().check(learner, tasks)
        if any(not len(task.validation) for task in tasks):
            raise UsageError(
                "method clnp chooses what to prune on validation data, and there are none: --set data.validation=0.1"
            )
        units = UNITS(learner)
        layers = len(units.layers) + (not units.head_is_shared)
        if isinstance(self.settings.l1, list) and len(self.settings.l1) != layers:
            raise UsageError(f"method.l1: {self.settings.l1} must have a value for each of the {layers} layers")

    def _pairs(self) -> list[tuple[float, float]]:
        """Return the pairs of factors on L1 and learning rate that each task tries."""
        return [(l1, lr) for l1 in self.settings.l1_factors for lr in self.settings.lr_factors]

    def _names(self) -> list[str]:
        """Return the names of the trials' stages."""
        pairs = self._pairs()
        return [f"train, l1 times {l1:g}, lr times {lr:g}" if len(pairs) > 1 else "train" for l1, lr in pairs]

    def _trial(self, ctx: Context) -> int:
        """Return the number of the trial that the stage trains or fine-tunes."""
        names = self._names()
        return names.index(ctx.stage.name) if ctx.stage.name in names else self._trials.chosen

    def stages(self, task: int, last: bool) -> list[Stage]:
        share, pairs = self.settings.finetune, self._pairs()
        each = (1 - share) / len(pairs)
        trials = [Stage(n, each, lr=lr, whole=len(pairs) > 1) for n, (_, lr) in zip(self._names(), pairs, strict=True)]
        return [*trials, Stage("finetune", share, lr=0.1)] if share else trials

    def before_task(self, ctx: Context) -> None:
        super().before_task(ctx)
        if ctx.learner.returns(ctx.task.index):
            return self.freeze_shared(ctx.learner)
        shared = (units := UNITS(ctx.learner)).parameters
        if not self.active:
            self._initial = {name: parameter.detach().clone() for name, parameter in shared.items()}
            device = ctx.learner.position.device
            self.active = [torch.zeros(layer.units, dtype=torch.bool, device=device) for layer in units.hidden]
        frozen = self._frozen(units)
        with torch.no_grad():
            for name, mask in frozen.items():
                shared[name].copy_(torch.where(mask, shared[name], self._initial[name]))
        self.freeze(frozen)
        usable = [torch.ones_like(mask) for mask in self.active]
        if units.head_is_shared:
            usable[-1] = ~self.active[-1]
            if not bool(usable[-1].any()):
                usable = [torch.zeros_like(mask) for mask in self.active]
                warnings.warn(
                    f"task {ctx.task.name} cannot be learned: earlier tasks have taken all units of the last hidden "
                    "layer, and with one head for all they cannot be shared; raise method.margin or method.l1, or "
                    "widen the layer",
                    stacklevel=2,
                )
        self._close(units, ctx, usable)
        self._trials = Trials()

    def _frozen(self, units: Units) -> dict[str, Tensor]:
        return weights_between(units.layers, units.parameters, self.active, incoming=True)

    def penalty(self, ctx: StepContext) -> Tensor | None:
        if not self.settings.l1:
            return None
        self._costs = self._costs or self._costs_of(ctx)
        return torch.stack([strength * weight.abs().sum() for strength, weight in self._costs]).sum()

    def _costs_of(self, ctx: Context) -> list[tuple[float, Parameter]]:
        """Return each weight that the task learns, after the strength of L1 on it in the present stage."""
        units, l1 = UNITS(ctx.learner), self.settings.l1
        layers = [[units.parameters[name] for name in layer.weights] for layer in units.layers]
        head = [p for p in ctx.learner.own(ctx.task.index).values() if p.ndim > 1]
        layers += [head] if head else []
        factor, strengths = self._pairs()[self._trial(ctx)][0], l1 if isinstance(l1, list) else [l1] * len(layers)
        return [(factor * s, weight) for s, layer in zip(strengths, layers, strict=True) for weight in layer]

    def enter_stage(self, ctx: Context) -> None:
        self._costs = []
        if ctx.learner.returns(ctx.task.index):
            return
        if ctx.stage.name == "finetune":
            units = UNITS(ctx.learner)
            kept = weights_between(units.layers, units.parameters, self._choose(ctx))
            self.freeze({name: mask | ~kept[name] for name, mask in self._frozen(units).items()})
        elif len(self._pairs()) > 1:
            self._trials.begin(ctx, self._trial(ctx), self.settings.margin)

    def after_task(self, ctx: Context) -> None:
        if ctx.learner.returns(ctx.task.index):
            return
        used = self._used(ctx) if self.settings.finetune else self._choose(ctx)
        self.active = [before | now for before, now in zip(self.active, used, strict=True)]
        self._trials = Trials()

    def _choose(self, ctx: Context) -> list[Tensor]:
        """Prune the models within the margin of the best, load the one that takes the fewest units into the learner,
        and return the units that it uses."""
        if not any(bool(mask.any()) for mask in self._used(ctx)):
            return [torch.zeros_like(mask) for mask in self.active]
        self._trials.end(ctx, self.settings.margin)
        floor = self._trials.best - self.settings.margin
        pruned: list[tuple[int, float, int, dict[str, Tensor], list[Tensor]]] = []
        for number, (reached, model) in self._trials.models.items():
            if model:  # empty with one trial: the learner is the model
                ctx.learner.load_state_dict(model)
            used = self._prune(ctx, floor)
            taken = sum(int((before | now).sum()) for before, now in zip(self.active, used, strict=True))
            pruned.append((taken, -reached, number, copied(ctx.learner) if model else {}, used))
        *_, self._trials.chosen, model, used = min(pruned, key=lambda one: one[:2])
        if model:
            ctx.learner.load_state_dict(model)
        return used

    @torch.no_grad()
    def _prune(self, ctx: Context, floor: float) -> list[Tensor]:
        """Close the units that the task does not need for an accuracy of ``floor``, cut interference, and return the
        units that it uses."""
        learner, units = CLASSIFIER(ctx.learner), UNITS(ctx.learner)
        mean, opened_units = mean_activations(learner, ctx.task.train), self._used(ctx)

        def at(step: int) -> list[Tensor]:
            return [
                ((value > THRESHOLDS[step] * value[opened].mean()) | before) & opened
                for value, before, opened in zip(mean, self.active, opened_units, strict=True)
            ]

        def holds(step: int) -> bool:
            chosen = at(step)
            self._close(units, ctx, chosen)
            return all(bool(some.any()) for some in chosen) and accuracy(learner, ctx.task.validation) >= floor

        step = highest(holds)
        best = opened_units if step is None else at(step)
        self._close(units, ctx, best)
        reached = [before | now for before, now in zip(self.active, best, strict=True)]
        layers, shared = units.layers, units.parameters
        incoming = weights_between(layers, shared, reached, incoming=True)
        between = weights_between(layers, shared, reached)
        for name in {name for layer in layers for name in layer.weights}:
            shared[name].masked_fill_(incoming[name] & ~between[name], 0)
        return best

    @staticmethod
    def _used(ctx: Context) -> list[Tensor]:
        """Return the units that the task uses, one bool mask per hidden layer."""
        return UNITS(ctx.learner).used(ctx.learner.groups_of([ctx.task.index])[-1])

    @staticmethod
    def _close(units: Units, ctx: Context, opened: list[Tensor]) -> None:
        (group,) = ctx.learner.groups_of([ctx.task.index])
        units.gates.store(group, [mask.float() for mask in opened])

    def capacity(self, learner: Learner) -> dict[str, float]:
        return UNITS(learner).taken()

    def state_dict(self) -> dict[str, Tensor]:
        active = {f"active.{number}": mask for number, mask in enumerate(self.active)}
        state = {**super().state_dict(), **active, **under("initial", self._initial)}
        return {**state, **under("trials", self._trials.state_dict())}

    def load_state_dict(self, state: dict[str, Tensor], learner: Learner) -> None:
        super().load_state_dict(state, learner)
        masks = within("active", state)
        self.active = [masks[str(number)] for number in range(len(masks))]
        self._initial = within("initial", state)
        self._trials = Trials()
        self._trials.load_state_dict(within("trials", state))
