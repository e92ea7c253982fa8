"""What counts as the same answer."""

from collections.abc import Hashable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_agent.answers import (
    AnswerKey,
    auto,
    choice,
    final_answer,
    json_value,
    normalize,
    number,
    text,
    tool_calls,
    vote,
)
from tts_agent.messages import ToolCall
from tts_agent.sampling import FinishReason, Sample

KEYS: list[AnswerKey] = [auto, choice, final_answer, json_value, number, text, tool_calls()]


def calling(*calls: ToolCall) -> Sample:
    return Sample("", "tool_calls", calls)


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (r"So we get \boxed{1024.0}.", "1024"),
        ("... so the answer is 1,024.", "1024"),
        ("The answer is:\n\n**42**", "42"),
        ("Final Answer = 7", "7"),
        (r"\boxed{\frac{1}{2}} and no more", r"\frac{1}{2}"),
        (r"first \boxed{1}, then \boxed{2}", "2"),
        (r"The answer is 3, that is \boxed{4}", "4"),
        (r"\boxed{never closed", None),
        ("The answer is 5; no, wait, the answer is 7.", "7"),
        ("The answer is island.", "island"),
        ("The answer is", None),
        ("It is 12.", None),
        ("", None),
    ],
)
def test_the_final_answer_is_boxed_or_follows_the_last_answer(said: str, answer: str | None) -> None:
    assert final_answer(Sample(said)) == answer


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("42 because 6 times 7 is 42", "42"),
        ("42, because I computed it", "42"),
        ("42 since nothing else fits.", "42"),
        ("42, which is even", "42"),
        ("42 which is even", "42"),
        ("42 as 6 times 7 is 42", "42"),
        ("**42**, as 6 times 7 is 42", "42"),
        ("42. This is 6 times 7.", "42"),
        ("**42**. The steps are above.", "42"),
        ("42 (because 6 times 7 is 42)", "42"),
        ("1,024 because it is 2 to the 10th", "1024"),
        ("3.5. That is half of 7.", "3.5"),
        ("3.5 since 7 / 2 is 3.5", "3.5"),
        ("-7, so it is negative", "-7"),
        ("$12.50 as each costs half", "12.5"),
        ("22, 24, 29 because they were sorted", "22, 24, 29"),
        ("Paris, because it is the capital", "paris"),
        ("Paris. It is the capital.", "paris"),
        ("New York, which is large", "new york"),
        ("(B)", "b"),
        ("B", "b"),
        ("**(B)**.", "b"),
        ("(B) Paris", "b"),
        ("B) Paris", "b"),
        ("B: Paris", "b"),
        ("**(B) Paris**", "b"),
        ("B because of Paris", "b"),
        ("(B) as (A) is wrong", "b"),
        ("B. Because it fits.", "b"),
    ],
)
def test_an_explanation_is_no_part_of_the_answer(said: str, answer: str) -> None:
    assert final_answer(Sample(f"The answer is {said}")) == auto(Sample(f"Answer: {said}")) == answer


@pytest.mark.parametrize(
    "said",
    [
        "22, 24, 29",
        "3.5",
        "1.5, 2.5",
        "2 + 3 * 4",
        "(3 + 4) * 5",
        "3/4",
        "3 1/2",
        "5 km",
        "42 apples",
        "(3, 4)",
        "5 (mod 7)",
        "12 march 2020",
        "monday, 12 march 2020",
        "march 12, 2020",
        "3:45 pm",
        "2020-03-12",
        "washington, dc",
        "mr. smith",
        "u.s. army",
        "j. k. rowling",
        "mamma mia! here we go again",
        "do, re, mi, fa, so, la",
        "as you like it",
        "because of the rain",
        "a cat",
        "c major",
        "(a) and (c)",
        "a) and c)",
        "red and blue",
        '{"a": 1, "which": 2}',
    ],
)
def test_an_answer_of_several_words_or_numbers_stays_whole(said: str) -> None:
    for spelling in (said, said.upper(), said.title()):
        assert final_answer(Sample(f"The answer is {spelling}.")) == said


def test_initials_and_titles_are_no_end_of_an_answer() -> None:
    assert final_answer(Sample("Answer: E.T. The Extra-Terrestrial")) == "e.t. the extra-terrestrial"
    assert final_answer(Sample("Answer: J. K. Rowling")) == "j. k. rowling"


@pytest.mark.parametrize(
    ("spellings", "one"),
    [
        (["1024", "1,024", "1024.0", "+1024", " 1024. ", "$1,024", "01024"], "1024"),
        (["-0.50", "-.5".replace("-.", "-0."), "-0.5000"], "-0.5"),
        (["0", "-0", "-0.0", "000"], "0"),
        (["Paris", "  PARIS.", "paris!"], "paris"),
        (["New  York", "new york"], "new york"),
        (["123456789012345678901", "123456789012345678901.0"], "123456789012345678901"),
    ],
)
def test_one_answer_has_one_spelling(spellings: list[str], one: str) -> None:
    assert {normalize(spelling) for spelling in spellings} == {one}


