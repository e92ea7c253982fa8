"""Ladders of arms from recorded banks: models of a panel, one sample each (`arm_efforts` has efforts).

What is assumed beyond the recordings:

- Prompt tokens are a quarter of the question's characters.
- Panels record characters / 4 as output tokens, and one sample a model.
- RouteLLM: $24.7 a million tokens for GPT-4 and $0.24 for Mixtral-8x7B (its paper, arXiv 2406.18665). MMLU has no
  recorded lengths: 10 output tokens each, since replies are one letter.
- ZeroEval: dollars a million output tokens in `PRICES`, rough list prices of 2024 for the closed models and tokens
  priced by billions of parameters for the open ones; input tokens at a quarter of the price of output tokens.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tts_agent.evaluation.arm_ladder import Ladder
from tts_agent.evaluation.banks import Bank, BankError, RecordedSample
from tts_agent.exceptions import ConfigurationError
from tts_agent.routing.arm_fitting import ArmRecords
from tts_agent.routing.arms import Arm, Floats

SHORT_REPLY = 10.0
"""Output tokens assumed where none were recorded."""

ROUTELLM: dict[str, str] = {
    "routellm/gsm8k": "gsm8k__routellm_mixtral_gpt4",
    "routellm/mmlu": "mmlu__routellm_mixtral_gpt4",
}

PRICES: dict[str, float] = {
    "mistralai/Mixtral-8x7B-Instruct-v0.1": 0.24,
    "gpt-4-1106-preview": 24.7,
    "Meta-Llama-3.1-8B-Instruct": 8.0,
    "Meta-Llama-3.1-70B-Instruct": 70.0,
    "Llama-3.1-405B-Inst@sambanova": 405.0,
    "Qwen2.5-3B-Instruct": 3.0,
    "Qwen2.5-7B-Instruct": 7.0,
    "Qwen2.5-32B-Instruct": 32.0,
    "Qwen2.5-72B-Instruct": 72.0,
    "gpt-4o-mini-2024-07-18": 0.6,
    "gpt-4o-2024-08-06": 10.0,
    "claude-3-haiku-20240307": 1.25,
    "claude-3-5-sonnet-20241022": 15.0,
}
"""Price of an output token of each model; only ratios within a family matter."""

FAMILIES: dict[str, tuple[str, ...]] = {
    "llama-3.1": ("Meta-Llama-3.1-8B-Instruct", "Meta-Llama-3.1-70B-Instruct", "Llama-3.1-405B-Inst@sambanova"),
    "qwen2.5": ("Qwen2.5-3B-Instruct", "Qwen2.5-7B-Instruct", "Qwen2.5-32B-Instruct", "Qwen2.5-72B-Instruct"),
    "gpt-4o": ("gpt-4o-mini-2024-07-18", "gpt-4o-2024-08-06"),
    "claude": ("claude-3-haiku-20240307", "claude-3-5-sonnet-20241022"),
}

ZEROEVAL: dict[str, tuple[str, tuple[str, ...]]] = {
    "gsm": ("gsm__zeroeval_44models", ("llama-3.1", "gpt-4o", "claude")),
    "crux": ("crux__zeroeval_51models", ("llama-3.1", "qwen2.5", "gpt-4o", "claude")),
    "math-l5": ("math-l5__zeroeval_43models", ("llama-3.1", "qwen2.5", "gpt-4o", "claude")),
}


def panel_ladder(name: str, bank: Bank, models: Sequence[str], *, text_features: Floats | None = None) -> Ladder:
    """Models of a panel as arms, cheapest first; `text_features` (all questions of the bank, d)."""
    rows, samples = [], []
    for row, question in enumerate(bank.questions):
        by_model = {sample.source: sample for sample in question.samples}
        if all(model in by_model for model in models):
            rows.append(row)
            samples.append([[by_model[model]] for model in models])
    if not rows:
        raise ConfigurationError(f"{bank.name} has no question that all of {', '.join(models)} answered")
    votes = [any(group[0].answer is not None for group in column) for column in zip(*samples, strict=True)]
    arms = [
        Arm(model, {"model": model}, bank.name if vote else None) for model, vote in zip(models, votes, strict=True)
    ]
    prompt = np.array([len(bank.questions[row].question or "") for row in rows], dtype=np.float64)
    dearest = PRICES[models[-1]]
    flat = name.startswith("routellm")
    prices = [(PRICES[model] / dearest * (1.0 if flat else 0.25), PRICES[model] / dearest) for model in models]
    ladder = make_ladder(name, arms, samples, prompt / 4.0, prices)
    return replace(ladder, prompt=prompt, features=None if text_features is None else text_features[rows])


def make_ladder(
    name: str,
    arms: Sequence[Arm],
    samples: Sequence[Sequence[Sequence[RecordedSample]]],
    prompt_tokens: Floats,
    prices: Sequence[tuple[float, float]],
) -> Ladder:
    """`samples` by question and arm, prompt tokens by question; prices of an input and an output token of each arm."""
    most = max(len(group) for row in samples for group in row)
    shape = (len(samples), len(arms), most)
    correct, costs, lengths = (np.full(shape, np.nan) for _ in range(3))
    answers = np.full(shape, -1, dtype=np.int64)
    for q, row in enumerate(samples):
        codes: dict[str, int] = {}
        for a, group in enumerate(row):
            for s, sample in enumerate(group):
                output = SHORT_REPLY if sample.tokens is None else float(sample.tokens)
                correct[q, a, s] = sample.correct
                costs[q, a, s] = prices[a][0] * prompt_tokens[q] + prices[a][1] * output
                lengths[q, a, s] = np.nan if sample.tokens is None else output
                if sample.answer is not None and arms[a].comparable is not None:
                    answers[q, a, s] = codes.setdefault(sample.answer, len(codes))
    costs = np.maximum(costs, 1e-3)
    nothing = np.zeros((len(samples), 0), np.int64)
    return Ladder(name, tuple(arms), ArmRecords(correct, costs, lengths, answers, nothing))


def text_features(bank: Bank, *, dimensions: int = 48) -> Floats:
    """(questions, d): TF-IDF of words and word pairs, reduced by SVD, and the class of the question from its id.

    Nothing here looks at labels. Needs scikit-learn (extra "difficulty").
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [question.question or "" for question in bank.questions]
    table = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True).fit_transform(texts)
    width = min(dimensions, min(table.shape) - 1)
    vectors = TruncatedSVD(width, n_iter=3, random_state=0).fit_transform(table)
    length = np.log1p(np.array([len(text) for text in texts], dtype=np.float64))
    parts = [vectors / vectors.std(), ((length - length.mean()) / max(float(length.std()), 1e-9))[:, None]]
    kinds = [question.id.rsplit("-", 1)[0] for question in bank.questions]
    names = sorted(set(kinds))
    if 1 < len(names) <= len(kinds) // 10:
        parts.append(np.eye(len(names))[[names.index(kind) for kind in kinds]])
    return np.concatenate(parts, axis=1)


def budget_ladder(path: Path) -> list[tuple[str, list[RecordedSample]]]:
    """The budget-forcing file: for each budget, shortest first, one sample a question, questions in the same order.

    Its lines have "ladder" where banks have "samples", with the budget's name in "cfg".

    Raises:
        BankError: a line is not in that format; file and line are named.
    """
    found: dict[str, list[RecordedSample]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                for entry in json.loads(line)["ladder"]:
                    sample = RecordedSample(entry["answer"], bool(entry["correct"]), int(entry["tokens"]), None, None)
                    found.setdefault(entry["cfg"], []).append(sample)
            except (ValueError, KeyError, TypeError):
                raise BankError(f"{path}, line {number}: no ladder of budgets") from None
    if len({len(samples) for samples in found.values()}) > 1:
        raise BankError(f"{path}, line 1: not every question has every budget")
    return list(found.items())
