"""Which recorded banks predictor cards are about, and how their numbers are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isnan
from pathlib import Path

from tts_agent.difficulty.encoder import Encoder
from tts_agent.evaluation.banks import Bank, find_bank, load_bank
from tts_agent.evaluation.score_intervals import Resampled
from tts_agent.evaluation.stream import thinned

PANELS = (
    "gsm8k__routellm_mixtral_gpt4",
    "mmlu__routellm_mixtral_gpt4",
    "gsm__zeroeval_44models",
    "crux__zeroeval_51models",
    "math-l5__zeroeval_43models",
    "swebench_verified__panel48_agents",
)
"""One sample a model: a question's count is over models."""
TASKS = ("tau_bench_airline__gpt-4o__trials4",)
FAMILIES = ("epoch_gpqa", "epoch_otis_mock_aime")
"""Folders with a bank for each model: samples of one model."""
Encoders = Mapping[str, Encoder]
"""By the name that a table has for each; the first is the default one."""
MOST = 200
"""Questions of a bank."""


def panel_bank(name: str, most: int, seed: int) -> Bank:
    """A panel as a bank: its samples are of different models, so their lengths say nothing of the next one's."""
    bank = thinned(load_bank(find_bank(name)), most, seed=seed)
    strip = [
        replace(question, samples=tuple(replace(sample, tokens=None, logprob=None) for sample in question.samples))
        for question in bank.questions
    ]
    return replace(bank, questions=tuple(strip))


def run_paths(family: str, runs: int) -> list[Path]:
    """`runs` files of a family's folder, evenly spaced in the order of names; 0 is all."""
    folder = next(path for path in (find_bank(PANELS[0]).parents[1] / family,) if path.is_dir())
    paths = sorted(folder.glob("*.jsonl.gz"))
    if not 0 < runs < len(paths):
        return paths
    return [paths[index * len(paths) // runs] for index in range(runs)]


def number(value: float | None) -> str:
    """Three digits, a dash where there is none."""
    return "-" if value is None or isnan(value) else f"{value:.3f}"


def gain_cell(one: Resampled, other: Resampled) -> str:
    """Gain in AUROC with its interval."""
    gain, (low, high) = one.gain(other, "auroc")
    return "-" if isnan(gain) or one is other else f"{gain:+.3f} ({low:+.3f} to {high:+.3f})"
