"""The network on one page: backbone, decoder to stride 4, embedding and mask-class heads."""

from __future__ import annotations

from typing import NamedTuple, Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from dmlseg_core.config import NetworkConfig
from dmlseg_core.errors import ParameterError
from dmlseg_core.model.backbone import build_backbone
from dmlseg_core.model.iou_head import IoUHead

STRIDE = 4
MULTIPLE = 16


class Output(NamedTuple):
    """What one forward pass gives, both float32."""

    embedding: Tensor  # (B, D, h, w)
    class_logits: Tensor  # (B, T, C + 1, h, w), index 0 = background


class _Unit(nn.Sequential):
    """3x3 convolution, batch norm, ReLU. Dense on purpose: faster on CPUs than depthwise ones."""

    def __init__(self, inputs: int, outputs: int, dilation: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )

    def fuse(self) -> None:
        """Fold the batch norm into the convolution: same function in eval mode, one pass less."""
        conv, norm = self[0], self[1]
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            self[0] = fuse_conv_bn_eval(conv, norm)
            self[1] = nn.Identity()


def _upsample(x: Tensor, like: Tensor) -> Tensor:
    """Bilinear to the size of `like`; align_corners: at sides 16n + 1 the cell centres coincide."""
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=True)


class _Decoder(nn.Module):
    """From the backbone's pyramid to one map of `width` channels at stride 4."""

    def __init__(self, channels: dict[str, int], width: int) -> None:
        super().__init__()
        mid = width * 3 // 2
        self.fuse16 = _Unit(channels["context"] + channels["s16"], mid)
        self.wide16 = _Unit(mid, mid, dilation=3)
        self.skip8 = nn.Conv2d(channels["s8"], mid, 1)
        self.fuse8 = _Unit(mid, mid)
        self.down = nn.Conv2d(mid, width, 1)
        self.skip4 = nn.Conv2d(channels["s4"], width, 1)
        self.fuse4 = _Unit(width, width)

    def forward(self, maps: dict[str, Tensor]) -> Tensor:
        x = self.fuse16(torch.cat([maps["context"], maps["s16"]], 1))  # (B, mid, H/16, W/16)
        x = x + self.wide16(x)
        x = self.fuse8(_upsample(x, maps["s8"]) + self.skip8(maps["s8"]))  # (B, mid, H/8, W/8)
        x = _upsample(self.down(x), maps["s4"]) + self.skip4(maps["s4"])  # (B, width, H/4, W/4)
        return self.fuse4(x)  # type: ignore[no-any-return]


def _coordinates(like: Tensor, spread: float) -> Tensor:
    """(B, 2, h, w) of y and x, 0 at the centre, `spread` half the long side away from it.

    A convolution sees the same thing wherever it stands, so two equal cars would get one embedding;
    coordinates let the embedding head tell them apart (arXiv 1807.03247, 1807.10712).
    """
    b, _, h, w = like.shape
    half = max(h, w) / 2 / spread
    y = (torch.arange(h, device=like.device, dtype=like.dtype) - (h - 1) / 2) / half
    x = (torch.arange(w, device=like.device, dtype=like.dtype) - (w - 1) / 2) / half
    return torch.stack(torch.meshgrid(y, x, indexing="ij")).expand(b, 2, h, w)


class EmbeddingNetwork(nn.Module):
    """Embedding head and mask-classification (seediness) head on a DeepLab backbone.

    Args:
        config: decides every tensor; travels with the weights.
    """

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or NetworkConfig()
        self.backbone = build_backbone(config.backbone)
        self.decoder = _Decoder(self.backbone.channels, config.width)
        width = config.width * len(config.scales)
        self.embed = _Unit(width + 2, config.width)
        self.embedding = nn.Conv2d(config.width + 2, config.embedding_dim, 1)
        self.classify = _Unit(width, config.width)
        outputs = len(config.taus) * config.num_outputs
        self.classes = nn.Conv2d(config.width, outputs, 1)
        self.prior = nn.Conv2d(self.backbone.channels["context"], outputs, 1)
        nn.init.zeros_(self.prior.weight)  # says nothing until it is loaded or learned
        nn.init.zeros_(cast(Tensor, self.prior.bias))
        # no part of forward: it reads scenes, not images
        self.iou_head = IoUHead(len(config.taus), len(config.classes), config.dial)

    def features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Decoder features of every input scale, concatenated: (B, S * width, h, w), and the
        context of scale 1: (B, 256, h / 4, w / 4).
        """
        pyramid = self.backbone(images)
        first = self.decoder(pyramid)
        maps = [first if s == 1 else self._rescaled(images, s, first) for s in self.config.scales]
        return torch.cat(maps, 1), pyramid["context"]

    def _rescaled(self, images: Tensor, scale: float, like: Tensor) -> Tensor:
        size = [max(1, round((n - 1) * scale / MULTIPLE)) * MULTIPLE + 1 for n in images.shape[-2:]]
        smaller = F.interpolate(images, size=size, mode="bilinear", align_corners=True)
        return _upsample(self.decoder(self.backbone(smaller)), like)

    def forward(self, images: Tensor, spread: float = 1.0) -> Output:
        """One forward pass.

        Args:
            images: (B, 3, 16m + 1, 16n + 1) float32 in [-1, 1], RGB.
            spread: how many long sides of an ordinary photo the input is long
                (`scene.frame.stretch`): a step along it tells as much apart as in such a photo.

        Returns:
            Output at h = 4m + 1, w = 4n + 1, float32 whatever the autocast.

        Raises:
            ParameterError: images of another shape.
        """
        if images.ndim != 4 or images.shape[1] != 3 or any(n % 16 != 1 for n in images.shape[-2:]):
            raise ParameterError(
                f"images must be (B, 3, 16m + 1, 16n + 1); got {tuple(images.shape)}"
            )
        x, context = self.features(images)  # (B, S * width, h, w)
        yx = _coordinates(x, spread)
        e = self.embedding(torch.cat([self.embed(torch.cat([x, yx], 1)), yx], 1))  # (B, D, h, w)
        # what a segmentation network's classifier says of the pixel, corrected for the pixel's mask
        c = self.classes(self.classify(x)) + _upsample(self.prior(context), x)  # (B, T(C+1), h, w)
        t = len(self.config.taus)
        return Output(e.float(), c.float().unflatten(1, (t, self.config.num_outputs)))

    def fuse(self) -> Self:
        """Switch to eval mode and fold every batch norm of the decoder and heads; returns self."""
        self.eval()
        for module in self.modules():
            if isinstance(module, _Unit):
                module.fuse()
        return self
