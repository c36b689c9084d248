"""A pretrained segmentation network as the teacher of class names.

The class head begins from DeepLab's own classifier, and long training forgets what that knew of
photos unlike ours. Asking the trained head to go on naming things as the classifier did keeps it:
knowledge distillation (Hinton et al. 2015, arXiv 1503.02531) against forgetting (Li and Hoiem 2016,
arXiv 1606.09282). What is no labelled class, and whether a pixel's mask is an instance, stay the
labels' matter: only the choice among the teacher's classes is distilled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from dmlseg_core.config import VOC_CLASSES
from dmlseg_core.errors import WeightsError
from dmlseg_core.model import MobileNetV2

_CELLS = 4  # of our grid, stride 4, lie between two cells of the teacher's, stride 16


class Teacher(nn.Module):
    """DeepLabV3 on MobileNetV2 with its classifier, frozen.

    Args:
        tensors: those of the file that a run begins with, classifier (`logits.conv`) included.

    Raises:
        WeightsError: a tensor is missing, or one has another shape.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.trunk = MobileNetV2()
        self.logits = nn.Conv2d(256, 1 + len(VOC_CLASSES), 1)
        theirs = {k.replace("logits.conv.", "logits."): v for k, v in tensors.items()}
        wanted = {k: k.removeprefix("trunk.") for k in self.state_dict()}
        if lacking := [name for name in wanted.values() if name not in theirs]:
            raise WeightsError(
                f"the teacher must be a DeepLab file with its classifier; {lacking[0]} is missing"
            )
        try:
            self.load_state_dict({k: theirs[name].float() for k, name in wanted.items()})
        except RuntimeError as error:
            raise WeightsError(f"the teacher's file does not fit: {error}") from None
        self.requires_grad_(False).eval()

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, 16m + 1, 16n + 1) in [-1, 1] -> (B, 21, m + 1, n + 1) float32 probabilities."""
        return cast(Tensor, self.logits(self.trunk(images)["context"])).float().softmax(1)


def naming_loss(logits: Tensor, taught: Tensor, classes: tuple[str, ...]) -> Tensor:
    """KL divergence of the head's choice among VOC's classes from the teacher's.

    Every cell of the teacher's grid counts as much as the teacher holds it to be no background; the
    mean over taus. 0 where nothing is seen, or no class is VOC's.

    Args:
        logits: (B, T, C + 1, 4m + 1, 4n + 1), index 0 = background.
        taught: (B, 21, m + 1, n + 1) probabilities, in VOC's order.
        classes: the C class names.
    """
    known = [name for name in classes if name in VOC_CLASSES]
    if not known:
        return logits.new_zeros(())
    ours = [1 + classes.index(name) for name in known]
    chosen = logits[:, :, ours, ::_CELLS, ::_CELLS].log_softmax(2)  # (B, T, n, h, w)
    theirs = taught[:, [1 + VOC_CLASSES.index(name) for name in known]]
    mass = theirs.sum(1)  # (B, h, w)
    target = theirs / mass[:, None].clamp_min(1e-6)
    entropy = torch.special.entr(target).sum(1)
    kl = -(target[:, None] * chosen).sum(2).mean(1) - entropy
    loss: Tensor = (kl * mass).sum() / mass.sum().clamp_min(1e-6)
    return loss
