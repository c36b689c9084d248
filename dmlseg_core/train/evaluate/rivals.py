"""Classical partitions of a photo at 20 levels, to compare `Scene.regions` with.

Their free parameters are chosen by `tune` on training photos, once; the constants are its answer on
14 photos spread over the train list of `regions` (F .671 and .588, both inside their grids).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from skimage import graph
from skimage.segmentation import felzenszwalb, slic

from dmlseg_core.measure import IntArray, score_levels, summarize
from dmlseg_core.train.evaluate.photo_scores import AnySample, Partitioner

FELZENSZWALB: dict[str, float] = {"sigma": 1.6, "min_size": 150}
SLIC: dict[str, float] = {"n_segments": 600, "compactness": 40}
GRIDS: dict[str, dict[str, tuple[float, ...]]] = {
    "felzenszwalb": {"sigma": (0.8, 1.2, 1.6, 2.0), "min_size": (50, 150, 400)},
    "slic_merge": {"n_segments": (300, 600, 1000), "compactness": (20, 40, 80)},
}
SCALES: tuple[float, ...] = tuple(float(s) for s in np.geomspace(20, 4000, 20))
CUTS: tuple[float, ...] = tuple(float(c) for c in np.linspace(2, 60, 20))


def felzenszwalb_levels(rgb: Any, *, sigma: float = 1.6, min_size: float = 150) -> list[IntArray]:
    """Felzenszwalb and Huttenlocher (2004) at 20 scales.

    Args:
        rgb: (H, W, 3) uint8.
        sigma: blur before the graph is built, pixels.
        min_size: smallest region, pixels.

    Returns:
        20 of (H, W) integers.
    """
    return [felzenszwalb(rgb, scale=s, sigma=sigma, min_size=int(min_size)) for s in SCALES]


def slic_merge_levels(
    rgb: Any, *, n_segments: float = 600, compactness: float = 40
) -> list[IntArray]:
    """SLIC superpixels, neighbours merged while their mean colors differ less than a cut; 20 cuts.

    Args:
        rgb: (H, W, 3) uint8.
        n_segments: about so many superpixels.
        compactness: weight of space against color.

    Returns:
        20 of (H, W) integers.
    """
    cells = slic(rgb, n_segments=int(n_segments), compactness=compactness, start_label=1)
    merging: Any = graph  # untyped in scikit-image 0.26
    rag = merging.rag_mean_color(rgb, cells)
    return [merging.cut_threshold(cells, rag, cut, in_place=False) for cut in CUTS]


RIVALS: dict[str, Partitioner] = {
    "felzenszwalb": lambda rgb: felzenszwalb_levels(rgb, **FELZENSZWALB),
    "slic_merge": lambda rgb: slic_merge_levels(rgb, **SLIC),
}


def tune(samples: Iterable[AnySample]) -> dict[str, tuple[Mapping[str, float], float]]:
    """Choose each rival's parameters by boundary F (ODS) on training photos.

    Returns:
        By rival: its best parameters and their F.
    """
    photos: Sequence[AnySample] = list(samples)
    methods: dict[str, Any] = {
        "felzenszwalb": felzenszwalb_levels,
        "slic_merge": slic_merge_levels,
    }
    best: dict[str, tuple[Mapping[str, float], float]] = {}
    for name, method in methods.items():
        tried = []
        for values in product(*GRIDS[name].values()):
            options = dict(zip(GRIDS[name], values, strict=True))
            found = [score_levels(method(p.image, **options), list(p.partitions)) for p in photos]
            tried.append((summarize(found).boundary_ods, options))
        f, options = max(tried, key=lambda pair: pair[0])
        best[name] = (options, f)
    return best
