"""The training loop: resumable to the step, on one device or several (accelerate / torchrun)."""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import torch
from accelerate import Accelerator  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from tqdm import tqdm  # type: ignore[import-untyped]

from dmlseg_core.errors import DatasetError, ParameterError, TrainingError
from dmlseg_core.model import EmbeddingNetwork
from dmlseg_core.photo import write_bytes
from dmlseg_core.train.checkpoint import load_checkpoint, save_checkpoint
from dmlseg_core.train.config import TrainConfig
from dmlseg_core.train.data import Augment, Sample
from dmlseg_core.train.losses import compute_losses
from dmlseg_core.train.pretrained import load_pretrained
from dmlseg_core.train.stream import CropStream, collate
from dmlseg_core.train.teacher import Teacher, naming_loss

LOG = "log.csv"
_COLUMNS = (
    "step", "loss", "embedding", "classification", "overlap", "naming", "lambda", "lr", "seconds"
)  # fmt: skip


def freeze(network: nn.Module, prefixes: Sequence[str]) -> None:
    """Keep every tensor whose name starts with one of `prefixes` out of training.

    Raises:
        ParameterError: a prefix that no tensor has: it would silently freeze nothing.
    """
    for prefix in prefixes:
        chosen = [p for n, p in network.named_parameters() if n.startswith(prefix)]
        if not chosen:
            raise ParameterError(f"frozen: no tensor's name starts with {prefix!r}")
        for parameter in chosen:
            parameter.requires_grad_(False)


def hold_still(network: nn.Module, prefixes: Sequence[str]) -> None:
    """Put the frozen modules in eval mode: their batch norms' running statistics stay too."""
    for name, module in network.named_modules():
        if any(f"{name}.".startswith(prefix) for prefix in prefixes):
            module.eval()


def learning_rate_factor(step: int, config: TrainConfig) -> float:
    """Linear warm-up, a plateau, then 1 - sqrt down to 0 over the last `cooldown` steps; in [0, 1].

    Unlike a cosine it does not depend on the length of the run before the cool-down: a run can be
    prolonged from its plateau, or ended early (Haegele et al. 2024, arXiv 2405.18392).
    """
    if step < config.warmup:
        return (step + 1) / config.warmup
    done = (step - (config.steps - config.cooldown)) / max(1, config.cooldown)
    return 1 - math.sqrt(min(1.0, max(0.0, done)))


def loss_weight(step: int, config: TrainConfig) -> float:
    """lambda of L = L_e + lambda L_cls: ramps 0 -> lambda_max over the first lambda_ramp steps."""
    return config.lambda_max * min(1.0, step / max(1, config.lambda_ramp))


def make_optimizer(network: EmbeddingNetwork, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW with a lower rate for the pretrained trunk; no weight decay on biases and norms."""
    groups = []
    for trunk, lr in ((True, config.backbone_lr), (False, config.lr)):
        trained = [
            p
            for n, p in network.named_parameters()
            if p.requires_grad and n.startswith("backbone.") is trunk
        ]
        for decays in (True, False):
            chosen = [p for p in trained if (p.ndim > 1) is decays]
            decay = config.weight_decay if decays else 0.0
            groups.append({"params": chosen, "lr": lr, "peak": lr, "weight_decay": decay})
    return torch.optim.AdamW(groups)


def make_folder(folder: Path) -> None:
    """Of a run; TrainingError where it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"{folder} cannot be made ({error.strerror or error})") from None


