"""Several methods at once: ``--method a+b`` runs the hooks of both, in that order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from gencl.core.errors import UsageError
from gencl.core.prefixes import under, within
from gencl.learners.learner import Learner
from gencl.methods import returned
from gencl.methods.base import Context, Method, Stage, StepContext
from gencl.scenarios.batch import Batch
from gencl.scenarios.task import Task


class Composed(Method):
    """Runs each hook of several methods in the order given, with these exceptions.

    After a step, methods that hold weights run last. Gradients pass through the methods in the reverse of that order.
    After a task, the method that divides the learner runs first, so that the others measure what the task keeps.

    The own parameters of old tasks move if one method moves them and none must keep them (`Method.moves_old`). At most
    one method may have stages of its own, and at most one may assign units or weights to tasks.
    """

    def __init__(self, methods: Mapping[str, Method]) -> None:
        super().__init__(None)
        self.names, self.methods = list(methods), list(methods.values())
        self.entrywise = all(method.entrywise for method in self.methods)
        self.smallest_batch = max(method.smallest_batch for method in self.methods)
        self.copies = sum(method.copies for method in self.methods)
        wishes = {method.moves_old for method in self.methods}
        self.moves_old = True in wishes and False not in wishes
        self._holding_last = sorted(self.methods, key=lambda method: method.divides or method.holds)
        self._dividing_first = sorted(self.methods, key=lambda method: not method.divides)

    def check(self, learner: Learner, tasks: Sequence[Task] = ()) -> None:
        for method in self.methods:
            method.check(learner, tasks)
        self.stages(0, False)
        together, named = "+".join(self.names), list(zip(self.names, self.methods, strict=True))
        dividing = [name for name, method in named if method.divides]
        if len(dividing) > 1:
            raise UsageError(f"{together}: {' and '.join(dividing)} both divide the learner among tasks")
        if dividing and len(self.episodes(tasks)) < len(tasks):
            raise UsageError(f"{together}: {dividing[0]} needs the tasks one after another")
        again = [name for name, method in named if sum(stage.whole for stage in method.stages(0, False)) > 1]
        for name, method in named:
            if dividing and method.undivided:
                raise UsageError(f"{together}: {name} needs the whole network for each task; {dividing[0]} divides it")
            if again and method.one_path:
                raise UsageError(
                    f"{together}: {name} follows the weights through a task, and {again[0]} trains each task several "
                    "times from its start; with one value for each of its factors it trains a task once"
                )

    def check_extension(self) -> None:
        for method in self.methods:
            method.check_extension()

    def episodes(self, tasks: Sequence[Task]) -> list[Task]:
        for method in self.methods:
            tasks = returned.episodes(method, tasks)
        return list(tasks)

    def stages(self, task: int, last: bool) -> list[Stage]:
        plain = [Stage("train")]
        staged = [stages for method in self.methods if (stages := returned.stages(method, task, last)) != plain]
        if len(staged) > 1:
            raise UsageError(f"{'+'.join(self.names)}: two of these methods have stages of their own")
        return staged[0] if staged else plain

    def before_task(self, ctx: Context) -> None:
        for method in self.methods:
            method.before_task(ctx)

    def enter_stage(self, ctx: Context) -> None:
        for method in self.methods:
            method.enter_stage(ctx)

    def extend_batch(self, ctx: Context, batch: Batch) -> Batch:
        for method in self.methods:
            batch = returned.extended(method, ctx, batch)
        return batch

    def penalty(self, ctx: StepContext) -> Tensor | None:
        terms = [term for method in self.methods if (term := returned.penalty(method, ctx)) is not None]
        return sum(terms[1:], terms[0]) if terms else None

    def adjust_gradients(self, ctx: StepContext) -> None:
        for method in reversed(self._holding_last):
            method.adjust_gradients(ctx)

    def after_step(self, ctx: StepContext) -> None:
        for method in self._holding_last:
            method.after_step(ctx)

    def end_step(self, ctx: StepContext) -> None:
        for method in self.methods:
            method.end_step(ctx)

    def after_task(self, ctx: Context) -> None:
        for method in self._dividing_first:
            method.after_task(ctx)

    def capacity(self, learner: Learner) -> dict[str, float]:
        return {name: share for method in self.methods for name, share in returned.capacity(method, learner).items()}

    def state_dict(self) -> dict[str, Tensor]:
        return {
            name: tensor
            for key, method in zip(self.names, self.methods, strict=True)
            for name, tensor in under(key, returned.state(method)).items()
        }

    def load_state_dict(self, state: dict[str, Tensor], learner: Learner) -> None:
        for key, method in zip(self.names, self.methods, strict=True):
            method.load_state_dict(within(key, state), learner)
