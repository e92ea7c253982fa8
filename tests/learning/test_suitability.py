"""Labels that cannot support an estimator are refused; those that hardly can are remarked upon."""

from __future__ import annotations

import pytest

from tts_agent.difficulty import Label
from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.suitability import check_labels

WORDS = ("ash", "birch", "cedar", "elm", "fir")


def label(text: str, group: str, passed: int = 2, kind: str = "a") -> Label:
    return Label(text, kind, "m", group, passed, 4)


@pytest.mark.parametrize(("passed", "said"), [(0, "every sample failed"), (4, "every sample passed")])
def test_without_variance_there_is_nothing_to_learn(passed: int, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        check_labels([label(word, word, passed) for word in WORDS])


def test_no_label_at_all_says_what_a_label_needs() -> None:
    with pytest.raises(ConfigurationError, match=r"no question has two graded samples.* -k 2"):
        check_labels([])


def test_the_same_text_in_two_groups_is_refused_whatever_its_spaces() -> None:
    with pytest.raises(ConfigurationError, match="1 texts stand in several groups"):
        check_labels([label("what is  it", "g1"), label("what is it\n", "g2")])


def test_the_same_text_in_one_group_is_what_rows_of_one_question_are() -> None:
    assert not any("group" in said for said in check_labels([label("what is it", "g"), label("what is it", "g")]))


def test_texts_that_differ_in_numbers_only_are_remarked_upon() -> None:
    said = check_labels([label("Add 3 and 4.", "g1"), label("add 17 and 5", "g2")])
    assert any(sentence.startswith("1 texts of several groups differ in numbers") for sentence in said)


def test_few_questions_one_class_and_no_first_samples_are_remarked_upon() -> None:
    said = " ".join(check_labels([label(word, word) for word in WORDS]))
    assert "5 questions are few" in said
    assert "one class" in said
    assert "no second stage" in said