def test_different_numbers_stay_different() -> None:
    numbers = ["1", "10", "100", "1.05", "1.5", "15", "-15", "9007199254740993.0", "9007199254740992"]
    assert len({normalize(said) for said in numbers}) == len(numbers)


@given(st.integers())
@settings(max_examples=50)
def test_an_integer_is_its_own_spelling_with_and_without_separators(value: int) -> None:
    assert normalize(f"{value:,}") == normalize(f"{value}.00") == normalize(str(value)) == str(value)


@given(st.text(max_size=60))
@settings(max_examples=100)
def test_normalizing_twice_is_normalizing_once_for_numbers(said: str) -> None:
    once = normalize(said)
    if once.lstrip("-").replace(".", "", 1).isdigit():
        assert normalize(once) == once


@pytest.mark.parametrize(
    ("said", "answer"),
    [("6 times 7 is 42", "42"), ("about -3.50 or so", "-3.5"), ("1,024 in all", "1024"), ("none", None)],
)
def test_the_number_is_the_last_one(said: str, answer: str | None) -> None:
    assert number(Sample(said)) == answer


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("The answer is (B).", "B"),
        ("A is wrong, so C", "C"),
        ("**D**", "D"),
        ("ABC", None),
        ("It is B, I think.", "B"),
        ("I'd say (I)", "I"),
        ("The answer is I", "I"),
        ("K", None),
    ],
)
def test_the_choice_is_the_last_letter_that_stands_alone(said: str, answer: str | None) -> None:
    assert choice(Sample(said)) == answer


def test_json_ignores_key_order_spacing_and_fences() -> None:
    plain, fenced = Sample('{"a": 1, "b": [1, 2]}'), Sample('```json\n{"b":[1,2],"a":1}\n```')
    assert json_value(plain) == json_value(fenced) is not None
    assert json_value(Sample('{"a": 2}')) != json_value(plain)
    assert json_value(Sample("not json")) is None


def test_tool_calls_vote_alike_when_names_and_arguments_do() -> None:
    one = calling(ToolCall("search", '{"q": "x", "n": 1}', id="1"))
    other = calling(ToolCall("search", '{"n":1,"q":"x"}', id="2"))
    assert auto(one) == auto(other) is not None
    assert auto(one) != auto(calling(ToolCall("search", '{"q": "y", "n": 1}')))
    assert auto(one) != auto(calling(ToolCall("find", '{"q": "x", "n": 1}')))
    assert auto(one) != auto(calling(*one.tool_calls, *one.tool_calls))


def test_ignored_arguments_do_not_divide_the_vote() -> None:
    key = tool_calls(ignore=["thought"])
    assert key(calling(ToolCall("go", '{"to": 1, "thought": "a"}'))) == key(calling(ToolCall("go", '{"to": 1}')))


def test_a_tool_call_without_arguments_votes_and_one_with_broken_arguments_does_not() -> None:
    assert auto(calling(ToolCall("stop", ""))) == auto(calling(ToolCall("stop", "{}"))) is not None
    assert auto(calling(ToolCall("stop", "{"))) is None


def test_without_a_marked_answer_the_whole_text_votes() -> None:
    assert auto(Sample("Go  North")) == auto(Sample("go north\n")) == "go north"
    assert auto(Sample("The answer is 4")) == auto(Sample(r"\boxed{4}")) == "4"


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_cut_off_and_filtered_samples_do_not_vote(reason: FinishReason) -> None:
    assert vote(Sample("The answer is 4", reason), auto) is None


def test_empty_and_unparseable_samples_do_not_vote() -> None:
    assert vote(Sample("  \n"), auto) is None
    assert vote(calling(ToolCall("go", "{}", valid=False)), auto) is None
    assert vote(Sample("4"), auto) == "4"


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "said",
    [
        "9" * 5000,
        "answer: " + "9" * 400 + ".0",
        "0" * 10_000,
        "[" * 100_000,
        "answer " * 10_000,
        "\\boxed{" * 2000,
        "answer" + " " * 100_000 + "because",
        "answer " + "(B) " * 20_000,
        "answer " + "1," * 20_000,
    ],
    ids=["digits", "decimals", "zeros", "brackets", "answers", "boxes", "spaces", "choices", "list"],
)
def test_a_model_that_loops_breaks_no_key(key: AnswerKey, said: str) -> None:
    hash(key(Sample(said)))
    hash(key(calling(ToolCall("go", said))))


@pytest.mark.parametrize("key", KEYS)
@given(said=st.text(max_size=80))
@settings(max_examples=60)
def test_every_key_gives_every_text_a_hashable_answer_or_none(key: AnswerKey, said: str) -> None:
    answer: Hashable | None = key(Sample(said))
    assert answer is None or hash(answer) == hash(key(Sample(said)))
    assert answer != ""
