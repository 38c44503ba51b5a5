"""A deep Q-network that plays one game after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn
from torch.nn import Parameter

from gencl.core.errors import UsageError
from gencl.core.part import Part
from gencl.core.randomness import RandomSource, seeded
from gencl.learners.learner import Learner, Phase, ScalarKind
from gencl.learners.networks.action_values import ActionValues
from gencl.learners.networks.precision import at_least_float32
from gencl.learners.parts import own_in, shared_in
from gencl.learners.softmax import softmax_scalars
from gencl.scenarios.batch import Batch
from gencl.scenarios.game import ACTIONS
from gencl.scenarios.play import games_of
from gencl.scenarios.player import Recall
from gencl.scenarios.task import Task

SAMPLES = 3200
"""Frames on which importance is measured unless a number is given: a hundred batches of 32."""


class DQNSettings(Part):
    """Settings of the deep Q-network (``model.*``)."""

    name: Literal["dqn"] = "dqn"
    channels: int = Field(16, ge=1, le=4096, description="output channels of the convolution")
    hidden: int = Field(128, ge=1, le=65_536, description="units of the fully connected layer")
    gamma: float = Field(0.99, ge=0, lt=1, description="discount factor of future rewards, per frame")
    target: int = Field(250, ge=1, le=10**7, description="updates from one copy of the target network to the next")
    double: Literal["no", "yes"] = Field(
        "yes", description="whether the online network chooses the next action (double DQN)"
    )
    explore: int = Field(
        100_000, ge=1, le=10**9, description="frames of a visit over which the share of random actions falls to epsilon"
    )
    epsilon: float = Field(0.1, ge=0, le=1, description="final share of random actions; it starts at 1")


class DQN(Learner):
    """Learns Q(s, a), the expected future reward, from a replay memory of its own play (Mnih et al., Nature 2015).

    The loss of a frame is the Huber loss of Q(s, a) - (r + gamma Q'(s', a')): the squared error with its derivative
    clipped to [-1, 1]. After the end of an episode, Q' counts as 0. Q' is the target network, a copy of Q taken every
    ``target`` updates. a' is the best action by Q (double DQN: van Hasselt et al. 2016), or by Q'.

    Shared: the weights. Own: a game's gains and biases on each layer (`ActionValues`), which are trained further when
    the game comes back. The target network is neither.
    """

    kind = "play"
    Settings = DQNSettings
    has_own = True

    def __init__(self, settings: DQNSettings, image_shape: tuple[int, int, int], seed: int) -> None:
        super().__init__()
        self.settings = settings
        if min(image_shape[1:]) < 3:
            raise UsageError(
                f"model.name: dqn needs observations of 3x3 or more, these are {image_shape[1]}x{image_shape[2]}"
            )
        with seeded(seed, "dqn"):
            self.network = ActionValues(image_shape, settings.channels, settings.hidden, len(ACTIONS))
            self.target = ActionValues(image_shape, settings.channels, settings.hidden, len(ACTIONS))
        self._recall: dict[int, Recall] = {}

    def check(self, tasks: Sequence[Task]) -> None:
        without = next((task.name for task in tasks if not games_of(task)), None)
        if without is not None:
            raise UsageError(f"model.name: dqn plays games, and task {without} is none; use scenario.name=games")

    def grow(self, classes: Sequence[int], seed: int) -> tuple[int, ...]:
        new = super().grow(classes, seed)
        for network in (self.network, self.target) if new else ():
            network.grow(seed)
        self.target.requires_grad_(False)
        self.to(self.position.device)
        return new

    def shared(self) -> dict[str, Parameter]:
        return shared_in(self.network.named_parameters("network"))

    def own(self, task: int) -> dict[str, Parameter]:
        return own_in(self.network.named_parameters("network"), self.groups_of([task]))

    def phases(self, tasks: Sequence[int]) -> list[Phase]:
        moved = [*self.shared().values(), *self.own_of(tasks)]
        return [Phase("values", moved, self.loss, moves_shared=True)]

    def networks(self) -> list[nn.Module]:
        return [self.network, self.target]

    def loss(self, batch: Batch, step: int, random: RandomSource) -> Tensor:
        """Return the mean Huber loss over frames, all of one game."""
        positions, extra = self.position[batch.classes[:1]], batch.extra  # one game: look up its gains only once
        with torch.no_grad():
            if step % self.settings.target == 0:
                for copy, parameter in zip(self.target.parameters(), self.network.parameters(), strict=True):
                    copy.copy_(parameter)
            ahead = at_least_float32(self.target(extra["following"], positions))
            chooses = self.network(extra["following"], positions) if self.settings.double == "yes" else ahead
            best = ahead.gather(1, chooses.argmax(1, keepdim=True)).squeeze(1)
            wanted = extra["rewards"] + self.settings.gamma * best.masked_fill(extra["ended"], 0)
        values = at_least_float32(self.network(batch.inputs, positions))
        return F.huber_loss(values.gather(1, extra["actions"][:, None]).squeeze(1), wanted)

    def player(self) -> DQN:
        return self

    @torch.inference_mode()
    def act(self, seen: Tensor, game: int) -> Tensor:
        positions = self.position[game : game + 1]
        values: Tensor = self.network(seen.to(self.position.device).float(), positions)
        return values.argmax(1).cpu()

    def exploration(self, frame: int) -> float:
        """Return the share of random actions: from 1, linearly, to ``epsilon`` at frame ``explore`` and after."""
        return 1 - (1 - self.settings.epsilon) * min(1.0, frame / self.settings.explore)

    def remembers(self, task: int, recall: Recall) -> None:
        self._recall = {task: recall}

    def probe(self, task: Task, n: int | None, random: RandomSource) -> Batch:
        """Return remembered frames of the task. If an earlier task's memory is gone, play some frames first."""
        present = self._recall
        if task.index not in present:
            task.source(1, 0).meet(self)
        try:
            return self._recall[task.index](SAMPLES if n is None else n, random)
        finally:
            self._recall = present

    def scalars(self, kind: ScalarKind, batch: Batch, random: RandomSource) -> Tensor:
        """Return scalars (n,) of the policy pi(a | s) = softmax_a Q(s, a).

        ``likelihood``: log pi(a | s), where a is drawn from pi, or is the action taken. Its squared gradient is the
        Fisher information of the policy. ``sensitivity``: sum_a Q(s, a)^2. ``entropy``: -sum_a pi(a | s) log pi(a | s).
        """
        values = at_least_float32(self.network(batch.inputs, self.position[batch.classes]))
        return softmax_scalars(kind, values, batch.extra["actions"], batch.extra.get("chances"))

    def sampled_targets(self, batch: Batch, random: RandomSource) -> Batch:
        return batch.having(chances=random.uniform(len(batch)))

    @torch.no_grad()
    def possible_targets(self, batch: Batch) -> Iterator[tuple[Batch, Tensor]]:
        whole = batch.rows(slice(None))
        pi = at_least_float32(self.network(whole.inputs, self.position[whole.classes])).softmax(1)
        for action in range(len(ACTIONS)):
            yield batch.having(actions=torch.full_like(whole.extra["actions"], action)), pi[:, action]

    def describe(self) -> str:
        return "a player with gains and biases of its own for each game"
