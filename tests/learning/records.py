"""Records of simulated steps, whose truth is known."""

from __future__ import annotations

from random import Random

from tests.difficulty.synthetic import sigmoid
from tts_agent.learning.record_file import DrawnSample, Record


def simulated(
    count: int, *, seed: int = 0, reported: float = 1.0, samples: tuple[int, ...] = (1, 3), flipped: bool = False
) -> tuple[list[Record], list[float]]:
    """Steps whose text shows their pass@1, one a task, and the pass@1 of each.

    Wrong answers are one of three. The verifier accepts 90 % of the right and 30 % of the wrong winners. Where
    `flipped`, long questions are the easy ones.
    """
    random, records, rates = Random(seed), [], []
    for number in range(count):
        size = random.randint(1, 10)
        pass_rate = sigmoid((3.0 - 0.6 * size) * (-1.0 if flipped else 1.0))
        text = f"Start with {number}. " + " ".join(f"Add {random.randint(2, 99)}." for _ in range(size))
        answers = [
            "right" if random.random() < pass_rate else random.choice("abc") for _ in range(random.choice(samples))
        ]
        winner = max(answers, key=lambda answer: (answers.count(answer), -answers.index(answer)))
        correct = winner == "right"
        places = {answer: place for place, answer in enumerate(dict.fromkeys(answers))}
        records.append(
            Record(
                time=float(number),
                kind="chain",
                model="m",
                text=text,
                tools=0,
                turns=1,
                strategy="self_consistency" if len(answers) > 1 else "single",
                propensities={},
                price=0.0,
                belief=(1.0, 1.0),
                stop="settled",
                winner=places[winner],
                accepted=random.random() < (0.9 if correct else 0.3),
                p_correct=None,
                tokens=20 * len(answers),
                samples=tuple(DrawnSample(places[answer], 10, 10, "stop", None, True) for answer in answers),
                task=str(number),
                correct=correct if random.random() < reported else None,
            )
        )
        rates.append(pass_rate)
    return records, rates
