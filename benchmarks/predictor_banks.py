"""Which recorded banks predictor cards are about, and where the vectors of their questions come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tts_agent.difficulty.encoder import Encoder
from tts_agent.evaluation.banks import Bank, find_bank, load_bank
from tts_agent.evaluation.signals_vectors import Vectors, load_vectors
from tts_agent.evaluation.stream import TEN_BANKS, thinned

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
VOTED = (*TEN_BANKS, *TASKS, "game24__gpt-4__cot", "game24__gpt-4__io", "date__code-davinci-002__ltm40")
"""Banks with texts, samples of one model each, whose samples can vote."""
FAMILIES = ("epoch_gpqa", "epoch_otis_mock_aime")
"""Folders with a bank for each model: samples of one model."""
Encoders = Mapping[str, Encoder]
"""By the name that a table has for each; the first is the default one."""


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


def given_vectors(path: Path) -> Mapping[str, Vectors]:
    """Vectors by question id that lie beside a bank; none, as a rule."""
    return {name: row for file in path.parent.glob("*.npz") for name, row in load_vectors(file).items()}


class GivenEncoder:
    """Vectors by id in the place of texts that must not be stored: of the names that replays give such questions."""

    def __init__(self, bank: Bank, given: Mapping[str, Vectors]) -> None:
        self._rows = {f"{bank.name} {question.id}": given[question.id] for question in bank.questions}

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(n, e)."""
        return np.stack([self._rows[text] for text in texts])
