"""Photos, rules and a segmenter whose answers are known, for tests of many photos."""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from dmlseg_core.edit import Style
from dmlseg_core.folder import batch
from dmlseg_core.folder.rules import Find, Rule, Way
from tests import synth

CATS = Rule(Find(classes=("cat",)), (Way("navy", Style(color="navy")),), "cats")
PEOPLE = Rule(Find(classes=("person",)), (), "people")
HERO = Rule(Find(largest=1), tuple(Way(c, Style(color=c)) for c in ("red", "teal")), "hero")


@dataclass
class Synthetic:
    """Sees the scene of `synth` in every photo of its size."""

    seen: list
    weights: str = "0" * 64

    def analyze(self, photo):
        self.seen.append(photo.path.name)
        return replace(synth.scene(), photo_digest=photo.digest, weights=self.weights)


def picture(path, seed=0, **options):
    """A photo whose things have colors of their own."""
    where = synth.sample().instances
    colors = np.random.default_rng(seed).integers(60, 200, (5, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(colors[where]).save(path, **options)
    return path


def run(inputs, out, *, segmenter=None, **asked):
    segmenter = segmenter or Synthetic([])
    rows = list(batch([inputs], out, segmenter=segmenter, **asked))
    return segmenter, rows


def files(out):
    kinds = ("recolored", "cutouts", "labels", "overlays")
    return sorted(str(p.relative_to(out)) for k in kinds for p in (out / k).rglob("*.*"))
