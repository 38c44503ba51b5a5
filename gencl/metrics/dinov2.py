"""DINOv2's ViT-L/14 (Oquab et al., TMLR 2024): features in which distances agree with people best (FD-DINOv2).

Stein et al., Exposing flaws of generative model evaluation metrics, NeurIPS 2023. Images are prepared as in the paper's
code: Pillow's bicubic resize to 224x224, then ImageNet's mean and deviation. Features are the class token's.

The network is torchvision's ViT: DINOv2's own differs by a scale per channel after each branch of a block, which is
multiplied into the branch's last layer here.
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
"""Pixels a side of a patch, and channels of an attention head: the same in all of DINOv2's sizes."""
OFFSET = 0.1
"""DINOv2's own code adds so much to the grid's size where it resizes the positions."""
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
"""DINOv2's names of tensors, and torchvision's."""
_SCALES = {"attn.proj": "ls1", "mlp.fc2": "ls2"}
"""The last layer of each branch of a block, and the scale of what it gives."""


class DINOv2(ByWeights, PhotographFeatures):
    """1,024 features of ViT-L/14, or fewer of a smaller DINOv2 whose file is given; it has no classes, so no logits.

    ``version`` names the weights; ``published`` is False for others than the paper's. Raises UsageError if the weights
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
        self.version, self.published = weights.version, weights.published
        self.eval().requires_grad_(False)

    def resized(self, images: Tensor) -> Tensor:
        """As Pillow does it: the rows, then the columns, rounded after each."""
        rows = scaled(images, (images.shape[2], self.side), "bicubic").round()
        return scaled(rows, (self.side, self.side), "bicubic").round().expand(-1, 3, -1, -1)

    def read(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean, deviation = (images.new_tensor(values).view(3, 1, 1) for values in (MEAN, DEVIATION))
        features: Tensor = self.network((images / 255 - mean) / deviation)
        return features, features.new_zeros(len(features), 1)


def build_network(tensors: Mapping[str, Tensor], side: int) -> nn.Module:
    """A ViT for images of ``side`` pixels, of whatever width and depth DINOv2's ``tensors`` have.

    Raises KeyError, RuntimeError or AssertionError where a tensor is missing, left over or of another shape.
    """
    width = tensors["cls_token"].shape[-1]
    depth = len({name.split(".")[1] for name in tensors if name.startswith("blocks.")})
    with torch.device("meta"):  # neither memory nor random numbers for values that are replaced
        network: nn.Module = VisionTransformer(side, PATCH, depth, max(1, width // HEAD), width, 4 * width)
        network.heads = nn.Identity()
    network.load_state_dict(_converted(tensors, side // PATCH), assign=True)
    return network


def _converted(tensors: Mapping[str, Tensor], grid: int) -> dict[str, Tensor]:
    """DINOv2's tensors as torchvision's ViT has them, for a grid of so many patches a side."""
    found = {}
    for name, tensor in tensors.items():
        if name == "mask_token" or name.endswith(".gamma"):  # of its training, and the scales
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
    """Positions (1, 1 + n * n, width), that of the class token first, for ``grid`` patches a side in place of n."""
    n = round((positions.shape[1] - 1) ** 0.5)
    if n == grid:
        return positions
    patches = positions[:, 1:].unflatten(1, (n, n)).movedim(-1, 1)
    resized = F.interpolate(patches, scale_factor=(grid + OFFSET) / n, mode="bicubic")
    return torch.cat([positions[:, :1], resized.flatten(2).mT], 1)
