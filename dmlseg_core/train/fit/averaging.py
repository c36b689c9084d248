"""`dmlseg average`: a fine-tuned network, averaged with the one that it started from.

What is between two ends of one training run in the space of weights keeps the masks that were
gained and the classes that would be forgotten (WiSE-FT: Wortsman et al. 2022, arXiv 2109.01903).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dmlseg_core.config import NetworkConfig, Range
from dmlseg_core.errors import WeightsError
from dmlseg_core.model import (
    EmbeddingNetwork,
    IoUHead,
    check_export,
    history,
    load_network,
    save_weights,
)
from dmlseg_core.train.fit.rescaling import rescaled

SHARE = Range("share", 0.0, 1.0)
_NEAR = 1e-3


def average(start: Path, tuned: Path, share: float, out: Path) -> dict[str, Any]:
    """Write (1 - share) * start + share * tuned, tensor by tensor, as a weights file.

    The IoU head is left out: it belongs to the masks of one network. `dmlseg calibrate` fits it.
    A run begins with a rescaled file in the unit that it was trained in, so `start` is taken in
    `tuned`'s.

    Args:
        start, tuned: weights files of one config.
        share: of `tuned`, in [0, 1].
        out: NAME.safetensors; its manifest entry is that of `tuned`, with "average" added.

    Returns:
        The manifest entry.

    Raises:
        ParameterError: a share outside [0, 1].
        ExportError: `out` cannot be written.
        WeightsError: a file cannot be read, or the two are of different configs.
    """
    SHARE.check(share)
    check_export(out)
    (first, entry), (second, about) = load_network(start), load_network(tuned)
    first = _in_unit(first, about.get("rescaled", 1.0) / entry.get("rescaled", 1.0))
    if odd := _differences(first.config, second.config):
        raise WeightsError(
            f"{start} and {tuned} are networks of different configs: no average ({'; '.join(odd)})"
        )
    theirs = second.state_dict()
    ours = first.state_dict()
    floats = [k for k, v in ours.items() if v.is_floating_point()]  # the others count batches
    second.load_state_dict(theirs | {k: ours[k].lerp(theirs[k], share) for k in floats})
    config = second.config
    second.iou_head = IoUHead(len(config.taus), len(config.classes), config.dial)
    mix = {"start": entry["sha256"], "tuned": about["sha256"], "share": share}
    return save_weights(second, out, **{**history(about), "average": mix})


def _in_unit(network: EmbeddingNetwork, factor: float) -> EmbeddingNetwork:
    """With squared distances times `factor`, as `dmlseg rescale` does it."""
    return network if factor == 1 else rescaled(network, factor)


def _differences(one: NetworkConfig, other: NetworkConfig) -> list[str]:
    """What two configs differ in; taus that were rescaled are rounded."""
    first, second = one.to_dict(), other.to_dict()
    pairs = zip(first.pop("taus"), second.pop("taus"), strict=False)
    same = len(one.taus) == len(other.taus) and all(abs(a - b) < _NEAR for a, b in pairs)
    odd = [] if same else [f"taus {one.taus} and {other.taus}"]
    return odd + [f"{k} {v} and {second[k]}" for k, v in first.items() if v != second[k]]
