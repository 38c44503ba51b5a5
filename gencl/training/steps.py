"""One optimiser step of every phase: the order in which learner, method and optimisers act."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor
from torch.optim import Optimizer

from gencl.core.processes import Processes
from gencl.core.randomness import RandomSource
from gencl.learners import returned as of_learner
from gencl.learners.learner import Learner, Phase
from gencl.methods import returned
from gencl.methods.base import Context, Method
from gencl.scenarios.batch import Batch
from gencl.training.acceleration import Acceleration
from gencl.training.averaging import Average
from gencl.training.optimizers import Switch, set_rate


class Steps:
    """The optimiser steps of one stage.

    Args:
        watch: called with the losses by phase before the optimiser moves anything; it may raise. None: no check.
        shape: the shape of a loss: a scalar, or (s,) when s seeds are trained as one.
    """

    def __init__(
        self,
        learner: Learner,
        method: Method,
        phases: Sequence[Phase],
        optimizers: Sequence[Optimizer],
        average: Average,
        processes: Processes,
        random: RandomSource,
        acceleration: Acceleration,
        watch: Callable[[Context, Mapping[str, Tensor]], None] | None,
        shape: tuple[int, ...] = (),
    ) -> None:
        self._method, self._average, self._processes, self._random = method, average, processes, random
        self._parts = [
            (phase, Switch(learner, phase), optimizer) for phase, optimizer in zip(phases, optimizers, strict=True)
        ]
        self._acceleration, self._watch, self._shape = acceleration, watch, shape
        for phase in phases:
            self._forget_gradients(phase)
        self.losses: dict[str, Tensor] = {}
        """The last loss of each phase."""

    @staticmethod
    def _forget_gradients(phase: Phase) -> None:
        """Set the gradients to None, which is faster than optimizer.zero_grad.

        Done after a step, not before the next, so that their memory is free for what follows a stage.
        """
        for parameter in phase.parameters:
            parameter.grad = None

    def take(self, ctx: Context, batch: Batch, rate: float, stopping: bool) -> bool:
        """Take one step at this learning rate, and return whether any process is ``stopping``.

        Several processes on GPUs learn of it some steps late (`Processes.average_gradients`).
        """
        stopped = False
        for phase, switch, optimizer in self._parts:
            within = ctx.within(phase, batch)
            switch.on()
            with self._acceleration.of(ctx.train):
                loss = phase.loss(phase.draw(batch, self._random), ctx.step, self._random)
                loss = of_learner.loss(loss, phase, self._shape)
                penalty = returned.penalty(self._method, within)
            total = loss.sum() if loss.ndim else loss
            (total if penalty is None else total + penalty).backward()
            stopped |= self._processes.average_gradients(phase.parameters, stopping)
            self.losses[phase.name] = loss.detach()
            if self._watch:
                self._watch(ctx, self.losses)
            self._method.adjust_gradients(within)
            set_rate(optimizer, rate if phase.adam_lr is None else rate / ctx.train.lr * phase.adam_lr)
            optimizer.step()
            self._method.after_step(within)
            self._method.end_step(within)
            self._forget_gradients(phase)
        self._average.update(ctx.step)
        return stopped
