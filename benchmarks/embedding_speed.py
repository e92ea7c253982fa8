"""How fast texts are embedded, what share of the machine that is, and how long the estimate of a single step takes.

    python -m benchmarks.embedding_speed                 # fp32 on the CPU
    python -m benchmarks.embedding_speed --device cuda   # bf16 on a GPU

Texts are different prompts of exactly 128 tokens. Beside the package's `SentenceEncoder` runs what it would be without:
sentence-transformers' own `encode` at its defaults, in the same process and in turns. The share of the roofline is the
encoder's floating-point operations a token times tokens a second, over the best rate of one large matrix product in the
same precision on the same device, measured before and after. Writes ``benchmarks/results/embedding_speed.md``; with
``--device cuda`` a file of its own.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from tts_agent.difficulty import DifficultyEstimator, SentenceEncoder, StepText
from tts_agent.embedded import ESTIMATOR_FOLDER
from tts_agent.embedded.problems import demo_problems

TOKENS = 128
"""Of a prompt, the two that the encoder adds included."""
WORDS = ("amount", "basket", "count", "garden", "letter", "market", "number", "river", "station", "window")
"""One token each."""
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Rate:
    """How many texts a second, of several passes over the same number of new ones."""

    name: str
    texts: Sequence[float]

    @property
    def best(self) -> float:
        """The fastest pass: what the machine can do when nothing else runs on it."""
        return max(self.texts)

    @property
    def median(self) -> float:
        """The pass in the middle."""
        return float(np.median(self.texts))


def prompts(number: int, random: Random) -> list[str]:
    """So many different texts of `TOKENS` tokens."""
    return [" ".join(random.choices(WORDS, k=TOKENS - 2)) for _ in range(number)]


def flops_a_token(model: SentenceTransformer) -> float:
    """Of one token in a text of `TOKENS`: two operations a weight of the layers, and the products of attention.

    Embedding tables are looked up and not multiplied, so they do not count; nor do norms, softmax and biases.
    """
    module: Any = model[0]
    config = module.auto_model.config
    weights = 4 * config.hidden_size**2 + 2 * config.hidden_size * config.intermediate_size
    return float(config.num_hidden_layers * (2 * weights + 4 * TOKENS * config.hidden_size))


def matmul_peak(device: str, dtype: torch.dtype) -> float:
    """FLOP/s of the fastest of several products of two square matrices."""
    size = 8192 if device == "cuda" else 2048
    left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    return max(2.0 * size**3 / _seconds(lambda: left @ right, device) for _ in range(10))


def _seconds(work: Callable[[], object], device: str) -> float:
    _synchronized(device)
    began = time.perf_counter()
    work()
    _synchronized(device)
    return time.perf_counter() - began


def _synchronized(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def single_steps(device: str, number: int) -> tuple[float, float, float]:
    """Seconds that a loaded estimator takes for one step before a call: p50 and p99 of new texts, p50 of known ones."""
    estimator = DifficultyEstimator.load(ESTIMATOR_FOLDER, encoder=SentenceEncoder(device=device))
    steps = [StepText(problem.question, problem.family, "embedded") for problem in demo_problems(number + 20, seed=7)]
    for step in steps[:20]:
        estimator.predict([step])
    new = [_seconds(partial(estimator.predict, [step]), device) for step in steps[20:]]
    again = [_seconds(partial(estimator.predict, [step]), device) for step in steps[20:]]
    return float(np.median(new)), float(np.quantile(new, 0.99)), float(np.median(again))


def measure(device: str, number: int, passes: int, seed: int) -> tuple[list[Rate], float, float]:
    """Texts a second of both, FLOPs a token, and the matrix product's peak."""
    random = Random(seed)
    ours = SentenceEncoder(device=device)
    ours.encode(prompts(32, random))
    plain = SentenceTransformer(str(ours._folder), device=device)
    plain.encode(prompts(32, random), show_progress_bar=False)
    if any(len(plain.tokenizer(text)["input_ids"]) != TOKENS for text in prompts(8, random)):
        raise SystemExit(f"the prompts are not of {TOKENS} tokens")
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    ways: dict[str, Callable[[list[str]], object]] = {"tts_agent": ours.encode, "sentence-transformers": plain.encode}
    peak = matmul_peak(device, dtype)
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(passes):
        for name, encode in ways.items():
            texts = prompts(number, random)
            rates[name].append(number / _seconds(partial(encode, texts), device))
    peak = max(peak, matmul_peak(device, dtype))
    return [Rate(name, found) for name, found in rates.items()], flops_a_token(plain), peak


def page(device: str, asked: argparse.Namespace) -> str:
    """Measure, and write what came out."""
    rates, flops, peak = measure(device, asked.texts, asked.passes, asked.seed)
    p50, p99, known = single_steps(device, asked.steps)
    busy = os.getloadavg()[0]
    where = f"{torch.cuda.get_device_name()}, bf16" if device == "cuda" else f"{torch.get_num_threads()} threads, fp32"
    lines = [
        f"# Speed of embedding, {device}",
        "",
        f"`python -m benchmarks.embedding_speed --device {device} --texts {asked.texts} --passes {asked.passes}`",
        "",
        f"all-MiniLM-L6-v2, {where}, torch {torch.__version__}, {platform.machine()}; {busy:.0f} processes wanted the "
        f"{os.cpu_count()} cores.",
        f"{asked.passes} passes over {asked.texts} different prompts of {TOKENS} tokens each, both ways in turns.",
        "The share is of the best rate of a large matrix product in that precision,",
        f"{peak / 1e12:.3f} TFLOP/s here, at {flops / 1e6:.1f} MFLOP a token.",
        "",
        "| way | prompts/s, median | best | share of the roofline, median | best |",
        "|---|---|---|---|---|",
        *(
            f"| {rate.name} | {rate.median:,.0f} | {rate.best:,.0f} | {rate.median * TOKENS * flops / peak:.0%} "
            f"| {rate.best * TOKENS * flops / peak:.0%} |"
            for rate in rates
        ),
        "",
        f"The estimate of a single step (encode, stage one), {asked.steps} steps one by one, everything loaded:",
        "",
        "| step | p50 | p99 |",
        "|---|---|---|",
        f"| new text | {p50 * 1e3:.2f} ms | {p99 * 1e3:.2f} ms |",
        f"| text seen before | {known * 1e3:.2f} ms | |",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--texts", type=int, default=64)
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    text = page(asked.device, asked)
    print(text)
    ending = "" if asked.device == "cpu" else f"_{asked.device}"
    (RESULTS / f"embedding_speed{ending}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
