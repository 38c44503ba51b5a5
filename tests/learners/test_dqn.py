"""The deep Q-network: its formulas, and what is a game's own."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

import gencl
from gencl.core.randomness import RandomSource
from gencl.learners.dqn import DQN
from gencl.methods.importance import moments
from gencl.scenarios.batch import Batch
from tests.conftest import GAMES, grown
from tests.methods.test_importance import assert_moments, one_by_one
from tests.numbers import assert_near

pytest.importorskip("minatar", reason='MinAtar is not installed; pip install -e ".[games]"')


def player(*sets: str, tasks: int = 2) -> DQN:
    learner, _ = grown(gencl.resolve("minatar-dqn", assignments=[*GAMES, *sets]), tasks)
    assert isinstance(learner, DQN)
    for parameter in learner.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return learner


def batch(n: int = 6, game: int = 1) -> Batch:
    seen, following = (torch.rand(2, n, 6, 10, 10) < 0.2).float()
    return Batch(
        seen,
        torch.full((n,), game),
        (game,),
        extra={
            "actions": torch.randint(6, (n,)),
            "rewards": torch.randint(3, (n,)).float(),
            "following": following,
            "ended": torch.arange(n) % 3 == 0,
        },
    )


@pytest.mark.numeric
@pytest.mark.parametrize("double", ["yes", "no"])
def test_the_loss_is_hubers_of_the_temporal_difference(double: str) -> None:
    learner, given = player(f"model.double={double}"), batch()
    games = torch.ones(6, dtype=torch.long)
    wanted = []
    for i in range(6):
        now, ahead = (net(given.extra["following"], games)[i] for net in (learner.network, learner.target))
        best = int((now if double == "yes" else ahead).argmax())
        more = 0.0 if given.extra["ended"][i] else 0.99 * float(ahead[best])
        wanted.append(float(given.extra["rewards"][i]) + more)
    values = learner.network(given.inputs, games)[torch.arange(6), given.extra["actions"]]
    error = (values - torch.tensor(wanted)).abs()
    expected = torch.where(error < 1, error.square() / 2, error - 0.5).mean()
    assert_near({"loss": learner.loss(given, 1, RandomSource(0)).detach()}, {"loss": expected.detach()})


def test_the_copy_is_taken_anew_every_so_many_updates_and_never_learns() -> None:
    learner, given = player("model.target=4"), batch()

    def apart() -> bool:
        pairs = zip(learner.network.parameters(), learner.target.parameters(), strict=True)
        return any(not torch.equal(one, other) for one, other in pairs)

    assert apart()
    learner.loss(given, 3, RandomSource(0))
    assert apart()
    learner.loss(given, 4, RandomSource(0)).backward()
    assert not apart() and all(parameter.grad is None for parameter in learner.target.parameters())


def test_gains_and_biases_are_a_games_own() -> None:
    learner, given = player(), batch()
    assert {name.split(".")[1] for name in learner.shared()} == {"convolution", "hidden", "values"}
    assert len(learner.own(0)) == len(learner.own(1)) == 6 and not learner.own(0).keys() & learner.own(1).keys()
    learner.loss(given, 1, RandomSource(0)).backward()
    assert all(parameter.grad is not None for parameter in learner.shared().values())
    moved = [any(p.grad is not None and p.grad.any() for p in learner.own(task).values()) for task in (0, 1)]
    assert moved == [False, True]


@pytest.mark.numeric
@pytest.mark.parametrize("kind", ["entropy", "likelihood", "sensitivity"])
def test_moments_of_its_gradients(kind: str) -> None:
    learner = player().double()
    some = Batch.of({k: v.double() if v.is_floating_point() else v for k, v in batch(9).tensors().items()}, (1,))
    measured = moments(learner, kind, some, learner.shared(), ["absolute", "square"])  # type: ignore[arg-type]
    assert_moments(measured, ["absolute", "square"], one_by_one(learner, kind, some, list(learner.shared())))


@pytest.mark.numeric
def test_the_likelihood_is_of_the_softmax_policy() -> None:
    learner, given = player(), batch()
    log_pi = F.log_softmax(learner.network(given.inputs, torch.ones(6, dtype=torch.long)), 1)
    done = learner.scalars("likelihood", given, RandomSource(0))
    assert_near({"done": done.detach()}, {"done": log_pi[torch.arange(6), given.extra["actions"]].detach()})
    beliefs = torch.stack([belief for _, belief in learner.possible_targets(given)], 1)
    assert_near({"pi": beliefs}, {"pi": log_pi.exp().detach()})
    many = given.rows(torch.zeros(20_000, dtype=torch.long))
    drawn = learner.scalars("likelihood", learner.sampled_targets(many, RandomSource(1)), RandomSource(0))
    counts = torch.stack([(drawn - value).abs().lt(1e-5).float().mean() for value in log_pi[0]])
    assert torch.allclose(counts, log_pi[0].exp(), atol=0.02)


def test_exploration_falls_in_a_straight_line() -> None:
    learner = player("model.explore=100", "model.epsilon=0.2")
    assert [learner.exploration(frame) for frame in (0, 50, 100, 10**9)] == pytest.approx([1, 0.6, 0.2, 0.2])
