"""The teacher of class names: it says what its classifier says, and what it says is kept."""

import numpy as np
import pytest
import torch

from dmlseg_core.config import CLASSES, VOC_CLASSES
from dmlseg_core.errors import WeightsError
from dmlseg_core.model.backbone import MobileNetV2
from dmlseg_core.train.teacher import Teacher, naming_loss


@pytest.fixture(scope="module")
def file():
    """Tensors as in the pretrained file, its classifier of 21 classes included."""
    torch.manual_seed(0)
    tensors = dict(MobileNetV2().state_dict())
    tensors["logits.conv.weight"] = 5 * torch.randn(21, 256, 1, 1)
    tensors["logits.conv.bias"] = torch.randn(21)
    return tensors


def test_it_says_what_its_classifier_says(file):
    images = torch.rand(2, 3, 33, 49) * 2 - 1
    trunk = MobileNetV2().eval()
    trunk.load_state_dict({k: v for k, v in file.items() if not k.startswith("logits")})
    with torch.no_grad():
        context = trunk(images)["context"]
        weight, bias = file["logits.conv.weight"][:, :, 0, 0], file["logits.conv.bias"]
        logits = torch.einsum("kc,bchw->bkhw", weight, context) + bias[:, None, None]
    taught = Teacher(file)(images)
    assert taught.shape == (2, 21, 3, 4)
    torch.testing.assert_close(taught, logits.softmax(1), rtol=1e-3, atol=1e-5)


def test_it_is_not_trained(file):
    assert not any(p.requires_grad for p in Teacher(file).parameters())


@pytest.mark.parametrize("change", ["no classifier", "no trunk", "another shape"])
def test_a_file_that_is_no_teacher(file, change):
    tensors = dict(file)
    if change == "no classifier":
        del tensors["logits.conv.weight"]
    elif change == "no trunk":
        tensors = {k: v for k, v in file.items() if k.startswith("logits")}
    else:
        tensors["logits.conv.bias"] = torch.zeros(5)
    with pytest.raises(WeightsError, match="teacher"):
        Teacher(tensors)


def _slow(logits, taught, classes):
    """KL by loops, in double."""
    total = mass = 0.0
    batch, taus = logits.shape[:2]
    for b, y, x in np.ndindex(batch, *taught.shape[2:]):
        theirs = taught[b, 1:, y, x].double().numpy()
        for t in range(taus):
            ours = logits[b, t, :, 4 * y, 4 * x].double().numpy()
            ours = np.exp([ours[1 + classes.index(name)] for name in VOC_CLASSES])
            p, q = theirs / theirs.sum(), ours / ours.sum()
            total += theirs.sum() * (p * np.log(p / q)).sum() / taus
        mass += theirs.sum()
    return total / mass


def test_the_loss_is_the_divergence_weighted_by_the_teachers_foreground():
    torch.manual_seed(1)
    logits = torch.randn(2, 3, len(CLASSES) + 1, 9, 5)
    taught = torch.randn(2, 21, 3, 2).softmax(1)
    ours = naming_loss(logits, taught, CLASSES).item()
    assert ours == pytest.approx(_slow(logits, taught, CLASSES), rel=1e-5)


def test_who_names_things_as_the_teacher_does_loses_nothing():
    torch.manual_seed(2)
    taught = torch.randn(1, 21, 2, 2).softmax(1)
    logits = torch.zeros(1, 1, len(CLASSES) + 1, 5, 5)
    voc = [1 + CLASSES.index(name) for name in VOC_CLASSES]
    logits[0, 0, voc, ::4, ::4] = taught[0, 1:].log()
    logits[:, :, 0] = 7  # how surely it is background is not the teacher's matter
    assert naming_loss(logits, taught, CLASSES).item() == pytest.approx(0, abs=1e-6)
    gradient = torch.autograd.functional.jacobian(lambda x: naming_loss(x, taught, CLASSES), logits)
    assert gradient[:, :, 0].abs().max() == 0


def test_without_a_class_of_vocs_there_is_nothing_to_teach():
    taught = torch.randn(1, 21, 2, 2).softmax(1)
    assert naming_loss(torch.randn(1, 2, 3, 5, 5), taught, ("a", "b")).item() == 0
