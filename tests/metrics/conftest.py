"""Weights of the right shapes with values at random: the published ones cannot be had everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch_fidelity import feature_extractor_inceptionv3 as inception
from torchvision.models import alexnet


@pytest.fixture(scope="session")
def alexnet_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """AlexNet's convolutions as torchvision names them."""
    path = tmp_path_factory.mktemp("weights") / "alexnet.safetensors"
    torch.manual_seed(0)
    save_file(alexnet().features.state_dict(prefix="features."), path)
    return path


@pytest.fixture(scope="session")
def inception_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Inception-v3 as torch-fidelity names it, in torch's format."""
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inception, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(inception.FeatureExtractorInceptionV3, "load_state_dict", lambda *_, **__: None)
        network = inception.FeatureExtractorInceptionV3("inception", ["2048"])
    torch.save({name: t.clone() for name, t in network.state_dict().items()}, path)
    return path
