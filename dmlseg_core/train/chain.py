"""Chains of recipes: runs that begin with what the one before gave, and what is fitted at the end.

`dmlseg train --recipe NAME` runs a chain as it runs one recipe. Every part may be run again: a run
that has ended is only read, the others take minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dmlseg_core.errors import ParameterError
from dmlseg_core.train.fit import average, calibrate, fit_bodywork, fit_people, fit_regions, rescale
from dmlseg_core.train.loop import make_folder
from dmlseg_core.train.recipe import sets_in


@dataclass(frozen=True)
class Link:
    """One run of a chain.

    Attributes:
        recipe: its name.
        share: of what the run gave in its average with what it began with.
        taught: does the run listen to a teacher.
    """

    recipe: str
    share: float = 1.0
    taught: bool = False


@dataclass(frozen=True)
class Chain:
    """One way to make weights, in several runs.

    Attributes:
        start: file of pretrained tensors that the first run begins with.
        links: the runs, in order.
        rescale: factor of squared distances, so that the dial reaches parts and wholes.
        regions: set that the region tree is fitted to.
        clicks: sets that the taus of clicks are fitted to, and their shares.
        people: the set whose parts are named, and sets of other things, that tell skin and hair;
            empty: they are not told.
        bodywork: the set of cars' parts; empty: panels are not told.
    """

    start: str
    links: tuple[Link, ...]
    rescale: float
    regions: str
    clicks: Mapping[str, float]
    people: tuple[str, ...] = ()
    bodywork: str = ""

    def __str__(self) -> str:
        return "in turn " + ", ".join(link.recipe for link in self.links)


CHAINS: dict[str, Chain] = {
    "shipped": Chain(
        start="deeplabv3_mobilenetv2_coco_voc.safetensors",
        links=(
            Link("default"), Link("finetune"), Link("prolong", share=0.35),
            Link("distill", share=0.6, taught=True), Link("harden", share=0.45, taught=True),
        ),
        rescale=0.5,
        regions="regions",
        clicks={
            "voc": 0.32, "duts": 0.24, "scenes": 0.16, "things": 0.11,
            "clothing": 0.06, "regions": 0.06, "carparts": 0.04, "singles": 0.01,
        },
        people=("clothing", "voc", "things", "carparts", "scenes"),
        bodywork="carparts",
    ),
}  # fmt: skip
"""What the shipped weights came from, in one piece; docs/training.md says what really ran."""


def run_chain(
    chain: Chain, args: argparse.Namespace, train: Callable[[Sequence[str]], int]
) -> None:
    """Run a chain, or go on with it.

    Args:
        chain: what to run.
        args: flags of `dmlseg train`; --fraction, --set and how to load data hold for every run.
        train: `dmlseg train` with words.

    Raises:
        ParameterError: flags that do not go with a chain.
        DatasetError, WeightsError, TrainingError: as one run has them.
    """
    _check(chain, args)
    (folder, _), *_ = args.data
    clicks, regions = sets_in(folder, chain.clicks), sets_in(folder, {chain.regions: 1.0})
    begun = args.init
    make_folder(args.run)
    people = [path for path, _ in sets_in(folder, dict.fromkeys(chain.people, 1.0))]
    cars = sets_in(folder, {chain.bodywork: 1.0}) if chain.bodywork else []
    for link in chain.links:
        made = args.run / f"{link.recipe}.safetensors"
        train([*_words(args, folder, link), "--init", str(begun), "--export", str(made)])
        if link.share < 1:
            mixed = args.run / f"{link.recipe}-averaged.safetensors"
            average(begun, made, link.share, mixed)
            made = mixed
        begun = made
    rescale(begun, chain.rescale, args.export)
    fit_regions(args.export, regions[0][0])
    if people:
        fit_people(args.export, people[0], people[1:])
    if cars:
        fit_bodywork(args.export, cars[0][0])
    if args.calibrate:
        calibrate(args.export, clicks, photos=args.calibrate)
    print(f"{args.export}: all of the chain")


def _check(chain: Chain, args: argparse.Namespace) -> None:
    if args.init is None:
        raise ParameterError(f"a chain begins with pretrained tensors: add --init {chain.start}")
    if args.export is None:
        raise ParameterError("a chain ends with a file: add --export NAME.safetensors")
    if args.until is not None:
        raise ParameterError("--until stops one run: --fraction shortens a chain")
    if len(args.data) != 1 or args.data[0][1] != 1:
        raise ParameterError("with --recipe, --data takes the one folder in which its sets lie")


def _words(args: argparse.Namespace, folder: Path, link: Link) -> list[str]:
    """`dmlseg train`'s words for one run of the chain, but for its start and its end."""
    words = ["--recipe", link.recipe, "--data", str(folder), "--run", str(args.run / link.recipe)]
    words += ["--workers", str(args.workers), "--save-every", str(args.save_every)]
    words += ["--calibrate", "0"]  # all of it is fitted once, at the end
    words += ["--teacher", str(args.teacher or args.init)] if link.taught else []
    words += ["--fraction", str(args.fraction)] if args.fraction is not None else []
    words += ["--set", *args.values] if args.values else []
    return words + ["--skip-duplicate-check"] * args.skip_duplicate_check
