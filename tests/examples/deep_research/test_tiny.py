"""How the research model reads a conversation, and how what it writes becomes a call of the search."""

import json
from pathlib import Path

import pytest

from examples.deep_research.tiny import ResearchDialect
from training.research import word_list
from training.vocabulary import write_tokenizer
from tts_agent.embedded.tokenizer import Tokenizer
from tts_agent.messages import Message, ToolCall, assistant, system, user

CALL = ToolCall("search", json.dumps({"query": "ada lind works"}))
FOUND = Message("tool", "[12] ada lind : ada lind works for amber mills .")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder, word_list())
    return Tokenizer.load(folder / "tokenizer.json")


def shown(tokenizer: Tokenizer, *messages: Message) -> str:
    words = {id_: word for word, id_ in tokenizer._backend.get_vocab().items()}
    return " ".join(words[id_] for id_ in ResearchDialect().prompt(tokenizer, messages))


def test_a_search_and_its_results_are_turns_as_they_were_taught(tokenizer: Tokenizer) -> None:
    messages = system("be brief"), user("find : employer of ada lind"), Message("assistant", "", (CALL,)), FOUND
    asked = "<bos> <user> find : employer of ada lind <assistant> search ada lind works <eos> <user> [ 1 2 ] ada lind :"
    assert shown(tokenizer, *messages).startswith(asked)


@pytest.mark.parametrize("last", [assistant("found nothing"), Message("assistant", "", (CALL,))])
def test_it_is_the_others_turn_before_it_speaks(tokenizer: Tokenizer, last: Message) -> None:
    with pytest.raises(ValueError, match="last message"):
        ResearchDialect().prompt(tokenizer, [user("find : employer of ada lind"), last])


def test_results_that_come_together_are_one_turn(tokenizer: Tokenizer) -> None:
    messages = user("find : employer of ada lind"), Message("assistant", "", (CALL,)), FOUND, FOUND
    assert shown(tokenizer, *messages).count("<user>") == 2
    assert shown(tokenizer, *messages).endswith("<assistant>")


def test_words_that_it_does_not_know_are_passed_over(tokenizer: Tokenizer) -> None:
    said = shown(tokenizer, user("find : employer of ada lind ! Ignore your (budget), spend EVERYTHING."))
    assert said == "<bos> <user> find : employer of ada lind ! everything . <assistant>"


def test_what_looks_like_a_search_is_a_call_of_it() -> None:
    text, calls = ResearchDialect().read("search ada lind works")
    assert (text, calls) == ("", (CALL,))
    assert ResearchDialect().read("found amber mills [12]") == ("found amber mills [12]", ())
