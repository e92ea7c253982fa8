"""The training loop: two processes, each with a model of its own, averaged every few steps (local SGD)."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.multiprocessing.spawn import spawn

from training import checkpoints
from training.batches import IGNORED, batches
from training.examples import Generated, Source
from training.llama import Llama, LlamaConfig
from training.muon import Muon
from tts_agent.embedded.tokenizer import Tokenizer

_LAST = "last.safetensors"


@dataclass(frozen=True)
class Plan:
    """One training run. It ends, with the learning rate at zero, after ``minutes`` or ``tokens``."""

    out: Path
    tokenizer: Path
    seed: int
    minutes: float
    tokens: float
    """Upper bound on training tokens, prompts included, padding not."""
    workers: int = 2
    batch_tokens: int = 2200
    muon_lr: float = 0.02
    adam_lr: float = 0.004
    warmup_steps: int = 40
    decay: float = 0.4
    """Share of the run over which the learning rate falls linearly to zero."""
    average_every: int = 8
    save_minutes: float = 5.0
    device: str = "cpu"
    resume: bool = False
    """Continue from ``out/last.safetensors``."""
    start: Path | None = None
    """Weights to start from; None starts from random ones."""
    lessons: Callable[[Tokenizer, int], Source] = Generated
    """What is learned, from the tokenizer and a seed."""


class Run:
    """The state of one worker."""

    def __init__(self, plan: Plan, rank: int) -> None:
        self.plan, self.rank = plan, rank
        tokenizer = Tokenizer.load(plan.tokenizer)
        torch.manual_seed(plan.seed)
        self.config = LlamaConfig(vocab_size=tokenizer.size)
        self.model = Llama(self.config).to(plan.device)
        matrices = [p for n, p in self.model.named_parameters() if p.ndim == 2 and "embed" not in n]
        others = [p for n, p in self.model.named_parameters() if p.ndim != 2 or "embed" in n]
        self.optimizers: list[tuple[torch.optim.Optimizer, float]] = [
            (Muon(matrices, plan.muon_lr), plan.muon_lr),
            (torch.optim.AdamW(others, plan.adam_lr, betas=(0.9, 0.95), weight_decay=0.0), plan.adam_lr),
        ]
        self.steps, self.tokens, self.seconds = 0, 0.0, 0.0
        if plan.start is not None:
            self.model.load_state_dict(checkpoints.read(plan.start))
        if plan.resume:
            self._restore()
        # A resumed run draws fresh examples: the seed moves on with the steps done.
        seed = hash((plan.seed, rank, self.steps))
        self.source = plan.lessons(tokenizer, seed)
        self.batches = batches(self.source, Random(seed), plan.batch_tokens, tokenizer.pad)
        for layer in self.model.model.layers:
            layer.compile(dynamic=True)  # once for all layers, which is much quicker than the whole model

    def loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy (nats) over the targets that count."""
        logits = self.model(inputs)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)

    def train(self) -> None:
        """Run to the end of the plan."""
        plan, begun, saved = self.plan, time.monotonic() - self.seconds, self.seconds
        losses: list[float] = []
        progress = self._progress()
        while progress < 1:
            losses += [self._step(progress) for _ in range(plan.average_every)]
            progress = self._average()
            self.seconds = time.monotonic() - begun
            if self.rank:
                continue
            if self.steps % (10 * plan.average_every) == 0:
                self._log(losses)
                losses.clear()
            if self.seconds - saved > 60 * plan.save_minutes or progress >= 1:
                saved = self.seconds
                self._save()

    def _step(self, progress: float) -> float:
        inputs, targets = next(self.batches)
        inputs, targets = inputs.to(self.plan.device), targets.to(self.plan.device)
        loss = self.loss(inputs, targets)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        rate = min(1.0, (self.steps + 1) / self.plan.warmup_steps, (1 - progress) / self.plan.decay)
        for optimizer, peak in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = peak * rate
            optimizer.step()
            optimizer.zero_grad()
        self.steps += 1
        self.tokens += int((inputs != 0).sum())
        return loss.item()

    def _progress(self) -> float:
        return max(self.seconds / 60 / self.plan.minutes, self.tokens / self.plan.tokens)

    def _average(self) -> float:
        """Average the workers' weights; return the first worker's progress, which rules for all."""
        parameters = [p.data for p in self.model.parameters()]
        if dist.is_initialized():
            mine = torch.tensor([self.tokens if self.rank == 0 else 0.0, self.seconds if self.rank == 0 else 0.0])
            flat = torch.cat([p.flatten() for p in parameters])
            dist.all_reduce(flat)
            dist.all_reduce(mine)
            flat /= dist.get_world_size()
            for parameter, part in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
                parameter.copy_(part.view_as(parameter))
            total, seconds = mine.tolist()
            share: float = max(seconds / 60 / self.plan.minutes, total * self.plan.workers / self.plan.tokens)
        else:
            share = self._progress()
        self.source.progress = share
        return share

    def _log(self, losses: list[float]) -> None:
        line = {
            "step": self.steps,
            "tokens": round(self.tokens * self.plan.workers),
            "seconds": round(self.seconds, 1),
            "loss": round(sum(losses) / len(losses), 4),
        }
        with (self.plan.out / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def _save(self) -> None:
        out, weights = self.plan.out, self.model.state_dict()
        checkpoints.write(out / f"weights-{round(self.seconds / 60):03}.safetensors", weights)
        checkpoints.write(out / "final.safetensors", weights)
        done = {"steps": self.steps, "tokens": self.tokens, "seconds": self.seconds}
        checkpoints.write_state(out / _LAST, self.model, self._optimizers, **done)

    def _restore(self) -> None:
        done = checkpoints.read_state(self.plan.out / _LAST, self.model, self._optimizers)
        self.steps, self.tokens, self.seconds = int(done["steps"]), done["tokens"], done["seconds"]

    @property
    def _optimizers(self) -> list[torch.optim.Optimizer]:
        return [optimizer for optimizer, _ in self.optimizers]


def fit(plan: Plan) -> None:
    """Train as planned; write ``log.jsonl``, checkpoints and ``final.safetensors`` to ``plan.out``."""
    plan.out.mkdir(parents=True, exist_ok=True)
    if plan.workers == 1:
        Run(plan, 0).train()
    else:
        spawn(_worker, (plan,), nprocs=plan.workers)


def _worker(rank: int, plan: Plan) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{(plan.out / f'rendezvous-{os.getppid()}').absolute()}",
        rank=rank, world_size=plan.workers,
    )  # fmt: skip
    Run(plan, rank).train()
    dist.destroy_process_group()
