"""Photo -> Scene: the only place that runs the network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import torch
from numpy.typing import NDArray

from dmlseg_core.config import SceneConfig
from dmlseg_core.errors import ParameterError
from dmlseg_core.images import Photo, load_photo
from dmlseg_core.network import EmbeddingNetwork
from dmlseg_core.preprocess import Frame
from dmlseg_core.scene import Scene
from dmlseg_core.weights import load_network


def computes_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is computed by the device itself; emulated, it is slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    able: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16") or able.get("arm_bf16"))


class Segmenter:
    """A network ready for photos.

    Args:
        network: its weights are used as they are; batch norms are folded.
        config: how photos are analysed; scenes carry it with the precision that was used.
        device: "cpu", "cuda", "cuda:1", ...; scenes live on the CPU in any case.
        weights: sha256 of the weights file, for recipes.

    Raises:
        ParameterError: a device that is not there.
    """

    def __init__(
        self,
        network: EmbeddingNetwork,
        config: SceneConfig | None = None,
        device: str | torch.device = "cpu",
        weights: str = "",
    ) -> None:
        self.config, self.weights = config or SceneConfig(), weights
        try:
            self.device = torch.device(device)
            self.network = network.fuse().to(self.device).to(memory_format=torch.channels_last)
        except (RuntimeError, AssertionError) as error:
            raise ParameterError(f"device {device!r} cannot be used: {error}") from None
        wanted = self.config.precision
        if wanted == "auto":
            wanted = "bfloat16" if computes_bfloat16(self.device) else "float32"
        self.precision = wanted
        if wanted != self.config.precision:
            self.config = replace(self.config, precision=wanted)

    @classmethod
    def load(
        cls,
        weights: str | Path | None = None,
        *,
        config: SceneConfig | None = None,
        device: str | torch.device = "cpu",
    ) -> Self:
        """A segmenter from a weights file and its manifest; None is the shipped one.

        Raises:
            WeightsError: the weights cannot be used.
        """
        network, entry = load_network(weights)
        return cls(network, config, device, entry["sha256"])

    @torch.inference_mode()
    def analyze(self, photo: Photo | NDArray[Any] | str | Path) -> Scene:
        """One forward pass.

        Args:
            photo: a Photo, or what `load_photo` takes.

        Returns:
            A scene on the CPU, float32 whatever the precision.

        Raises:
            ImageError: no photo.
        """
        photo = photo if isinstance(photo, Photo) else load_photo(photo)
        frame = Frame.fit(photo.size, self.config.long_side)
        images = torch.from_numpy(frame.to_input(photo.rgb))[None].to(
            self.device, memory_format=torch.channels_last
        )
        with torch.autocast(self.device.type, torch.bfloat16, self.precision == "bfloat16"):
            output = self.network(images)
        h, w = frame.grid_size
        # (h, w, D) in memory: the rows that every distance reads lie together
        vectors = output.embedding[0, :, :h, :w].permute(1, 2, 0).contiguous().cpu()
        probs = output.class_logits[0, :, :, :h, :w].softmax(1).contiguous().cpu()
        network = self.network.config
        return Scene(
            frame=frame,
            embedding=vectors.permute(2, 0, 1),
            class_probs=probs,
            taus=network.taus,
            classes=network.classes,
            config=self.config,
            photo_digest=photo.digest,
            weights=self.weights,
        )
