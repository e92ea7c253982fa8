"""The checkers accept every generated solution and locate what is wrong in an altered one."""

from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.embedded.tasks import (
    FAMILIES,
    Problem,
    Split,
    draw,
    family_of,
    first_wrong_step,
    is_correct,
    read_question,
    split_of,
    split_solution,
    stream,
    verified_prefix,
    write_solution,
)


@st.composite
def generated(draw_: st.DrawFn, *families: str) -> Problem:
    family = FAMILIES[draw_(st.sampled_from(families or tuple(FAMILIES)))]
    return family.generate(Random(draw_(st.integers(0, 2**32))), draw_(st.integers(1, family.levels)))


@given(generated())
def test_a_generated_solution_is_right_in_every_step(problem: Problem) -> None:
    assert is_correct(problem.question, problem.solution)
    assert first_wrong_step(problem.question, problem.solution) is None
    assert problem.solution.endswith(f"answer {problem.answer}")


@given(generated())
def test_a_question_is_read_by_its_own_family_only(problem: Problem) -> None:
    assert family_of(problem.question) == problem.family
    others = [family for name, family in FAMILIES.items() if name != problem.family]
    assert all(family.read(problem.question) is None for family in others)


@given(generated(), st.randoms(use_true_random=False))
def test_spelling_does_not_matter(problem: Problem, rng: Random) -> None:
    typed = "".join(rng.choice((mark, f" {mark} ")) if mark in ".,:?" else mark for mark in problem.question)
    typed = rng.choice((str.lower, str.upper, str.title))(typed)
    assert is_correct(typed, problem.solution.upper())
    assert split_of(typed) is split_of(problem.question)


@given(generated("chain", "story", "lookup", "sort"), st.data())
def test_an_altered_step_is_wrong_and_located(problem: Problem, data: st.DataObject) -> None:
    steps, answer = split_solution(problem.solution)
    assert answer is not None
    at = data.draw(st.integers(0, len(steps) - 1))
    steps[at] += "1" if steps[at][-1].isdecimal() else " 1"
    text = write_solution(steps, f"{answer}1")
    assert first_wrong_step(problem.question, text) == at + 1
    assert not is_correct(problem.question, text)
    assert len(split_solution(verified_prefix(problem.question, text))[0]) == at


@given(generated("countdown"))
def test_a_countdown_answer_must_reach_the_target(problem: Problem) -> None:
    assert not is_correct(problem.question, f"answer {problem.answer}+1")
    assert not is_correct(problem.question, f"answer {problem.answer}+")
    assert not is_correct(problem.question, "answer")


@pytest.mark.parametrize(
    ("text", "wrong_at"),
    [
        ("8-3=5 ; 5*7=35 ; answer (8-3)*7", 3),
        ("8*3=24 ; 24+2=26 ; answer 8*3+2", None),
        ("2+8*3=26 ; answer 2+8*3", 1),
        ("8*3=25 ; 25+1=26 ; answer 26", 1),
        ("8*3=24 ; 24+8=32 ; answer 32", 2),
        ("8*3=24 ; 24+2=26 ; answer 26", 3),
        ("8*3=24 ; 24+2=26", 3),
        ("answer (8*3)+2", None),
        ("answer (8*3)+2)", 1),
        ("", 1),
    ],
)
def test_countdown_checks_numbers_and_arithmetic(text: str, wrong_at: int | None) -> None:
    assert first_wrong_step("Use 3, 7, 8 and 2 to make 26. Use each number at most once.", text) == wrong_at


def test_an_unfinished_text_is_wrong_only_if_it_should_be_finished() -> None:
    question = "Start with 4. Add 3. Times 2. What is the result?"
    assert first_wrong_step(question, "4+3=7 ;") == 2
    assert first_wrong_step(question, "4+3=7 ;", partial=True) is None
    assert first_wrong_step(question, "4+3=8 ;", partial=True) == 1


def test_skipping_a_step_is_wrong() -> None:
    assert first_wrong_step("Start with 4. Add 3. Times 2. What is the result?", "4+3=7 ; answer 7") == 2


@pytest.mark.parametrize("question", ["", "hello", "Start with 4. What is the result?", "Tom has 3 apples."])
def test_other_questions_are_refused(question: str) -> None:
    assert family_of(question) is None
    with pytest.raises(ValueError, match="not a question of"):
        read_question(question)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_levels_outside_the_ladder_are_refused(family: object) -> None:
    for level in (0, family.levels + 1):  # type: ignore[attr-defined]
        with pytest.raises(ValueError, match="level must be"):
            family.generate(Random(0), level)  # type: ignore[attr-defined]


@pytest.mark.parametrize("family", FAMILIES)
def test_splits_are_disjoint_and_of_the_promised_size(family: str) -> None:
    rng = Random(0)
    questions = {FAMILIES[family].generate(rng, FAMILIES[family].levels).question for _ in range(2000)}
    share = sum(split_of(question) is Split.TRAIN for question in questions) / len(questions)
    assert 0.76 < share < 0.84
    assert all(split_of(draw(rng, family, 2, split).question) is split for split in Split)


def test_a_stream_does_not_repeat_itself() -> None:
    questions = [problem.question for problem in islice(stream(Random(0), "countdown", 1, Split.DEMO), 300)]
    assert len(set(questions)) == 300


def test_a_stream_ends_when_there_is_nothing_new(monkeypatch: pytest.MonkeyPatch) -> None:
    only = draw(Random(0), "chain", 1, Split.DEMO)
    monkeypatch.setattr(type(FAMILIES["chain"]), "generate", lambda *_: only)
    assert list(stream(Random(0), "chain", 1, Split.DEMO)) == [only]


def test_reading_a_lookup_needs_every_hop() -> None:
    assert family_of("Tom likes Eve. Start at Tom and follow likes 1 time. Who is at the end?") == "lookup"
    assert family_of("Tom likes Eve. Start at Tom and follow likes 2 times. Who is at the end?") is None
