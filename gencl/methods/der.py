"""Dark experience replay, DER++ (Buzzega et al., NeurIPS 2020)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from gencl.core.randomness import RandomSource
from gencl.core.transfer import sent
from gencl.learners.capabilities import CLASSIFIER
from gencl.learners.heads import IMPOSSIBLE
from gencl.learners.learner import Learner, predicting
from gencl.methods.base import Context, Method, StepContext
from gencl.methods.memory import MemorySettings
from gencl.scenarios.batch import Batch


class DERpp(Method):
    """loss += alpha * MSE(logits, stored logits) + beta * cross-entropy, on two independent draws from a memory
    (Buzzega et al. eq. 6, algorithm 2).

    The memory is a reservoir: each image that training has seen, including the present task's, is in it with the same
    probability. Images that another method replays do not count as seen if that method is named first (``er+der++``).
    The memory holds the images, their classes, and the logits that the classifier gave them when they entered. The
    logits cover the classes learned by then, and only these are compared; with one head per task, only those of the
    image's own head. The squared error is the mean over the logits compared, as in the authors' code.

    It **stores data**. Logits are stored as the classifier predicts (no dropout, running statistics), while the authors
    store those of the training step. With ``data.flip``, images are stored as they were seen.
    """

    class Settings(MemorySettings):
        """The size of the memory, the number of samples, and the weights of the two terms."""

        samples: int = Field(
            64, ge=1, le=65_536, description="images in each of the two draws from memory, over all processes"
        )
        alpha: float = Field(0.5, ge=0, le=1e6, description="weight of the squared error of the stored logits")
        beta: float = Field(0.5, ge=0, le=1e6, description="weight of the cross-entropy on stored labels")

    needs = (CLASSIFIER,)
    moves_old = True
    grid = {"alpha": (0.1, 0.3, 1.0), "beta": (0.5, 1.0)}
    settings: Settings

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._seen = 0
        self._held: dict[str, Tensor] = {}
        """By slot: ``images`` uint8 (memory, c, h, w), ``classes`` (memory,), and ``logits`` (memory, columns)."""
        self._drawn: dict[str, Tensor] = {}
        """The step's two draws from the memory, concatenated."""

    def extend_batch(self, ctx: Context, batch: Batch) -> Batch:
        """Draw from the memory, then offer it the batch. The batch is returned unchanged."""
        filled, n = min(self._seen, self.settings.memory), ctx.random.share(self.settings.samples)
        slots = torch.arange(filled, device=batch.classes.device)
        drawn = torch.cat([ctx.random.choice(slots, n) for _ in range(2)]) if filled else slots
        self._drawn = {name: held[drawn] for name, held in self._held.items()}
        new = slice(len(batch) - batch.replayed)
        self._take(ctx, ctx.processes.gather(batch.inputs[new]), ctx.processes.gather(batch.classes[new]))
        return batch

    @torch.no_grad()
    def _take(self, ctx: Context, images: Tensor, classes: Tensor) -> None:
        """Add a whole batch by reservoir sampling, the same in all processes."""
        learner = CLASSIFIER(ctx.learner)
        entering = entered(self._seen, len(classes), self.settings.memory, ctx.seed)
        self._seen += len(classes)
        if not len(entering[0]):
            return
        places, rows = (sent(numbers, classes.device) for numbers in entering)
        images, classes = images[rows], classes[rows]
        with predicting(learner):
            logits, _ = learner.logits(images, learner.position[classes], range(len(learner.tasks)))
        ctx.processes.take_main([logits])  # running statistics differ between processes
        self._make_room(images, logits)
        new = {"images": images.mul(255).round().to(torch.uint8), "classes": classes, "logits": logits}
        for name, tensor in self._held.items():
            tensor[places] = new[name]

    def _make_room(self, images: Tensor, logits: Tensor) -> None:
        """Allocate the memory at its first use, and add columns for new classes."""
        if not self._held:
            size, device = self.settings.memory, images.device
            self._held = {
                "images": torch.zeros(size, *images.shape[1:], dtype=torch.uint8, device=device),
                "classes": torch.zeros(size, dtype=torch.long, device=device),
                "logits": torch.full((size, 0), IMPOSSIBLE, device=device),
            }
        more = logits.shape[1] - self._held["logits"].shape[1]
        if more:
            self._held["logits"] = F.pad(self._held["logits"], (0, more), value=IMPOSSIBLE)

    def penalty(self, ctx: StepContext) -> Tensor | None:
        if not self._drawn or not ctx.phase.moves_shared:
            return None
        images, classes, logits = (self._drawn[name] for name in ("images", "classes", "logits"))
        learner, half = CLASSIFIER(ctx.learner), len(images) // 2
        scores, right = learner.logits(images.float() / 255, learner.position[classes], range(len(learner.tasks)))
        compared = logits[:half] > IMPOSSIBLE
        apart = (scores[:half, : logits.shape[1]] - logits[:half]).masked_fill(~compared, 0)
        squared = apart.square().sum() / compared.sum()
        return self.settings.alpha * squared + self.settings.beta * F.cross_entropy(scores[half:], right[half:])

    def state_dict(self) -> dict[str, Tensor]:
        return {"seen": torch.tensor(self._seen), **self._held} if self._held else {}

    def load_state_dict(self, state: dict[str, Tensor], learner: Learner) -> None:
        self._held = {name: tensor.clone() for name, tensor in state.items() if name != "seen"}
        self._seen = int(state["seen"]) if state else 0


def entered(seen: int, n: int, places: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return which of the ``places`` of a reservoir are taken by n new samples, and which samples take them, (m,) each.

    ``seen`` samples came before. Sample k, counted from 0 over all of them, takes place k while there is room. Later it
    draws j from range(k + 1) and takes place j if j < places (Vitter 1985, algorithm R). If two samples take the same
    place, the later one stays. Drawn on the host, because asking a GPU how many samples enter would wait for it.
    """
    numbers = torch.arange(seen, seen + n)
    drawn = (RandomSource(seed, "reservoir", seen).uniform(n).double() * (numbers + 1)).long()
    slots = torch.where(numbers < places, numbers, drawn).clamp(max=places)
    latest = torch.full((places + 1,), -1).scatter_reduce(0, slots, torch.arange(n), "amax")[:places]
    taken = (latest >= 0).nonzero().squeeze(1)
    return taken, latest[taken]
