"""Rows as arrays, and splits that do not leak."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.difficulty.synthetic import hidden, planted
from tts_agent.difficulty import Label, SampleSignals
from tts_agent.difficulty.questions import Questions, assign_folds


def label(text: str, group: str, passed: int = 1, of: int = 4, model: str = "m") -> Label:
    return Label(text, "k", model, group, passed, of)


@given(st.lists(st.integers(0, 30), min_size=10, max_size=200), st.integers(2, 6), st.integers(0, 3))
def test_a_group_is_never_split_and_folds_are_even(groups: list[int], folds: int, seed: int) -> None:
    group = np.array(groups)
    fold = assign_folds(group, folds, seed)
    for name in set(groups):
        assert len(set(fold[group == name])) == 1
    sizes = np.bincount(fold, minlength=folds)
    largest_group = max(np.bincount(group))
    assert sizes.max() - sizes.min() <= largest_group


@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("stuvwxyz")), min_size=1, max_size=40),
    st.integers(0, 3),
)
def test_neither_a_text_nor_a_group_stands_on_both_sides(pairs: list[tuple[str, str]], seed: int) -> None:
    labels = [label(text, group, model=f"m{index}") for index, (text, group) in enumerate(pairs)]
    data = Questions.of(labels)
    fold = assign_folds(data.group, 3, seed)
    for side in range(3):
        inside = {(s.text, s.model) for s in data.subset(fold == side).steps}
        outside = {(s.text, s.model) for s in data.subset(fold != side).steps}
        group_of = {(row.text, row.model): row.group for row in labels}
        assert not {text for text, _ in inside} & {text for text, _ in outside}
        assert not {group_of[key] for key in inside} & {group_of[key] for key in outside}


def test_a_question_counts_all_its_samples_and_its_rows_the_others() -> None:
    data = Questions.of(planted(10, samples=6))
    assert len(data) == 10
    assert set(data.counts.of) == {6.0}
    assert set(data.rows.of) == {5.0}
    for index in range(10):
        mine = data.rows.question == index
        assert mine.sum() == 6
        assert data.rows.weight[mine].sum() == pytest.approx(1.0)
        # Leaving each sample out once counts each pass five times.
        assert data.rows.passed[mine].sum() == 5 * data.counts.passed[index]


def test_rows_without_a_first_sample_are_for_stage_one_alone() -> None:
    first = SampleSignals(3, "stop")
    data = Questions.of([label("a", "1", 2, 4), Label("b", "k", "m", "2", 1, 3, first)])
    assert (list(data.counts.passed), list(data.counts.of)) == ([2.0, 1.0], [4.0, 3.0])
    assert list(data.rows.question) == [1]
    assert data.signals == (first,)


def test_the_same_text_asked_of_two_models_is_two_questions_of_one_group() -> None:
    data = Questions.of(hidden(5, {"a": 1, "b": -1}))
    assert len(data) == 10
    assert len(np.unique(data.group)) == 5


def test_a_subset_keeps_its_own_rows() -> None:
    data = Questions.of(planted(10, samples=3))
    keep = np.arange(10) % 3 == 0
    part = data.subset(keep)
    assert part.steps == data.steps[::3]
    assert list(part.rows.question) == [index for index in range(4) for _ in range(3)]
    assert part.counts.passed.tolist() == data.counts.passed[::3].tolist()
    assert part.rows.passed.tolist() == data.rows.passed[keep[data.rows.question]].tolist()


def test_shuffling_moves_outcomes_and_nothing_else() -> None:
    data = Questions.of(planted(30))
    mixed = data.shuffled(np.random.default_rng(0))
    assert mixed.steps == data.steps
    assert mixed.signals == data.signals
    assert sorted(mixed.counts.passed) == sorted(data.counts.passed)
    assert mixed.counts.passed.tolist() != data.counts.passed.tolist()
    assert (mixed.rows.share == mixed.counts.share[mixed.rows.question]).all()
