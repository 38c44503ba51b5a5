"""torchvision's ResNet-18 with a gate after every activation, so that tasks can share or divide its units."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, ResNet

from gencl.learners.networks.trunk import Layer, gated


class Block(BasicBlock):  # type: ignore[misc]
    """relu(norm(conv(relu(norm(conv(x))))) + shortcut(x)), with a gate after each relu."""

    def __init__(self, *args: object, **named: object) -> None:
        super().__init__(*args, **named)
        self.relu = nn.Identity()  # unused: each of the two activations has its own module
        self.inner, self.outer = nn.ReLU(), nn.ReLU()

    def forward(self, inputs: Tensor, inner: Tensor | None = None, outer: Tensor | None = None) -> Tensor:
        shortcut = inputs if self.downsample is None else self.downsample(inputs)
        hidden = gated(self.inner(self.bn1(self.conv1(inputs))), inner)
        return gated(self.outer(self.bn2(self.conv2(hidden)) + shortcut), outer)


class GatedResNet18(ResNet):  # type: ignore[misc]
    """Images -> ``units(512)`` features. The layers of units are the stem, then the inner and outer ones of each block.

    ``units`` returns the number of channels of a layer from that of the original, 64 to 512.

    A shortcut without weights adds channel c of a block's input to channel c of its output. Gates close both, so a task
    depends only on weights between its open units, as in a network without shortcuts.
    """

    def __init__(self, norm_layer: Callable[..., nn.Module], units: Callable[[int], int]) -> None:
        self._units = units
        super().__init__(Block, [2, 2, 2, 2], norm_layer=norm_layer)
        self.fc = nn.Identity()
        self.relu = nn.ReLU()  # not in place: importance needs its input

    def _make_layer(self, block: type[BasicBlock], planes: int, *rest: Any, **named: Any) -> nn.Sequential:
        units = self._units(planes)
        if planes == 64 and units != planes:  # before the first stage: the stem too
            self.inplanes = units
            self.conv1, self.bn1 = nn.Conv2d(3, units, 7, 2, 3, bias=False), self._norm_layer(units)
        stage: nn.Sequential = super()._make_layer(block, units, *rest, **named)
        return stage

    def stages(self) -> list[list[Block]]:
        """Return the four stages of two blocks each."""
        return [list(stage) for stage in (self.layer1, self.layer2, self.layer3, self.layer4)]

    def forward(self, images: Tensor, gates: Sequence[Tensor] | None = None) -> Tensor:
        each = iter(gates) if gates is not None else repeat(None)
        units = self.maxpool(gated(self.relu(self.bn1(self.conv1(images))), next(each)))
        for stage in self.stages():
            for block in stage:
                units = block(units, next(each), next(each))
        pooled: Tensor = self.avgpool(units)
        return pooled.flatten(1)

    def layers(self) -> list[Layer]:
        """Return the layers of units, first to last."""
        layers = [Layer("conv1.weight", _of_norms("bn1"), self.conv1.out_channels)]
        for number, stage in enumerate(self.stages(), start=1):
            for place, block in enumerate(stage):
                name, units = f"layer{number}.{place}", block.conv1.out_channels
                weights, norms = tuple[str, ...](), [f"{name}.bn2"]
                if block.downsample is not None:
                    weights, norms = (f"{name}.downsample.0.weight",), [*norms, f"{name}.downsample.1"]
                layers.append(Layer(f"{name}.conv1.weight", _of_norms(f"{name}.bn1"), units))
                layers.append(Layer(f"{name}.conv2.weight", _of_norms(*norms), units, shortcuts=weights))
        return layers

    def activations(self) -> list[nn.Module]:
        """Return the modules whose outputs are the units of `layers`, before gates."""
        blocks = [block for stage in self.stages() for block in stage]
        return [self.relu, *(module for block in blocks for module in (block.inner, block.outer))]


def _of_norms(*names: str) -> tuple[str, ...]:
    """Return the names of the scales and shifts of these norms."""
    return tuple(f"{name}.{vector}" for name in names for vector in ("weight", "bias"))
