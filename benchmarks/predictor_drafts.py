"""Whether a draft of the answer says more than the question, on the only bank with texts of samples: for
``benchmarks.predictor_tries``."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace

import numpy as np

from benchmarks.predictor_pairs import Predicted, Rows, left_out
from tts_agent.difficulty.encoder import Encoder
from tts_agent.difficulty.labels import Label
from tts_agent.difficulty.questions import Questions, assign_folds
from tts_agent.evaluation.banks import find_bank, load_bank

TEXTS = "math500_100__r1-distill-llama-8b__opt16.text"
QUESTIONS = "math500_100__r1-distill-llama-8b__t0.8"
EACH = 4
"""Drafts of a question."""
FOLDS = 5


def draft_rows(encoder: Encoder) -> tuple[Rows, Rows]:
    """A pair for each draft, against the outcomes of the *other* samples: vectors of the question alone, and of
    question and draft."""
    drafts: dict[str, list[tuple[str, bool]]] = {}
    with gzip.open(find_bank(TEXTS), "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            drafts.setdefault(row["id"], []).append((row["text"], row["correct"]))
    texts = {each.id: each.question for each in load_bank(find_bank(QUESTIONS)).questions}
    labels, pairs = [], {}
    for name, samples in drafts.items():
        passed = sum(correct for _, correct in samples)
        for text, correct in samples[:EACH]:
            label = Label(text, "math500", "r1-8b", name, passed - correct, len(samples) - 1)
            labels.append(label)
            pairs[label.step] = texts.get(name) or name, text
    data = Questions.of(labels)
    asked = encoder.encode([pairs[step][0] for step in data.steps])
    answered = encoder.encode([pairs[step][1] for step in data.steps])
    question = np.unique(data.group, return_inverse=True)[1].astype(np.int64)
    # A step's text is the draft, and counts of it (length, numbers) are the draft's: the question must not show them.
    blank = replace(data, steps=tuple(replace(step, text="") for step in data.steps))
    return Rows(blank, asked, question), Rows(data, np.hstack((asked, answered)), question)


def draft_tries(encoder: Encoder, seed: int) -> tuple[Rows, dict[str, Predicted]]:
    """The pairs, and what is said of them by what is seen."""
    asked, both = draft_rows(encoder)
    fold = assign_folds(both.data.group, FOLDS, seed)
    return both, {
        "the question's vector": left_out(asked, fold, seed),
        "and the draft's vector": left_out(replace(asked, vectors=both.vectors), fold, seed),
        "and counts of the draft": left_out(both, fold, seed),
    }
