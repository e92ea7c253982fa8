"""Text survives the tokenizer, and a person's typing does not confuse it."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.embedded import MODEL_FOLDER
from tts_agent.embedded.chat import feedback, prompt_ids
from tts_agent.embedded.examples import EXAMPLES
from tts_agent.embedded.tasks import FAMILIES, family_of
from tts_agent.embedded.tokenizer import SPECIAL_TOKENS, Tokenizer, UnknownWordsError

TOKENIZER = Tokenizer.load(MODEL_FOLDER / "tokenizer.json")


@given(st.lists(st.integers(len(SPECIAL_TOKENS), TOKENIZER.size - 1), max_size=40))
def test_any_sequence_of_plain_tokens_survives_being_written(ids: list[int]) -> None:
    assert TOKENIZER.encode(TOKENIZER.decode(ids)) == ids


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_solutions_read_as_they_were_written(family: object) -> None:
    rng = Random(0)
    for level in range(1, family.levels + 1):  # type: ignore[attr-defined]
        solution = family.generate(rng, level).solution  # type: ignore[attr-defined]
        assert TOKENIZER.decode(TOKENIZER.encode(solution)) == solution


@pytest.mark.parametrize(
    "typed",
    ["start with 47. add 38.", "START WITH 47 . ADD 38 .", "  Start  with 47.Add\n38.", "Start with 47 .add 38."],
)
def test_case_and_spacing_do_not_matter(typed: str) -> None:
    assert TOKENIZER.encode(typed) == TOKENIZER.encode("Start with 47. Add 38.")


def test_every_example_is_understood() -> None:
    assert list(EXAMPLES) == list(FAMILIES)
    for family, question in EXAMPLES.items():
        assert family_of(question) == family
        assert TOKENIZER.encode(question)


def test_unknown_words_are_named_once_and_in_order() -> None:
    with pytest.raises(UnknownWordsError) as caught:
        TOKENIZER.encode("Start with a Zebra and a yak")
    assert caught.value.words == ("a", "Zebra", "yak")
    assert TOKENIZER.count("Start with a Zebra") == 4


@pytest.mark.parametrize("token", SPECIAL_TOKENS)
def test_special_tokens_cannot_be_typed(token: str) -> None:
    with pytest.raises(UnknownWordsError):
        TOKENIZER.encode(f"start with 4 {token} add 3")


def test_special_tokens_are_not_written() -> None:
    assert TOKENIZER.decode([TOKENIZER.bos, *TOKENIZER.encode("answer 7"), TOKENIZER.eos]) == "answer 7"


def test_a_revision_prompt_shows_question_attempt_and_feedback() -> None:
    ids = prompt_ids(TOKENIZER, ["start with 1", "answer 2", feedback(3)], "1+1=")
    t = TOKENIZER
    parts = ("start with 1", "answer 2", "wrong at step 3", "1+1=")
    question, attempt, reply, prefix = map(t.encode, parts)
    assert ids == [t.bos, t.user, *question, t.assistant, *attempt, t.user, *reply, t.assistant, *prefix]
    assert feedback() == "wrong"


def test_a_prompt_ends_with_the_user() -> None:
    with pytest.raises(ValueError, match="last turn"):
        prompt_ids(TOKENIZER, ["start with 1", "answer 2"])


def test_the_vocabulary_is_small() -> None:
    assert TOKENIZER.size <= 250
    assert sum(file.stat().st_size for file in Path(MODEL_FOLDER).iterdir()) <= 8e6
