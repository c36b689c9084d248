"""Photo -> Scene: the only place that runs the network."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dmlseg_core.config import SceneConfig
from dmlseg_core.errors import ParameterError
from dmlseg_core.model import DataSheet, EmbeddingNetwork, load_network
from dmlseg_core.photo import Photo, load_photo, shown
from dmlseg_core.scene.adjacency import Pieces, shrink
from dmlseg_core.scene.frame import MULTIPLE, STRIDE, Frame, stretch
from dmlseg_core.scene.regions import region_tree
from dmlseg_core.scene.scene import Scene
from dmlseg_core.scene.store import SceneStore, name_of, to_tensors, tree_of


def computes_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is computed by the device itself; emulated, it is slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    able: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16") or able.get("arm_bf16"))


TILE = 4
"""Long sides of a tile of a long input."""


class Segmenter:
    """A network ready for photos.

    Args:
        network: its weights are used as they are; batch norms are folded.
        config: how photos are analysed; scenes carry it with the precision that was used.
        device: "cpu", "cuda", "cuda:1", ...; scenes live on the CPU in any case.
        weights: sha256 of the weights file, for recipes.
        sheet: constants that were fitted to the network.
        store: where scenes are kept and looked for; None: nowhere. Scenes of weights without a
            sha256 are never kept.

    Raises:
        ParameterError: a device that is not there.
    """

    def __init__(
        self,
        network: EmbeddingNetwork,
        config: SceneConfig | None = None,
        device: str | torch.device = "cpu",
        weights: str = "",
        sheet: DataSheet | None = None,
        *,
        store: SceneStore | None = None,
    ) -> None:
        self.weights, self.sheet = weights, sheet or DataSheet()
        self.store = store if weights else None
        # stays on the CPU, where scenes are
        self.iou_head = deepcopy(network.iou_head).eval() if network.iou_head.fitted else None
        try:
            self.device = torch.device(device)
            self.network = network.fuse().to(self.device).to(memory_format=torch.channels_last)
        except (RuntimeError, AssertionError) as error:
            raise ParameterError(f"device {device!r} cannot be used: {error}") from None
        self.config = self._resolved(config or SceneConfig())

    @property
    def precision(self) -> str:
        """What the device computes in: "float32" or "bfloat16"."""
        return self.config.precision

    def _resolved(self, config: SceneConfig) -> SceneConfig:
        """The config with what "auto" means on this device, and the weights' own edge weight."""
        if config.edge_weight is None:
            config = replace(config, edge_weight=self.sheet.edge_weight)
        if config.precision != "auto":
            return config
        able = computes_bfloat16(self.device)
        return replace(config, precision="bfloat16" if able else "float32")

    @classmethod
    def load(
        cls,
        weights: str | Path | None = None,
        *,
        config: SceneConfig | None = None,
        device: str | torch.device = "cpu",
        store: SceneStore | None = None,
    ) -> Self:
        """A segmenter from a weights file and its manifest; None is the shipped one.

        Raises:
            WeightsError: the weights cannot be used.
        """
        network, entry = load_network(weights)
        sheet = DataSheet.of(entry)
        return cls(network, config, device, entry["sha256"], sheet, store=store)

    @torch.inference_mode()
    def analyze(
        self,
        photo: Photo | NDArray[Any] | str | Path,
        *,
        config: SceneConfig | None = None,
        regions: bool = False,
    ) -> Scene:
        """One forward pass; with `config.flip` a second one of the mirrored photo.

        Two passes e, f of a cell count the same: class probabilities are averaged, and the vector
        is (e, f) / sqrt(2), as |(e, f) - (e', f')|^2 / 2 = (|e - e'|^2 + |f - f'|^2) / 2: squared
        distances, all that sigma reads of vectors, are the mean of the two passes'. So D doubles.

        Where the segmenter has a store, a photo that was analysed before needs no pass.

        Args:
            photo: a Photo, or what `load_photo` takes.
            config: in place of the segmenter's own.
            regions: grow the region tree at once, beside the pass: a click will ask for it. A store
                keeps it with the scene, so there it is always grown.

        Returns:
            A scene on the CPU, float32 whatever the precision.

        Raises:
            ImageError: no photo.
        """
        photo = photo if isinstance(photo, Photo) else load_photo(photo)
        config = self.config if config is None else self._resolved(config)
        frame = Frame.fit(photo.size, config.long_side)
        if self.store is None:
            return self._fresh(photo, frame, config, regions)
        name = name_of(photo, config, self.weights, self.sheet, self.device)
        scene = self._kept(self.store, name, photo, frame, config)
        if scene is None:
            scene = self._fresh(photo, frame, config, True)
            self.store.put(name, to_tensors(scene))
        return scene

    def _kept(
        self, store: SceneStore, name: str, photo: Photo, frame: Frame, config: SceneConfig
    ) -> Scene | None:
        """The scene that the store has under a name; one that does not fit the photo is dropped."""
        kept = store.get(name)
        if kept is None:
            return None
        network, tree = self.network.config, tree_of(kept, photo.size)
        vectors, probs = (kept.get(key, torch.empty(0)) for key in ("vectors", "probs"))
        sides = (*frame.grid_size, network.embedding_dim * (2 if config.flip else 1))
        heads = (len(network.taus), network.num_outputs, *frame.grid_size)
        if tree is None or (*vectors.shape, *probs.shape) != (*sides, *heads):
            store.drop(name)
            return None
        scene = self._scene(photo, frame, config, (vectors, probs))
        vars(scene)["regions"] = tree  # where `Scene.regions` remembers it
        return scene

    def _fresh(self, photo: Photo, frame: Frame, config: SceneConfig, regions: bool) -> Scene:
        """The scene that the network makes."""
        seen = shown(photo)
        images = torch.from_numpy(frame.to_input(seen))[None].to(self.device)
        with ThreadPoolExecutor(1, "regions") as beside:
            pieces = beside.submit(Pieces.of, seen) if regions else None
            long = stretch(photo.size)
            passes = [self._tiled_pass(images, config, long)]
            if config.flip:
                passes.append(self._mirrored_pass(images, config, long))
        h, w = frame.grid_size
        vectors = torch.cat([v[:h, :w] for v, _ in passes], -1) / math.sqrt(len(passes))
        probs = torch.stack([p[..., :h, :w] for _, p in passes]).mean(0)
        probs = _only_visible(probs.cpu(), frame, photo.visible)
        scene = self._scene(photo, frame, config, (vectors.cpu(), probs))
        if pieces is not None:
            tree = region_tree(scene.embedding.numpy(), frame, pieces.result(), self.sheet)
            vars(scene)["regions"] = tree  # where `Scene.regions` remembers it
        return scene

    def _scene(
        self, photo: Photo, frame: Frame, config: SceneConfig, found: tuple[Tensor, Tensor]
    ) -> Scene:
        """The scene of a photo whose vectors (h, w, D) and probabilities are there."""
        (vectors, probs), network = found, self.network.config
        return Scene(
            frame=frame,
            embedding=vectors.permute(2, 0, 1),
            class_probs=probs,
            taus=network.taus,
            classes=network.classes,
            config=config,
            photo_digest=photo.digest,
            weights=self.weights,
            sheet=self.sheet,
            iou_head=self.iou_head,
            image=shrink(shown(photo)),
            visible=photo.visible,
        )

    def _pass(self, images: Tensor, config: SceneConfig, long: float) -> tuple[Tensor, Tensor]:
        """Vectors (h, w, D), the rows that every distance reads, and probabilities (T, C+1, h, w).

        Of all cells, those on the padding too, of an input that is so many long sides long.
        """
        images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, config.precision == "bfloat16"):
            output = self.network(images, long)
        return output.embedding[0].permute(1, 2, 0), output.class_logits[0].softmax(1)

    def _tiled_pass(
        self, images: Tensor, config: SceneConfig, long: float
    ) -> tuple[Tensor, Tensor]:
        """`_pass`; of a long input in tiles along it, so that the network's memory is bounded.

        Tiles begin on multiples of 16 pixels, so cells lie on cells; where two overlap, both count,
        each the less the nearer the cell lies to its end.
        """
        axis = -2 if images.shape[-2] > images.shape[-1] else -1
        tiles = tiles_of(images.shape[axis], config.long_side)
        if len(tiles) == 1:
            return self._pass(images, config, long)
        sums: list[Tensor] = []
        total = torch.zeros((images.shape[axis] - 1) // STRIDE + 1)
        for start, length in tiles:
            cells = slice(start // STRIDE, (start + length - 1) // STRIDE + 1)
            found = self._pass(images.narrow(axis, start, length), config, TILE)
            weight = _ramp(cells.stop - cells.start)
            total[cells] += weight
            for k, part in enumerate(found):
                along = (axis + 2) if k == 0 else axis  # vectors are (h, w, D)
                if len(sums) == k:
                    shape = list(part.shape)
                    shape[along] = len(total)
                    sums.append(part.new_zeros(shape, dtype=torch.float32))
                sums[k].narrow(along, cells.start, len(weight)).add_(
                    part * _along(weight, part, along)
                )
        return (sums[0] / _along(total, sums[0], axis + 2)), sums[1] / _along(total, sums[1], axis)

    def _mirrored_pass(
        self, images: Tensor, config: SceneConfig, long: float
    ) -> tuple[Tensor, Tensor]:
        """`_tiled_pass` of the mirrored input, mirrored back: cells are cells (see `Frame`)."""
        vectors, probs = self._tiled_pass(images.flip(-1), config, long)
        return vectors.flip(1), probs.flip(-1)


def tiles_of(length: int, long_side: int) -> list[tuple[int, int]]:
    """(start, length) of the tiles along an input of 16n + 1 pixels, evenly spread.

    Of TILE long sides each, overlapping by at least one. Shorter inputs, those of photos up to
    16 : 3, are one tile: one pass.
    """
    steps, own = (length - 1) // MULTIPLE, TILE * long_side // MULTIPLE
    if steps <= own:
        return [(0, length)]
    count = math.ceil((steps - own) / (own - own // TILE)) + 1
    starts = [round(k * (steps - own) / (count - 1)) for k in range(count)]
    return [(start * MULTIPLE, own * MULTIPLE + 1) for start in starts]


def _ramp(cells: int) -> Tensor:
    """(cells,) weights: 1 in the middle, falling over a quarter of the tile towards both ends."""
    place = torch.arange(cells, dtype=torch.float32)
    return (torch.minimum(place, cells - 1 - place) + 0.5).div(cells / 4).clamp(max=1)


def _along(weight: Tensor, like: Tensor, axis: int) -> Tensor:
    """(n,) shaped to multiply `like` along an axis."""
    shape = [1] * like.dim()
    shape[axis] = -1
    return weight.to(like.device).view(shape)


def _only_visible(probs: Tensor, frame: Frame, visible: NDArray[np.bool_] | None) -> Tensor:
    """(T, C+1, h, w) probabilities; cells of transparent pixels are background: no seed lies there.

    Args:
        visible: (H, W) bool; None: all are.
    """
    if visible is None:
        return probs
    hidden = torch.from_numpy(~visible[np.ix_(*frame.centres())])
    probs = probs.clone()
    probs[:, :, hidden] = 0.0
    probs[:, 0, hidden] = 1.0
    return probs
