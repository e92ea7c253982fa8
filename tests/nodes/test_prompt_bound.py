"""The bound holds without a tokenizer, and gets close once the provider has reported."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages.utils import count_tokens_approximately

import tts_agent.embedded
from tests.nodes.models import ScriptedModel, message
from tts_agent.embedded.tokenizer import Tokenizer
from tts_agent.nodes.prompt_bound import FOR_TOOLS, PER_IMAGE, PER_MESSAGE, PromptBound

SEARCH = {"type": "function", "function": {"name": "search", "description": "Finds pages", "parameters": {}}}


@given(st.text(), st.text())
def test_every_byte_may_be_a_token(system: str, question: str) -> None:
    messages = [SystemMessage(system), HumanMessage(question)]
    size = len((system + question).encode("utf-8", "surrogatepass"))
    assert PromptBound()(messages, {}) >= size + 2 * PER_MESSAGE


DIGITS = "1234567890" * 30


def test_the_count_that_langchain_offers_is_an_estimate_and_no_bound() -> None:
    """A token a word is a habit of English prose. The embedded model's tokenizer has one a digit, as many have."""
    tokenizer = Tokenizer.load(Path(tts_agent.embedded.__file__).parent / "model" / "tokenizer.json")
    asked = [HumanMessage(DIGITS)]
    assert count_tokens_approximately(asked) < tokenizer.count(DIGITS) / 3
    assert PromptBound()(asked, {}) >= tokenizer.count(DIGITS)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Using fallback GPT-2 tokenizer:UserWarning")
def test_a_model_s_own_count_is_nothing_at_all_without_a_network() -> None:
    """It wants a tokenizer from the internet, and counts with an empty one where there is none."""
    model = ScriptedModel(script=lambda _: message())
    assert model.get_num_tokens(DIGITS) == 0
    assert PromptBound()([HumanMessage(DIGITS)], {}) >= len(DIGITS)


def test_tools_and_tool_calls_count() -> None:
    bound = PromptBound()
    question = [HumanMessage("who?")]
    with_tools = bound(question, {"tools": [SEARCH]})
    assert with_tools >= bound(question, {}) + FOR_TOOLS + len("Finds pages")
    call = {"name": "search", "args": {"query": "a" * 500}, "id": "1"}
    further = [*question, AIMessage("", tool_calls=[call]), ToolMessage("b" * 500, tool_call_id="1")]
    assert bound(further, {}) > bound(question, {}) + 1000


def test_an_image_counts_as_a_guess_and_not_by_its_bytes() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}
    size = PromptBound()([HumanMessage([{"type": "text", "text": "what is this?"}, image])], {})
    assert PER_IMAGE < size < PER_IMAGE + 200


def test_a_reported_prompt_is_bounded_by_the_report_and_a_longer_one_by_that_and_the_new_bytes() -> None:
    bound, question = PromptBound(), HumanMessage("x" * 4000)
    bound.learn([question], {}, 1000)
    assert bound([question], {}) == 1000
    further = [question, AIMessage("y" * 100), HumanMessage("z" * 100)]
    assert bound(further, {}) == 1000 + 2 * (PER_MESSAGE + 100)


def test_the_most_that_was_reported_counts() -> None:
    bound, question = PromptBound(), HumanMessage("x")
    for reported in (10, 12, 11):
        bound.learn([question], {}, reported)
    assert bound([question], {}) == 12


def test_a_report_says_nothing_about_other_tools_or_other_beginnings() -> None:
    bound, question = PromptBound(), HumanMessage("x" * 4000)
    bound.learn([question], {}, 1000)
    assert bound([question], {"tools": [SEARCH]}) > 4000
    assert bound([SystemMessage("be brief"), question], {}) > 4000


def test_old_reports_are_forgotten() -> None:
    bound = PromptBound(memory=1)
    bound.learn([HumanMessage("x" * 100)], {}, 25)
    bound.learn([HumanMessage("y" * 100)], {}, 25)
    assert bound([HumanMessage("x" * 100)], {}) > 100