class Run:
    """One training run in a folder: `Run(...).train()` starts it or goes on where it stood.

    Args:
        folder: where checkpoint and log live.
        sets, shares: training sets and their sampling weights.
        config: the run; a checkpoint of another config is refused.
        augment: photo -> crop.
        init: tensors to start the backbone from (`train.pretrained`), or None for random.
        teacher: tensors of a DeepLab with its classifier; needed where `config.distill` is above 0.
        workers: data-loading processes.
        save_every: steps between checkpoints.
    """

    def __init__(
        self, folder: Path, sets: Sequence[Sequence[Sample]], shares: Sequence[float],
        config: TrainConfig, augment: Augment, *, init: Mapping[str, Tensor] | None = None,
        teacher: Mapping[str, Tensor] | None = None, workers: int = 1, save_every: int = 200,
    ) -> None:  # fmt: skip
        if (teacher is None) != (not config.distill):
            raise ParameterError(
                f"--teacher FILE and a distill above 0 go together; got distill={config.distill:g} "
                f"and {'no' if teacher is None else 'a'} teacher"
            )
        self.teacher = None if teacher is None else Teacher(teacher)
        make_folder(folder)
        self.folder, self.config, self.save_every = folder, config, save_every
        self.shares = tuple(shares)
        mixed = "bf16" if config.precision == "bfloat16" else "no"
        self.accelerator = Accelerator(mixed_precision=mixed, cpu=not torch.cuda.is_available())
        torch.manual_seed(config.rng)
        network = EmbeddingNetwork(config.network)
        if init is not None:
            load_pretrained(network, init)
        freeze(network, config.frozen)
        network = network.to(memory_format=torch.channels_last)
        average = get_ema_multi_avg_fn(config.ema)  # type: ignore[no-untyped-call]
        self.average = AveragedModel(network, multi_avg_fn=average, use_buffers=True).to(
            self.accelerator.device
        )
        self.optimizer = make_optimizer(network, config)
        self.step = 0
        if self.teacher is not None:
            self.teacher.to(self.accelerator.device).to(memory_format=torch.channels_last)
        self._restore(network)
        self.network, self.optimizer = self.accelerator.prepare(network, self.optimizer)
        per_step = config.batch_size * self.accelerator.num_processes
        stream = CropStream(
            sets, shares, config, augment, first=self.step * per_step,
            length=(config.steps - self.step) * per_step,
        )  # fmt: skip
        loader = DataLoader(
            stream, config.batch_size, collate_fn=collate, num_workers=workers,
            prefetch_factor=4 if workers else None, pin_memory=torch.cuda.is_available(),
            generator=torch.Generator(),  # its own: a resumed run must not draw once more
        )  # fmt: skip
        self.loader = self.accelerator.prepare(loader)

    def _restore(self, network: EmbeddingNetwork) -> None:
        state = load_checkpoint(self.folder, self.config)
        if state is None:
            return
        network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["rng"])
        self.step = int(state["step"])

    def save(self) -> None:
        """Checkpoint the run; only the first process of several writes."""
        if self.accelerator.is_main_process:
            network: nn.Module = self.accelerator.unwrap_model(self.network)
            state = {
                "config": self.config.to_dict(), "step": self.step, "rng": torch.get_rng_state(),
                "network": network.state_dict(), "average": self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
            }  # fmt: skip
            save_checkpoint(self.folder, state)

    def train(self, until: int | None = None) -> EmbeddingNetwork:
        """Train to the last step (or to step `until`) and return the averaged network.

        Raises:
            TrainingError: the loss is not finite; the last checkpoint is left as it was.
        """
        self.network.train()
        hold_still(self.accelerator.unwrap_model(self.network), self.config.frozen)
        main = self.accelerator.is_main_process
        last = self.config.steps
        with (
            tqdm(total=last, initial=self.step, disable=not main, mininterval=5) as bar,
            _Log(self.folder / LOG, self.step, enabled=main) as log,
        ):
            for batch in self._batches():
                if self.step >= min(last, until or last):
                    break
                row = self._one_step(batch)
                log.write(row)
                bar.update()
                bar.set_postfix(loss=f"{row['loss']:.3f}", refresh=False)
                if self.step % self.save_every == 0:
                    self.save()
        self.save()
        network: Any = self.average.module
        return network  # type: ignore[no-any-return]

    def _batches(self) -> Iterator[dict[str, Tensor]]:
        """The loader's batches; a bad photo's error comes without the traceback of a worker."""
        threads = cv2.getNumThreads()
        # the workers share the cores already; told here, as OpenCV's pool does not survive a fork
        cv2.setNumThreads(1)
        try:
            yield from self.loader
        except DatasetError as error:
            raise DatasetError(str(error).rsplit("DatasetError: ", 1)[-1].strip()) from None
        finally:
            cv2.setNumThreads(threads)

    def _one_step(self, batch: dict[str, Tensor]) -> dict[str, float]:
        start = time.perf_counter()
        factor = learning_rate_factor(self.step, self.config)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        images = batch["image"].contiguous(memory_format=torch.channels_last) / 127.5 - 1
        output = self.network(images)
        losses = compute_losses(output, batch, self.config)
        losses["naming"] = self._naming(images, output.class_logits)
        weight = loss_weight(self.step, self.config)
        named = losses["classification"] + self.config.distill * losses["naming"]
        total = losses["embedding"] + weight * named
        total = total + self.config.overlap * losses["overlap"]
        self._stop_unless_finite("loss", total)
        self.optimizer.zero_grad()
        self.accelerator.backward(total)
        norm = self.accelerator.clip_grad_norm_(self.network.parameters(), self.config.clip_norm)
        if norm is not None:  # checked before the step: the weights would be lost with it
            self._stop_unless_finite("gradient", norm)
        self.optimizer.step()
        self.average.update_parameters(self.accelerator.unwrap_model(self.network))
        self.step += 1
        values: dict[str, Any] = {k: v.item() for k, v in losses.items()}
        return values | {
            "step": self.step, "loss": total.item(), "lambda": weight,
            "lr": self.config.lr * factor, "seconds": time.perf_counter() - start,
        }  # fmt: skip

    def _naming(self, images: Tensor, logits: Tensor) -> Tensor:
        if self.teacher is None:
            return logits.new_zeros(())
        with self.accelerator.autocast():
            taught = self.teacher(images)
        return naming_loss(logits, taught, self.config.network.classes)

    def _stop_unless_finite(self, name: str, value: Tensor) -> None:
        if not torch.isfinite(value):
            raise TrainingError(
                f"{name} is {value.item()} at step {self.step}; {self.folder} keeps the checkpoint "
                "before it, but try a lower lr in another folder"
            )


class _Log:
    """The run's CSV, one row a step; rows past the checkpoint that a kill left behind are cut."""

    def __init__(self, path: Path, step: int, *, enabled: bool) -> None:
        self.path, self.step, self.enabled = path, step, enabled

    def __enter__(self) -> _Log:
        if not self.enabled:
            return self
        kept = []
        if self.path.exists():
            with self.path.open(newline="") as old:
                # the row a kill cut short has no readable step
                kept = [r for r in csv.DictReader(old) if (r.get("step") or "x").isdigit()]
        kept = [r for r in kept if int(r["step"]) <= self.step]
        text = io.StringIO(newline="")
        # what an older log has no column for was no part of its loss
        rows = csv.DictWriter(text, _COLUMNS, restval=0, extrasaction="ignore")
        rows.writeheader()
        rows.writerows(kept)
        write_bytes(text.getvalue().encode(), self.path)  # whole, whenever the run is killed
        self.file = self.path.open("a", newline="")
        self.writer = csv.DictWriter(self.file, _COLUMNS)
        return self

    def write(self, row: dict[str, float]) -> None:
        if self.enabled:
            self.writer.writerow({k: f"{row[k]:.6g}" for k in _COLUMNS})
            self.file.flush()

    def __exit__(self, *_: object) -> None:
        if self.enabled:
            self.file.close()
