"""What LangChain wraps around a chat model stays around its copy."""

from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.output_parsers import StrOutputParser

from tts_agent.exceptions import ConfigurationError
from tts_agent.nodes.binding import bound_arguments, chat_model, rebound

INNER = FakeListChatModel(responses=["inner"])


def test_the_model_and_all_arguments_are_found_under_any_number_of_bindings() -> None:
    runnable = INNER.bind(a=1, b=1).with_config(tags=["x"]).bind(b=2)
    assert chat_model(runnable) is INNER
    assert bound_arguments(runnable) == {"a": 1, "b": 2}


def test_another_model_takes_its_place_and_everything_else_stays() -> None:
    other = FakeListChatModel(responses=["other"])
    runnable: Any = INNER.bind(a=1, b=1).with_config(tags=["x"])
    swapped: Any = rebound(runnable, other, lambda bound: {name: bound[name] for name in bound if name != "a"})
    assert chat_model(swapped) is other
    assert bound_arguments(swapped) == {"b": 1}
    assert swapped.config["tags"] == ["x"]
    assert chat_model(runnable) is INNER


@pytest.mark.parametrize("runnable", [INNER.with_retry(), INNER.bind(a=1).with_retry()])
def test_retries_that_no_budget_sees_are_refused(runnable: Any) -> None:
    with pytest.raises(ConfigurationError, match="with_retry"):
        chat_model(runnable)


@pytest.mark.parametrize("runnable", [INNER | StrOutputParser(), INNER.with_fallbacks([INNER]), "gpt", None])
def test_what_is_no_chat_model_is_refused(runnable: Any) -> None:
    with pytest.raises(ConfigurationError, match="chat model"):
        chat_model(runnable)
