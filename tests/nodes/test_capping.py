"""Copies of models that make one billed request a call."""

from functools import cached_property
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel, FakeListChatModel
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from tests.nodes.models import ScriptedModel, message
from tts_agent.exceptions import ConfigurationError
from tts_agent.nodes.capping import cap_names, metered, own_cap, with_fields, within_caps


def scripted(**fields: Any) -> ScriptedModel:
    return ScriptedModel(script=lambda _: message("x"), **fields)


class Ollama(FakeListChatModel):
    num_predict: int | None = None


class Google(FakeListChatModel):
    max_output_tokens: int | None = None


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (scripted(), ("max_tokens",)),
        (ChatOpenAI(model="m", api_key=SecretStr("k")), ("max_tokens",)),
        (Ollama(responses=[]), ("num_predict",)),
        (Google(responses=[]), ("max_output_tokens",)),
    ],
)
def test_the_cap_is_whichever_field_the_model_has(model: BaseChatModel, names: tuple[str, ...]) -> None:
    assert cap_names(model) == names
    capped, arguments = with_fields(model, dict.fromkeys(names, 7))
    assert getattr(capped, names[0]) == 7
    assert getattr(model, names[0]) is None
    assert arguments == {}


def test_a_model_that_cannot_be_capped_is_refused_unless_the_argument_is_named() -> None:
    model = FakeListChatModel(responses=["x"])
    with pytest.raises(ConfigurationError, match="max_tokens_field"):
        cap_names(model)
    assert with_fields(model, dict.fromkeys(cap_names(model, "limit"), 7))[1] == {"limit": 7}


def test_the_owner_s_cap_is_the_smallest_that_was_set_anywhere() -> None:
    assert own_cap(scripted(), ("max_tokens",), {}) is None
    assert own_cap(scripted(max_tokens=50), ("max_tokens",), {}) == 50
    assert own_cap(scripted(max_tokens=50), ("max_tokens",), {"max_tokens": 20}) == 20
    assert own_cap(Ollama(responses=[], num_predict=-1), ("num_predict",), {}) is None  # Ollama's "no limit"


def test_arguments_lose_what_would_override_a_cap() -> None:
    arguments = {"max_tokens": 9000, "max_completion_tokens": 9000, "n": 4, "stream": True, "tool_choice": "any"}
    assert within_caps(arguments) == {"tool_choice": "any"}


def test_cache_streaming_and_retries_are_off_in_the_copy_and_as_they_were_in_the_original() -> None:
    model = ChatOpenAI(model="m", api_key=SecretStr("k"), max_retries=4, streaming=True, cache=True)
    copy = metered(model)
    assert isinstance(copy, ChatOpenAI)
    assert (copy.cache, copy.disable_streaming, copy.streaming) == (False, True, False)
    clients = (copy.root_client, copy.root_async_client, copy.client._client, copy.async_client._client)
    assert [client.max_retries for client in clients] == [0, 0, 0, 0]
    assert copy.root_client._client is model.root_client._client  # the same connections
    assert (model.cache, model.streaming, model.root_client.max_retries) == (True, True, 4)


class Several(FakeListChatModel):
    max_tokens: int | None = None
    n: int = 4
    model_kwargs: dict[str, Any]


def test_a_call_makes_one_completion_whatever_the_model_was_set_to() -> None:
    copy = metered(Several(responses=[], model_kwargs={"best_of": 1, "n": 4, "max_tokens": 9000}))
    assert isinstance(copy, Several)
    assert (copy.n, copy.model_kwargs) == (1, {"best_of": 1})


class Client:
    """The shape of a provider's SDK: `with_options`, and parts that keep their client."""

    def __init__(self, max_retries: int) -> None:
        self.max_retries = max_retries

    def with_options(self, *, max_retries: int) -> "Client":
        return Client(max_retries)


class Completions:
    def __init__(self, client: Client) -> None:
        self._client = client


class PartOfAClient(FakeListChatModel):
    max_tokens: int | None = None
    client: Any = None


class LateClient(FakeListChatModel):
    max_tokens: int | None = None
    max_retries: int = 2

    @cached_property
    def settings(self) -> dict[str, int]:
        return {"max_retries": self.max_retries}

    @cached_property
    def client(self) -> Client:
        return Client(**self.settings)


def test_retries_are_off_in_a_client_of_which_the_model_keeps_only_a_part() -> None:
    model = PartOfAClient(responses=[], client=Completions(Client(2)))
    copy = metered(model)
    assert isinstance(copy, PartOfAClient)
    assert (copy.client._client.max_retries, model.client._client.max_retries) == (0, 2)


def test_retries_are_off_in_a_client_whose_settings_were_read_before_the_copy() -> None:
    model = LateClient(responses=[])
    assert model.settings == {"max_retries": 2}
    copy = metered(model)
    assert isinstance(copy, LateClient)
    assert (copy.client.max_retries, model.client.max_retries) == (0, 2)
