"""Ladders of arms from recorded banks with many samples an arm: efforts of one model, or models times efforts.

Questions are matched by id. Assumed beyond the recordings: prompt tokens are a quarter of the question's characters,
250 for GPQA, whose text is not stored; and the list prices of `FAMILY`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tts_agent.evaluation.arm_data import make_ladder
from tts_agent.evaluation.arm_ladder import Ladder
from tts_agent.evaluation.banks import Bank, RecordedQuestion, RecordedSample, find_bank, load_bank
from tts_agent.routing.arms import Arm, Floats

GPQA_PROMPT = 250.0
"""Tokens assumed for a question of GPQA."""

VOTING_SHARE = 0.8
"""An arm votes if at least this share of its wrong samples has an answer; some logs kept correct answers only, and
there agreement would give away who is right."""

LEAST_SAMPLES = 4

EFFORTS: dict[str, tuple[str, ...]] = {
    "gpqa/gpt-5.2-2025-12-11": ("low", "medium", "high", "xhigh"),
    "gpqa/gpt-5.1": ("medium", "high"),
    "gpqa/gpt-5-2025-08-07": ("medium", "high"),
    "gpqa/gpt-5-mini-2025-08-07": ("medium", "high"),
    "gpqa/gpt-5-nano-2025-08-07": ("medium", "high"),
    "gpqa/claude-opus-4-6": ("32000", "64000"),
    "aime/gpt-5.2-2025-12-11": ("low", "medium", "high"),
    "aime/gpt-5.1": ("low", "medium", "high"),
    "aime/gpt-5-2025-08-07": ("medium", "high"),
    "aime/gpt-5-mini-2025-08-07": ("medium", "high"),
    "aime/gpt-5-nano-2025-08-07": ("medium", "high"),
    "aime/claude-opus-4-6": ("32000", "64000"),
}
"""Every model that was recorded at several efforts with exact token counts."""

FAMILY: dict[str, tuple[float, float]] = {
    "gpt-5-nano-2025-08-07": (0.05, 0.4),
    "gpt-5-mini-2025-08-07": (0.25, 2.0),
    "gpt-5-2025-08-07": (1.25, 10.0),
}
"""Models of one family, each recorded at medium and at high effort: list prices of 2025 of an input and of an output
token, in dollars a million."""

FAMILY_LADDERS = ("gpqa/gpt-5 family", "aime/gpt-5 family")
"""Ladders over all of `FAMILY`, in millionths of a dollar."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One arm, and where its samples are."""

    name: str
    file: str
    options: Mapping[str, Any] = field(default_factory=dict)
    price: tuple[float, float] = (1.0, 1.0)
    """Of an input and of an output token."""


def recorded_arms(name: str) -> list[Recorded]:
    """The arms of one of `EFFORTS` or `FAMILY_LADDERS`, cheapest first."""
    task, model = name.split("/")
    if name in FAMILY_LADDERS:
        return [
            Recorded(
                f"{each.removesuffix('-2025-08-07')} {effort}",
                f"{task}__{each}__reffort-{effort}",
                {"model": each, "reasoning_effort": effort},
                price,
            )
            for each, price in FAMILY.items()
            for effort in ("medium", "high")
        ]
    kind = "rtokens" if model.startswith("claude") else "reffort"
    return [
        Recorded(effort, f"{task}__{model}__{kind}-{effort}", {"reasoning_effort": effort}) for effort in EFFORTS[name]
    ]


def effort_banks(name: str) -> list[Bank]:
    """A bank for each of `recorded_arms`: the same questions in the same order, samples with token counts only.

    Raises:
        BankError: a bank of it is missing or damaged.
    """
    banks = [load_bank(find_bank(arm.file), least_samples=2) for arm in recorded_arms(name)]
    timed = [{question.id: _timed(question) for question in bank.questions} for bank in banks]
    ids = [key for key in timed[0] if all(key in found and len(found[key].samples) >= LEAST_SAMPLES for found in timed)]
    return [replace(bank, questions=tuple(found[key] for key in ids)) for bank, found in zip(banks, timed, strict=True)]


def effort_ladder(name: str) -> Ladder:
    """One of `EFFORTS`, in tokens, or of `FAMILY_LADDERS`, in millionths of a dollar.

    Raises:
        BankError: a bank of it is missing or damaged.
    """
    task = name.split("/", maxsplit=1)[0]
    banks, recorded = effort_banks(name), recorded_arms(name)
    samples = [[question.samples for question in row] for row in zip(*(bank.questions for bank in banks), strict=True)]
    ids = [question.id for question in banks[0].questions]
    texts = [question.question for question in banks[0].questions]
    # letters of GPQA are drawn anew for each run, so its answers compare within an arm only; integers always do
    arms = [
        Arm(arm.name, arm.options, (f"{task} {arm.name}" if task == "gpqa" else task) if votes else None)
        for arm, votes in zip(recorded, _votes(samples), strict=True)
    ]
    prompt = None if task == "gpqa" else np.array([len(text or "") for text in texts], dtype=np.float64)
    tokens = np.full(len(ids), GPQA_PROMPT) if prompt is None else prompt / 4.0
    ladder = make_ladder(name, arms, samples, tokens, [arm.price for arm in recorded])
    features = gpqa_embeddings(ids) if task == "gpqa" else None
    return replace(ladder, prompt=prompt, features=features)


def gpqa_embeddings(ids: Sequence[str], *, dimensions: int = 32) -> Floats | None:
    """Principal components (n, d) of the stored sentence embeddings of GPQA; None where there are none."""
    path = find_bank("gpqa__gpt-5.1__reffort-high").parent / "gpqa_minilm_embeddings.npz"
    if not path.is_file():
        return None
    with np.load(path) as stored:
        place = {str(key): row for row, key in enumerate(stored["ids"])}
        vectors = stored["emb"].astype(np.float64)
    if not all(key in place for key in ids):
        return None
    chosen = vectors[[place[key] for key in ids]]
    left, scale, _ = np.linalg.svd(chosen - chosen.mean(axis=0), full_matrices=False)
    reduced: Floats = (left * scale)[:, :dimensions]
    return reduced


def _timed(question: RecordedQuestion) -> RecordedQuestion:
    return replace(question, samples=tuple(sample for sample in question.samples if sample.tokens is not None))


def _votes(samples: Sequence[Sequence[Sequence[RecordedSample]]]) -> list[bool]:
    """For each arm, whether its answers were recorded for wrong samples too."""
    votes = []
    for arm in range(len(samples[0])):
        wrong = [sample for row in samples for sample in row[arm] if not sample.correct]
        answered = sum(sample.answer is not None for sample in wrong)
        votes.append(answered >= VOTING_SHARE * len(wrong))
    return votes
