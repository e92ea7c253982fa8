"""The bound holds without a tokenizer, and gets close once the provider has reported."""

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from tts_agent.nodes.prompt_bound import FOR_TOOLS, PER_IMAGE, PER_MESSAGE, PromptBound

SEARCH = {"type": "function", "function": {"name": "search", "description": "Finds pages", "parameters": {}}}


@given(st.text(), st.text())
def test_every_byte_may_be_a_token(system: str, question: str) -> None:
    messages = [SystemMessage(system), HumanMessage(question)]
    size = len((system + question).encode("utf-8", "surrogatepass"))
    assert PromptBound()(messages, {}) >= size + 2 * PER_MESSAGE


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
