"""Runs that differ by their seed alone, trained as one: what they compute in a step is computed for all at once."""

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
    """Why runs of this learner, method and settings cannot be trained as one; None: they can."""
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
    """Trains the runs of several trainers together; each leaves its own run directory, equal to that of a run alone
    within what sums in another order differ by.

    Growth, stages, importance, masks and measures are each run's own. A step is one: parameters are stacked (members,
    ...), losses go through `torch.func.vmap`, and optimiser and method, whose hooks within a step treat parameters
    entry by entry, act on all. A run's cost is its share of what all have cost together, but its peak of memory is
    the whole process's.

    Args:
        trainers: of fresh runs of the same settings but the seed, in one process. Their tasks are of the same numbers
            of classes, which may be others for each seed (``scenario.order: seed``).
    """

    def __init__(self, trainers: Sequence[Trainer]) -> None:
        self.trainers = list(trainers)
        self.members = [trainer.session for trainer in trainers]
        first = self.members[0]
        why = why_not(first.learner, first.method, first.settings)
        if why is not None:
            raise UsageError(f"these runs cannot be trained as one: {why}; train them one by one")

    def fit(self, mode: Mode = "auto") -> None:
        """Learns all tasks. Raises Interrupted when asked to stop, GenclError when a loss is not finite; the runs then
        have checkpoints, and each can go on alone."""
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
        since = first.stopwatch.clock()

        def count_time() -> None:
            nonlocal since
            now = first.stopwatch.clock()
            counted = first.learner.passes.take()  # under vmap each sees its own samples
            for member in self.members:
                member.state.cost.add("train_seconds", (now - since) / len(self.members))
                member.state.cost.add_passes(*counted)
            since = now

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
    """Learners, methods, optimisers and averages of several runs as one, while a stage lasts."""

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
        """The members' methods, optimisers and averages come to where this is; their parameters are there already."""
        method, average = self.method.state_dict(), self.average.tensors()
        optimizers = optimizer_tensors(self.optimizers)
        for index, member in enumerate(self._members):
            member.method.load_state_dict(of_member(method, index), member.learner)
            restore_optimizers(member.optimizers, of_member(optimizers, index))
            member.average.restore(of_member(average, index))
