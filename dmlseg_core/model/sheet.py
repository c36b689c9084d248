"""The data sheet of a set of weights: constants that were fitted to them and are true of no others.

Distances mean what training made them mean, so every constant that weighs or compares them belongs
to the weights: it lies in their manifest entry, and other weights bring their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dmlseg_core.config import Config, Range
from dmlseg_core.errors import ParameterError, WeightsError

_FEATURES = 4  # of two neighbouring regions: see `scene.adjacency.FEATURES`


@dataclass(frozen=True)
class DataSheet(Config):
    """What `dmlseg calibrate` and its kin found for one set of weights.

    The defaults are where a fit begins, and how weights without a sheet are read.

    Attributes:
        region_weights, region_bias: logistic regression of "people draw a boundary here" on the
            features of two neighbouring regions (`python -m dmlseg_core.train.fit.regions`).
        edge_weight: weight of the region tree's distances in those of a click.
        length: squared distance at which the likeness of two clicks' vectors has fallen to 1/e.
        reach: longest distance in the photo, in units of its long side, at which a further click's
            share is 1/e.
        apart: the same as a share of the way between the nearest two clicks of different sign.
        skin, hair: (D + 1) numbers each, weights of an embedding vector and a bias: logits of a
            person's skin and hair against all else (`python -m dmlseg_core.train.fit.people`);
            empty: they are not told.
        bodywork: the same of a car's painted panels against its panes, lamps and wheels
            (`python -m dmlseg_core.train.fit.bodywork`).
        far: likeness of equal vectors far apart: above 1/2, a click settles all of an even object.
    """

    region_weights: tuple[float, ...] = (3.527, 1.049, 0.695, 0.13)
    region_bias: float = -4.231
    edge_weight: float = 0.125
    length: float = 0.35
    reach: float = 0.08
    apart: float = 0.7
    far: float = 0.55
    skin: tuple[float, ...] = ()
    hair: tuple[float, ...] = ()
    bodywork: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.region_weights) != _FEATURES:
            raise ParameterError(
                f"region_weights must be {_FEATURES} numbers; got {self.region_weights!r}"
            )
        for value in (*self.region_weights, self.region_bias):
            Range("region_weights and region_bias", -1e3, 1e3).check(value)
        if len(self.skin) != len(self.hair):
            raise ParameterError(
                f"skin and hair must be equally long; got {len(self.skin)} and {len(self.hair)}"
            )
        for value in (*self.skin, *self.hair, *self.bodywork):
            Range("skin, hair and bodywork", -1e6, 1e6).check(value)
        for name in ("edge_weight", "length", "reach", "apart", "far"):
            Range(name, 0.0 if name == "edge_weight" else 1e-6, 10.0).check(getattr(self, name))

    def people(self, embedding: Tensor, passes: int = 1) -> Tensor | None:
        """How probably each cell is a person's skin, hair: (2, h, w) float32 in [0, 1].

        Args:
            embedding: (P * D, h, w) of these weights: the vectors of P passes beside each other,
                over sqrt(P). Their logits are averaged.
            passes: P, 2 where the mirrored photo was looked at too.

        Returns:
            None where the sheet does not say.

        Raises:
            WeightsError: the sheet is of vectors of another length.
        """
        return self._told(embedding, passes, self.skin, self.hair)

    def panels(self, embedding: Tensor, passes: int = 1) -> Tensor | None:
        """How probably each cell of a car is its bodywork: (h, w) float32 in [0, 1].

        What it says of other things means nothing. Arguments and errors as of `people`.
        """
        found = self._told(embedding, passes, self.bodywork)
        return None if found is None else found[0]

    def _told(self, embedding: Tensor, passes: int, *rows: tuple[float, ...]) -> Tensor | None:
        """(K, h, w) softmax of linear classifiers, all else being 0."""
        if not rows[0]:
            return None
        length = len(rows[0]) - 1
        if passes * length != len(embedding):
            raise WeightsError(
                f"the manifest's sheet tells skin, hair or bodywork by {length} numbers a vector, "
                f"the network gives {len(embedding) // passes}; fit it anew"
            )
        linear = torch.tensor(rows)
        mean = embedding.view(passes, length, *embedding.shape[1:]).sum(0) / passes**0.5
        logits = linear[:, :-1] @ mean.flatten(1) + linear[:, -1:]
        against = torch.cat([torch.zeros_like(logits[:1]), logits]).softmax(0)
        return against[1:].view(len(rows), *embedding.shape[1:])

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> DataSheet:
        """The sheet of a manifest entry; the defaults where it has none.

        Raises:
            WeightsError: it is no sheet.
        """
        try:
            return cls.from_dict(entry.get("sheet", {}))
        except (ParameterError, TypeError, AttributeError) as error:
            raise WeightsError(f"the manifest's sheet cannot be read: {error}") from None
