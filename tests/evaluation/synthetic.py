"""Banks made up for tests."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

from hypothesis import strategies as st

from tts_agent.evaluation.banks import Bank, RecordedQuestion, RecordedSample


def sample(answer: str | None, *, correct: bool = False, tokens: int | None = 10) -> RecordedSample:
    return RecordedSample(answer, correct, tokens, None, None)


def question(
    answers: Sequence[str | None], tokens: Sequence[int | None] | None = None, name: str = "q"
) -> RecordedQuestion:
    """A question whose right answer is "right"."""
    counts = tokens or [10] * len(answers)
    samples = [sample(a, correct=a == "right", tokens=t) for a, t in zip(answers, counts, strict=True)]
    return RecordedQuestion(name, f"text of {name}", "right", tuple(samples))


def simulated(questions: int = 60, samples: int = 12, *, seed: int = 0, name: str = "simulated") -> Bank:
    """Questions from hopeless to easy; wrong answers scatter over four, one sample in twenty cannot vote."""
    random = Random(seed)
    made = []
    for number in range(questions):
        p = random.betavariate(2.0, 1.2)
        answers = [
            None if random.random() < 0.05 else "right" if random.random() < p else f"wrong {random.randrange(4)}"
            for _ in range(samples)
        ]
        made.append(question(answers, [random.randrange(20, 200) for _ in range(samples)], f"{name}-{number}"))
    return Bank(name, tuple(made))


@st.composite
def banks(draw: st.DrawFn) -> Bank:
    """Small banks of every shape: ragged, without votes, without token counts, with samples that share an answer
    and not its correctness."""
    samples = st.builds(
        RecordedSample,
        st.sampled_from([None, "a", "b", "c", ""]),
        st.booleans(),
        st.none() | st.integers(0, 50),
        st.none(),
        st.none(),
    )
    lists = draw(st.lists(st.lists(samples, min_size=1, max_size=9), min_size=1, max_size=4))
    return Bank("made up", tuple(RecordedQuestion(f"q{i}", None, None, tuple(s)) for i, s in enumerate(lists)))


def written(bank: Bank, path: Path) -> Path:
    """Write a bank to a file, gzip-compressed."""
    rows = [
        {
            "id": each.id,
            "question": each.question,
            "gold": each.gold,
            "samples": [
                {"answer": s.answer, "correct": s.correct, "tokens": s.tokens, "logprob": s.logprob}
                for s in each.samples
            ],
        }
        for each in bank.questions
    ]
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    return path
