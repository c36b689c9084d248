"""torchvision's DeepLabV3-ResNet101 under our names."""

import pytest
import torch
from torchvision.models.segmentation import deeplabv3_resnet101

from dmlseg_core.config import VOC_CLASSES, NetworkConfig
from dmlseg_core.errors import ParameterError
from dmlseg_core.model.network import EmbeddingNetwork
from dmlseg_core.train.command import main
from dmlseg_core.train.pretrained import from_torchvision, load_pretrained


def test_torchvisions_deeplab_fits_the_resnet101_backbone_tensor_by_tensor():
    theirs = deeplabv3_resnet101(weights=None, weights_backbone=None, aux_loss=True)
    network = EmbeddingNetwork(NetworkConfig(backbone="resnet101", width=8, embedding_dim=4))
    load_pretrained(network, from_torchvision(theirs.state_dict()))
    ours = network.backbone.state_dict()
    for name, value in theirs.backbone.state_dict().items():
        torch.testing.assert_close(ours[f"backbone.{name}"], value, rtol=0, atol=0)
    for name, value in theirs.classifier[0].state_dict().items():
        torch.testing.assert_close(ours[f"aspp.{name}"], value, rtol=0, atol=0)


def test_download_is_for_the_resnet_only(tmp_path, make_voc):
    words = ["--data", str(make_voc()), "--run", str(tmp_path / "run"), "--download"]
    with pytest.raises(ParameterError, match=r"network\.backbone=resnet101"):
        main(words)


def test_an_export_of_ours_starts_the_whole_network():
    config = NetworkConfig(width=8, embedding_dim=4)
    export = {k: v.half() if v.is_floating_point() else v
              for k, v in EmbeddingNetwork(config).state_dict().items()}  # fmt: skip
    network = EmbeddingNetwork(config)
    load_pretrained(network, export)
    for name, value in network.state_dict().items():
        if not name.startswith("iou_head."):  # that one was fitted to what the network was
            torch.testing.assert_close(value, export[name].to(value.dtype), rtol=0, atol=0)


def test_a_calibrated_export_does_not_calibrate_what_is_trained_from_it():
    export = EmbeddingNetwork(NetworkConfig(width=8, embedding_dim=4))
    export.iou_head.fitted.fill_(True)
    network = EmbeddingNetwork(export.config)
    load_pretrained(network, export.state_dict())
    assert not network.iou_head.fitted


def _deeplab(config):
    """Tensors as in the pretrained MobileNetV2 file, its 21-class classifier included."""
    tensors = EmbeddingNetwork(config).backbone.state_dict()
    generator = torch.Generator().manual_seed(1)
    tensors["logits.conv.weight"] = torch.randn(21, 256, 1, 1, generator=generator)
    tensors["logits.conv.bias"] = torch.randn(21, generator=generator)
    return tensors


def test_the_class_head_starts_from_deeplabs_classifier_whatever_the_order_of_classes():
    config = NetworkConfig(
        width=8, embedding_dim=4, taus=(0.25, 0.75), classes=("dog", "spoon", "aeroplane")
    )
    tensors = _deeplab(config)
    network = EmbeddingNetwork(config)
    load_pretrained(network, tensors)
    rows = [0, 1 + VOC_CLASSES.index("dog"), 0, 1]  # a spoon looks like background to VOC
    for tau in range(2):
        weight = network.prior.weight.unflatten(0, (2, 4))[tau]
        torch.testing.assert_close(weight, tensors["logits.conv.weight"][rows])
        bias = network.prior.bias.unflatten(0, (2, 4))[tau]
        torch.testing.assert_close(bias, tensors["logits.conv.bias"][rows])


def test_logits_are_the_prior_plus_the_heads_correction():
    config = NetworkConfig(width=8, embedding_dim=4)
    network = EmbeddingNetwork(config).eval()
    images = torch.rand(1, 3, 33, 49, generator=torch.Generator().manual_seed(2)) * 2 - 1
    with torch.no_grad():
        own = network(images).class_logits
        load_pretrained(network, _deeplab(config) | network.backbone.state_dict())
        both = network(images).class_logits
        context = network.backbone(images)["context"]
        coarse = network.prior(context)
        prior = torch.nn.functional.interpolate(coarse, own.shape[-2:], mode="bilinear",
                                                align_corners=True)  # fmt: skip
    torch.testing.assert_close(both - own, prior.view_as(own), rtol=1e-4, atol=1e-4)
    assert prior.abs().max() > 0.1
