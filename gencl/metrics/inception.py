"""Inception-v3 as papers use it for FID: torch-fidelity's network, with weights read without unpickling code."""

from __future__ import annotations

import tempfile

import torch
from torch import Tensor
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from gencl.core.errors import UsageError
from gencl.metrics.by_weights import ByWeights
from gencl.metrics.weight_files import INCEPTION, WeightFile

FEATURES, LOGITS = "2048", "logits_unbiased"


class Inception(ByWeights, FeatureExtractorInceptionV3):  # type: ignore[misc]  # torch-fidelity has no types
    """2048 features and 1008 logits of uint8 images (n, 1 or 3, h, w), which it resizes to 299 x 299 as TensorFlow did.

    ``version`` names the weights. ``published`` is False if they are not those of published FIDs; scores then compare
    only with scores of the same weights. Raises UsageError if the weights do not fit.
    """

    name = "inception"
    weights_of = INCEPTION
    resize = "299x299"

    def __init__(self, weights: WeightFile) -> None:
        # torch-fidelity unpickles the file that it is given, so write one that holds nothing but the checked tensors
        with tempfile.NamedTemporaryFile(suffix=".pth") as file:
            torch.save(dict(weights.tensors), file)
            file.flush()
            try:
                super().__init__("inception", [FEATURES, LOGITS], feature_extractor_weights_path=file.name)
            except RuntimeError as error:
                what = " ".join(str(error).split())[:300]
                raise UsageError(f"--weights: {weights.path} does not fit Inception-v3: {what}") from error
        self.version, self.published, self.weights_path = weights.version, weights.published, weights.path

    def forward(self, input: Tensor) -> tuple[Tensor, ...]:
        outputs: tuple[Tensor, ...] = super().forward(input.expand(-1, 3, -1, -1).contiguous())
        return outputs
