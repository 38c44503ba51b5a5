"""DINOv2's ViT-L/14 (Oquab et al., TMLR 2024) as a feature extractor, for FD-DINOv2.

Distances in its features agree best with human judgement (Stein et al., Exposing flaws of generative model evaluation
metrics, NeurIPS 2023). Images are prepared as in that paper's code: Pillow's bicubic resize to 224x224, then ImageNet's
mean and deviation. Features are the class token's.

The network is torchvision's ViT. DINOv2's network also has a scale per channel after each branch of a block; here these
scales are multiplied into the branch's last layer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import VisionTransformer

from gencl.core.errors import UsageError
from gencl.metrics.by_weights import ByWeights
from gencl.metrics.photographs import PhotographFeatures, scaled
from gencl.metrics.weight_files import DINOV2, WeightFile

PATCH, HEAD = 14, 64
"""Pixels per side of a patch, and channels per attention head: the same in all sizes of DINOv2."""
OFFSET = 0.1
"""DINOv2's code adds this to the grid size when it resizes the position embeddings."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_NAMES = (
    ("^cls_token$", "class_token"),
    ("^pos_embed$", "encoder.pos_embedding"),
    (r"^patch_embed\.proj\.", "conv_proj."),
    (r"^norm\.", "encoder.ln."),
    (r"^blocks\.(\d+)\.", r"encoder.layers.encoder_layer_\1."),
    (r"\.norm([12])\.", r".ln_\1."),
    (r"\.attn\.qkv\.", ".self_attention.in_proj_"),
    (r"\.attn\.proj\.", ".self_attention.out_proj."),
    (r"\.mlp\.fc1\.", ".mlp.0."),
    (r"\.mlp\.fc2\.", ".mlp.3."),
)
"""Patterns in DINOv2's tensor names, and their replacements in torchvision's."""
_SCALES = {"attn.proj": "ls1", "mlp.fc2": "ls2"}
"""The last layer of each branch of a block, and the name of the scale of its output."""


class DINOv2(ByWeights, PhotographFeatures):
    """1,024 features of ViT-L/14, or fewer if a smaller DINOv2's file is given. It has no classifier: logits are zeros.

    ``version`` names the weights; ``published`` is False if they are not the paper's. Raises UsageError if the weights
    do not fit.
    """

    name = "dinov2"
    weights_of = DINOV2
    title = "DINOv2"
    side = 224
    classifies = False

    def __init__(self, weights: WeightFile) -> None:
        super().__init__()
        try:
            self.network = build_network(weights.tensors, self.side)
        except (RuntimeError, KeyError, AssertionError) as error:
            what = f"it has no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())[:300]
            raise UsageError(f"--weights: {weights.path} does not fit DINOv2: {what}") from error
        self.version, self.published, self.weights_path = weights.version, weights.published, weights.path
        self.eval().requires_grad_(False)

    def resized(self, images: Tensor) -> Tensor:
        """Resize as Pillow does: the width first, then the height, rounding after each."""
        rows = scaled(images, (images.shape[2], self.side), "bicubic").round()
        return scaled(rows, (self.side, self.side), "bicubic").round().expand(-1, 3, -1, -1)

    def read(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean, deviation = (images.new_tensor(values).view(3, 1, 1) for values in (MEAN, DEVIATION))
        features: Tensor = self.network((images / 255 - mean) / deviation)
        return features, features.new_zeros(len(features), 1)


def build_network(tensors: Mapping[str, Tensor], side: int) -> nn.Module:
    """Return a ViT with DINOv2's ``tensors``, which decide its width and depth, for images of ``side`` pixels per side.

    Raises KeyError, RuntimeError or AssertionError if a tensor is missing, unexpected or of the wrong shape.
    """
    width = tensors["cls_token"].shape[-1]
    depth = len({name.split(".")[1] for name in tensors if name.startswith("blocks.")})
    with torch.device("meta"):  # the values are replaced: allocate no memory, draw no random numbers
        network: nn.Module = VisionTransformer(side, PATCH, depth, max(1, width // HEAD), width, 4 * width)
        network.heads = nn.Identity()
    network.load_state_dict(_converted(tensors, side // PATCH), assign=True)
    return network


def _converted(tensors: Mapping[str, Tensor], grid: int) -> dict[str, Tensor]:
    """Return DINOv2's tensors as torchvision's ViT names them, for ``grid`` patches per side."""
    found = {}
    for name, tensor in tensors.items():
        if name == "mask_token" or name.endswith(".gamma"):  # for training only, or a scale, used below
            continue
        value = resized_positions(tensor, grid) if name == "pos_embed" else tensor
        renamed = name
        for theirs, ours in _NAMES:
            renamed = re.sub(theirs, ours, renamed)
        if last := re.fullmatch(rf"(blocks\.\d+)\.({'|'.join(_SCALES)})\.\w+", name):
            value = torch.einsum("o,o...->o...", tensors[f"{last[1]}.{_SCALES[last[2]]}.gamma"], tensor)
        found[renamed] = value.float()
    return found


def resized_positions(positions: Tensor, grid: int) -> Tensor:
    """Return position embeddings (1, 1 + n * n, width) resized from n to ``grid`` patches per side.

    The class token's comes first and stays as it is.
    """
    n = round((positions.shape[1] - 1) ** 0.5)
    if n == grid:
        return positions
    patches = positions[:, 1:].unflatten(1, (n, n)).movedim(-1, 1)
    resized = F.interpolate(patches, scale_factor=(grid + OFFSET) / n, mode="bicubic")
    return torch.cat([positions[:, :1], resized.flatten(2).mT], 1)
