"""Train runs that differ only in their seed as one: each step computes the losses of all of them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

from torch import Tensor

from gencl.core.errors import UsageError
from gencl.core.interrupts import StopRequest, stop_on_signal
from gencl.core.progress import Mode, Reporter
from gencl.core.randomness import deterministic
from gencl.core.settings import Settings
from gencl.experiments.stacking import of_member, parted, stacked, stacked_batch, stacked_phase, together
from gencl.learners.learner import Learner
from gencl.methods import building
from gencl.methods.base import Context, Method
from gencl.runs.build import recipe_of, seed_draws_tasks
from gencl.runs.state import optimizer_tensors, restore_optimizers
from gencl.training.acceleration import Acceleration
from gencl.training.divergence import check_losses
from gencl.training.observers import Progress
from gencl.training.session import Session
from gencl.training.steps import Steps
from gencl.training.trainer import Trainer, checkpoint_due


def why_not(learner: Learner, method: Method, settings: Settings) -> str | None:
    """Return why runs of this learner, method and settings cannot be trained as one, or None if they can."""
    every = settings.train_of(1 + len(settings.extend))
    if any(train.compile != "no" for train in every):
        return "train.compile compiles the networks of one"
    if seed_draws_tasks(settings) and any(train.epochs for train in every):
        return "with scenario.order=seed each has other images, and train.epochs other steps"
    if seed_draws_tasks(settings) and not recipe_of(settings).alike:
        return "with scenario.order=seed each has other classes in a task"
    if settings.train.boundaries == "inferred":
        return "train.boundaries=inferred finds other tasks with each seed"
    if settings.evaluate.within == "yes":
        return "evaluate.within looks at each of them while it trains"
    if any(train.patience for train in every):
        return "train.patience ends each at a step of its own"
    if not learner.stacks:
        return "its learner draws within its layers, or normalises by the batch"
    if not method.entrywise:
        return "its method does not treat parameters entry by entry"
    return None


class Ensemble:
    """Trains the runs of several trainers together. Each leaves its own run directory.

    The results equal those of runs trained alone, up to rounding: sums are added in another order.

    Each run grows, enters stages, measures importance, makes masks and is evaluated by itself. The steps are shared:
    parameters are stacked to shape (members, ...), and losses go through `torch.func.vmap`. The optimiser and the
    method act on the stacked parameters, since the method's hooks within a step treat them entry by entry. Each run
    records an equal share of the training time, but the peak memory of the whole process.

    Args:
        trainers: one per run, all in one process. The runs are fresh and differ only in their seed. Their tasks have
            the same numbers of classes, but the classes may differ between seeds (``scenario.order: seed``).

    Raises UsageError if `why_not` names a reason.
    """

    def __init__(self, trainers: Sequence[Trainer]) -> None:
        self.trainers = list(trainers)
        self.members = [trainer.session for trainer in trainers]
        first = self.members[0]
        why = why_not(first.learner, first.method, first.settings)
        if why is not None:
            raise UsageError(f"these runs cannot be trained as one: {why}; train them one by one")

    def fit(self, mode: Mode = "auto") -> None:
        """Learn all tasks.

        Raises Interrupted if a signal asks to stop: each run then has a checkpoint and can continue alone. Raises
        GenclError if a loss is not finite: each run keeps its last good checkpoint, if it has one.
        """
        first = self.members[0]
        total = sum(first.steps_of(task) for task in first.episodes)
        with (
            stop_on_signal() as stop,
            deterministic(first.device),
            Reporter(total, 0, mode) as reporter,
        ):
            progress = Progress(first, reporter)
            for number, task in enumerate(first.episodes):
                contexts = [member.context(member.episodes[number]) for member in self.members]
                for member, ctx in zip(self.members, contexts, strict=True):
                    member.begin(ctx)
                    member.open_source(ctx)
                for place, (stage, end) in enumerate(first.stages(contexts[0])):
                    reporter.doing(f"task {task.name}, {len(self.members)} seeds: {stage}")
                    for member, ctx in zip(self.members, contexts, strict=True):
                        member.enter(ctx, place, stage)
                    with first.learner.passes.counting():
                        self._train_stage(contexts, end, progress, stop)
                reporter.doing(f"task {task.name}, {len(self.members)} seeds: measuring")
                for trainer, ctx in zip(self.trainers, contexts, strict=True):
                    trainer.session.conclude(ctx)
                    trainer.after_task(ctx, *([progress] if trainer.session is first else []))
                if stop and task is not first.episodes[-1]:
                    self._stop(stop)

    def _train_stage(self, contexts: Sequence[Context], end: int, progress: Progress, stop: StopRequest) -> None:
        first = self.members[0]
        since, used = first.stopwatch.clock(), first.stopwatch.cpu()

        def count_time() -> None:
            nonlocal since, used
            now, cpu = first.stopwatch.clock(), first.stopwatch.cpu()
            counted = first.learner.passes.take()  # under vmap this counts the samples of one member
            for member in self.members:
                member.state.cost.add("train_seconds", (now - since) / len(self.members))
                member.state.cost.add("cpu_seconds", (cpu - used) / len(self.members))
                member.state.cost.add_passes(*counted)
            since, used = now, cpu

        stack = Stack(self.members, contexts[0])
        ctx = replace(contexts[0], learner=stack.learner)
        steps = Steps(
            stack.learner,
            stack.method,
            stack.phases,
            stack.optimizers,
            stack.average,
            ctx.processes,
            ctx.random,
            Acceleration(stack.learner),
            self._check_finite if first.device.type == "cpu" else None,
            (len(self.members),),
        )
        while first.state.step < end:
            rate = first.rate(ctx)
            for each in contexts:
                each.step, each.lr = ctx.step, ctx.lr
            batch = stacked_batch([member.batch(each) for member, each in zip(self.members, contexts, strict=True)])
            stopping = steps.take(ctx, batch, rate, bool(stop))
            if checkpoint_due(ctx, ctx.step + 1, stopping):
                stack.hand_back()
                count_time()
            for index, (trainer, each) in reversed(list(enumerate(zip(self.trainers, contexts, strict=True)))):
                moment = trainer.after_step(each, {k: v[index] for k, v in steps.losses.items()}, end, stopping)
            progress.after_step(moment)
            if stopping and first.state.step < ctx.steps:
                self._stop(stop)
        stack.average.take()
        stack.hand_back()
        parted([member.learner for member in self.members])
        count_time()

    def _check_finite(self, ctx: Context, losses: Mapping[str, Tensor]) -> None:
        if all(bool(loss.isfinite().all()) for loss in losses.values()):
            return
        for index, member in enumerate(self.members):
            check_losses(member.recorder, ctx, {name: loss[index] for name, loss in losses.items()})

    def _stop(self, stop: StopRequest) -> NoReturn:
        again = self.members[0].recorder.resume_command
        self.trainers[0].stop(stop, f"each run goes on alone, the first with: {again}")


class Stack:
    """The stacked learner, method, optimisers and averages of several runs, for one stage."""

    def __init__(self, members: Sequence[Session], ctx: Context) -> None:
        self._members, first = members, members[0]
        self.learner = stacked([member.learner for member in members])
        self.method = building.build(first.settings.method)
        self.method.load_state_dict(together([member.method.state_dict() for member in members]), self.learner)
        plain = first.phases_of(self.learner, ctx)
        randoms = [member.random for member in members]
        self.phases = [
            stacked_phase(self.learner, phase, of_members, randoms)
            for phase, *of_members in zip(plain, *(member.phases for member in members), strict=True)
        ]
        self.optimizers = [first.make_optimizer(self.learner, phase, ctx.train) for phase in self.phases]
        restore_optimizers(self.optimizers, together([optimizer_tensors(member.optimizers) for member in members]))
        self.average = first.make_average(self.learner, self.phases, ctx)

    def hand_back(self) -> None:
        """Copy the state of method, optimisers and averages back to the members.

        Their parameters need no copy: they are views of the stacked ones.
        """
        method, average = self.method.state_dict(), self.average.tensors()
        optimizers = optimizer_tensors(self.optimizers)
        for index, member in enumerate(self._members):
            member.method.load_state_dict(of_member(method, index), member.learner)
            restore_optimizers(member.optimizers, of_member(optimizers, index))
            member.average.restore(of_member(average, index))
