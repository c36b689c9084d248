"""torchvision's DeepLabV3-ResNet101 under our names."""

import pytest
import torch
from torchvision.models.segmentation import deeplabv3_resnet101

from dmlseg_core.config import NetworkConfig
from dmlseg_core.errors import ParameterError
from dmlseg_core.network import EmbeddingNetwork
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
        torch.testing.assert_close(value, export[name].to(value.dtype), rtol=0, atol=0)
