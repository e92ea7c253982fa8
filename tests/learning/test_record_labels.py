"""Labels from records: what an outcome says of each sample, and no bias where it says nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.learning.records import simulated
from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.record_file import DrawnSample, Record
from tts_agent.learning.record_grades import GradedStep, grades, readable
from tts_agent.learning.record_labels import graded_samples, record_labels


def record(*votes: int | None, winner: int | None = 0, correct: bool | None = True, strategy: str = "") -> Record:
    base = simulated(1)[0][0]
    samples = tuple(DrawnSample(vote, 10, 10, "stop", None, vote is not None) for vote in votes)
    name = strategy or "self_consistency"
    return replace(base, samples=samples, winner=winner, correct=correct, strategy=name)


def right(one: Record, seed: int = 0) -> list[bool]:
    """Of its samples, in a class that is right half of the time."""
    others = [GradedStep(record(0, 1), 1.0, known=True)] * 5
    samples = graded_samples([*others, GradedStep(one, float(bool(one.correct)), known=True)], seed)[-1]
    return [passed for _, passed in samples]


def test_a_right_winner_makes_those_that_agree_right_and_the_others_wrong() -> None:
    assert right(record(0, 1, 0, None)) == [True, False, True, False]


def test_a_wrong_winner_makes_those_that_agree_wrong_and_of_the_others_at_most_one_answer_right() -> None:
    drawn = [right(record(0, 1, 0, 2, None, 1, correct=False), seed) for seed in range(60)]
    assert all(not (each[0] or each[2] or each[4]) for each in drawn)
    assert all(each[1] == each[5] and not (each[1] and each[3]) for each in drawn)
    assert {(each[1], each[3]) for each in drawn} == {(True, False), (False, True), (False, False)}


def test_of_samples_that_depend_on_each_other_only_the_first_counts() -> None:
    assert right(record(1, 0, strategy="sequential_refinement")) == [False]
    assert right(record(0, 0, strategy="cascade")) == [True]


def test_answers_that_cannot_be_compared_count_where_there_is_one() -> None:
    assert right(record(0, 0, winner=None)) == []
    assert right(record(0, winner=None)) == [True]


def test_records_of_one_question_are_counted_together() -> None:
    steps = [GradedStep(record(0, 0), 1.0, known=True), GradedStep(record(0, correct=False), 0.0, known=True)]
    found = record_labels(steps, graded_samples(steps), "m")
    assert len(found.labels) == 3
    assert {label.total for label in found.labels} == {(2, 3)}
    assert [counts.right for counts in found.votes["chain"]] == [2, 0]


@pytest.mark.parametrize("reported", [1.0, 0.3])
def test_labels_have_the_pass_rates_of_the_samples(reported: float) -> None:
    gaps = []
    for seed in range(5):
        records, rates = simulated(800, seed=seed, reported=reported)
        steps = grades(records).steps
        assert len(steps) == 800
        truth = {one.text: rate for one, rate in zip(records, rates, strict=True)}
        labels = record_labels(steps, graded_samples(steps, seed), "m").labels
        shares = {label.text: label.total[0] / label.total[1] for label in labels}
        gaps.append(np.mean([shares[text] - truth[text] for text in shares]))
    assert np.mean(gaps) == pytest.approx(0.0, abs=0.03)


def test_without_inference_only_steps_with_an_outcome_are_graded() -> None:
    records, _ = simulated(200, reported=0.5)
    found = grades(records, infer=False)
    assert not found.inferred
    assert [step.record for step in found.steps] == [one for one in records if one.correct is not None]


def test_records_without_their_texts_are_refused_with_what_to_do() -> None:
    records, _ = simulated(3)
    hashed = [replace(one, text="0" * 64) for one in records]
    with pytest.raises(ConfigurationError, match='text="stored"'):
        readable(hashed)
    with pytest.raises(ConfigurationError, match="nothing was recorded yet"):
        readable([])
    assert readable([*hashed, *records]) == records
