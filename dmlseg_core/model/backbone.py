"""Backbones behind one contract: an image in, a pyramid of feature maps out.

Every backbone maps (B, 3, 16m + 1, 16n + 1) to a dict of maps "s4", "s8", "s16" and "context" (at
stride 16), and names their channels. Their sides are 4m + 1, 2m + 1 and m + 1: with symmetric
padding the centre of cell j at stride s is input pixel s * j.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dmlseg_core.errors import ParameterError

# (expansion, channels, repeats, stride, dilation of the blocks after the first) at output stride 16
_STAGES = (
    (1, 16, 1, 1, 1),
    (6, 24, 2, 2, 1),
    (6, 32, 3, 2, 1),
    (6, 64, 4, 2, 1),
    (6, 96, 3, 1, 1),
    (6, 160, 3, 1, 2),
    (6, 320, 1, 1, 2),
)
_TAPS = {2: 4, 5: 8, 12: 16}  # block index -> stride of the skip taken after it


class _Conv(nn.Module):
    """Convolution with bias (batch norm is folded in the pretrained files) and optional ReLU6."""

    def __init__(
        self, inputs: int, outputs: int, *, kernel: int = 1, stride: int = 1, groups: int = 1,
        dilation: int = 1, act: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        pad = dilation * (kernel // 2)
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, pad, dilation, groups)
        self.act = act
        # oneDNN has no fast backward pass of a dilated depthwise convolution
        self.by_phases = dilation > 1 and groups > 1 and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        by_phases = self.by_phases and self.training and x.device.type == "cpu"
        y: Tensor = _dilated_by_phases(self.conv, x) if by_phases else self.conv(x)
        if self.act:
            y = F.relu6(y, inplace=True)  # a second map of this width is a tenth of the pass
        return y


def _dilated_by_phases(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """`conv(x)` of a 3x3 convolution with dilation r, as one without on the r * r phases of `x`.

    The cells that a dilated kernel joins are those of one phase: space to batch (DeepLab, arXiv
    1606.00915, section 3.1). The same sums; what it saves stands in docs/lab/weights.md.
    """
    r = conv.dilation[0]
    b, c, h, w = x.shape
    x = F.pad(x, (0, -w % r, 0, -h % r))
    rows, columns = x.shape[-2] // r, x.shape[-1] // r
    phases = x.view(b, c, rows, r, columns, r).permute(3, 5, 0, 1, 2, 4).flatten(0, 2)
    phases = phases.contiguous(memory_format=torch.channels_last)
    y = F.conv2d(phases, conv.weight, conv.bias, padding=1, groups=conv.groups)
    y = y.view(r, r, b, -1, rows, columns).permute(2, 3, 4, 0, 5, 1)
    return y.reshape(b, -1, rows * r, columns * r)[..., :h, :w]


class _InvertedResidual(nn.Module):
    """MobileNetV2's block (arXiv 1801.04381): expand, depthwise, linear projection."""

    def __init__(
        self, inputs: int, outputs: int, expansion: int, stride: int, dilation: int
    ) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand = _Conv(inputs, hidden) if expansion > 1 else None
        self.depthwise = _Conv(
            hidden, hidden, kernel=3, stride=stride, groups=hidden, dilation=dilation
        )
        self.project = _Conv(hidden, outputs, act=False)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.expand(x) if self.expand is not None else x
        y = self.project(self.depthwise(y))
        return x + y if self.residual else y


class _Trunk(nn.Module):
    """The stem and its blocks, under the names they have in the pretrained files."""

    def __init__(self, blocks: list[nn.Module]) -> None:
        super().__init__()
        self.stem = _Conv(3, 32, kernel=3, stride=2)
        self.blocks = nn.ModuleList(blocks)


class MobileNetV2(nn.Module):
    """DeepLabV3 on MobileNetV2 1.0 at output stride 16, its 1x1 ASPP and image pooling included.

    Tensor names are those of TensorFlow's model-zoo checkpoint, so that it loads as it is.
    """

    channels = {"s4": 24, "s8": 32, "s16": 96, "context": 256}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        inputs = 32
        for expansion, outputs, repeats, stride, dilation in _STAGES:
            for i in range(repeats):
                # the widened block 16 is dilated itself; elsewhere only the blocks after the first
                rate = dilation if i or repeats == 1 else 1
                step = stride if i == 0 else 1
                blocks.append(_InvertedResidual(inputs, outputs, expansion, step, rate))
                inputs = outputs
        self.backbone = _Trunk(blocks)
        self.aspp0 = _Conv(320, 256, act=False)
        self.pool = _Conv(320, 256, act=False)
        self.proj = _Conv(512, 256, act=False)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """The pyramid: see the module's contract."""
        maps: dict[str, Tensor] = {}
        x = self.backbone.stem(images)  # (B, 32, H/2, W/2)
        for i, block in enumerate(self.backbone.blocks):
            x = block(x)
            if i in _TAPS:
                maps[f"s{_TAPS[i]}"] = x
        pooled = F.relu(self.pool(x.mean((2, 3), keepdim=True)))  # (B, 256, 1, 1)
        aspp = F.relu(self.aspp0(x))  # (B, 256, H/16, W/16)
        maps["context"] = F.relu(self.proj(torch.cat([pooled.expand_as(aspp), aspp], 1)))
        return maps


class ResNet101(nn.Module):
    """torchvision's DeepLabV3-ResNet101 (the paper's backbone), brought to output stride 16."""

    channels = {"s4": 256, "s8": 512, "s16": 1024, "context": 256}  # noqa: RUF012

    def __init__(self) -> None:
        # it loads torch's compiler, which takes as long as torch itself; the others do without
        from torchvision.models import (  # type: ignore[import-untyped]  # noqa: PLC0415
            resnet101,
            segmentation,
        )

        super().__init__()
        net = resnet101(weights=None, replace_stride_with_dilation=[False, False, True])
        self.backbone = nn.Sequential(
            OrderedDict((n, m) for n, m in net.named_children() if n not in ("avgpool", "fc"))
        )
        self.aspp = segmentation.deeplabv3.ASPP(2048, [6, 12, 18], 256)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """The pyramid: see the module's contract."""
        maps: dict[str, Tensor] = {}
        x = images
        for name, layer in self.backbone.named_children():
            x = layer(x)
            if name in ("layer1", "layer2", "layer3"):
                maps["s" + {"1": "4", "2": "8", "3": "16"}[name[-1]]] = x
        maps["context"] = self.aspp(x)
        return maps


def build_backbone(name: str) -> MobileNetV2 | ResNet101:
    """The backbone called `name`, randomly initialised.

    Raises:
        ParameterError: no backbone has that name.
    """
    builders: dict[str, type[MobileNetV2 | ResNet101]] = {
        "mobilenetv2": MobileNetV2,
        "resnet101": ResNet101,
    }
    if name not in builders:
        raise ParameterError(f"backbone must be one of {sorted(builders)}; got {name!r}")
    return builders[name]()
