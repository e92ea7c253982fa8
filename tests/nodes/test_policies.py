"""The names of policies, the same wherever one can be given."""

from collections.abc import Callable
from typing import Any

import pytest
from langgraph.graph import START, MessagesState, StateGraph

from tests.nodes.models import ScriptedModel, message
from tts_agent import ConfigurationError
from tts_agent.nodes import METADATA_KEY, AdaptiveChatModel, adaptive_node, create_adaptive_step
from tts_agent.nodes.policies import policy_of
from tts_agent.routing import Fixed, MarginalValue
from tts_agent.stopping import FixedSize
from tts_agent.strategies import BestOfN, SelfConsistency, SequentialRefinement, Single
from tts_agent.verifiers import FunctionVerifier

CHECK = FunctionVerifier(lambda *_: True)
REJECTS = FunctionVerifier(lambda step, sample: "43" in sample.text)


@pytest.mark.parametrize(
    ("name", "verifier", "policy"),
    [
        ("single", None, Fixed(Single())),
        ("parallel", None, Fixed(SelfConsistency(FixedSize(4)))),
        ("parallel", CHECK, Fixed(BestOfN(CHECK, FixedSize(4)))),
        ("sequential", CHECK, Fixed(SequentialRefinement(CHECK, 3))),
        ("auto", None, MarginalValue(max_samples=4)),
    ],
)
def test_names_stand_for_policies(name: Any, verifier: Any, policy: Any) -> None:
    assert policy_of(name, verifier, 4) == policy


def test_auto_verifies_steps_of_every_kind() -> None:
    policy: Any = policy_of("auto", CHECK, 4)
    assert policy.verifiers.get("whatever") is CHECK


def alone(node: Any) -> Any:
    return StateGraph(MessagesState).add_node("it", node).add_edge(START, "it").compile()


Door = Callable[..., Callable[[str], Any]]


def by_node(model: Any, **how: Any) -> Any:
    node = adaptive_node(model, **how)
    return lambda asked: alone(node).invoke({"messages": asked})["messages"][-1]


def by_graph(model: Any, **how: Any) -> Any:
    step = create_adaptive_step(model, **how).compile()
    return lambda asked: alone(step).invoke({"messages": asked})["messages"][-1]


def by_chat_model(model: Any, **how: Any) -> Any:
    return AdaptiveChatModel(model, **how).invoke


DOORS = pytest.mark.parametrize("door", [by_node, by_graph, by_chat_model])


@DOORS
@pytest.mark.parametrize(
    ("how", "samples"),
    [
        ({"policy": "single"}, 1),
        ({"policy": "parallel", "max_samples": 3}, 3),
        ({"policy": "parallel", "max_samples": 4, "verifier": REJECTS}, 4),
        ({"policy": "sequential", "max_samples": 3, "verifier": REJECTS}, 3),
    ],
)
def test_every_door_takes_them(door: Door, how: dict[str, Any], samples: int) -> None:
    model = ScriptedModel(script=lambda _: message("it is 42"))
    reply = door(model, **how)("What is 6 times 7?")
    assert reply.text == "it is 42"
    assert len(model.calls) == reply.response_metadata[METADATA_KEY]["samples"] == samples


@DOORS
def test_auto_is_what_is_meant_by_default(door: Door) -> None:
    def decided(**how: Any) -> Any:
        model = ScriptedModel(script=lambda _: message("it is 42"))
        return door(model, **how)("What is 6 times 7?").response_metadata[METADATA_KEY]

    assert decided() == decided(policy="auto") == decided(policy=MarginalValue(max_samples=8))


@DOORS
@pytest.mark.parametrize(
    ("how", "wrong"),
    [
        ({"policy": "best"}, "policy is 'best': give a policy or one of auto, single, parallel, sequential"),
        ({"policy": None}, "policy is None"),
        ({"policy": Single()}, "policy is Single"),
        ({"policy": "sequential"}, "needs a verifier"),
        ({"policy": Fixed(Single()), "verifier": CHECK}, "brings its own verifiers"),
        ({"max_samples": 0}, "max_samples is 0: give a whole number of at least 1"),
        ({"verifier": "none"}, r"no method verify\(\)"),
        ({"estimator": "none"}, r"no method predict\(\)"),
        ({"temperature": "hot"}, "temperature is 'hot'"),
        ({"max_tokens": 0}, "max_tokens is 0"),
        ({"max_retries": "2"}, "max_retries is '2'"),
        ({"kind": 3}, "kind is 3"),
        ({"answer_key": 3}, "answer_key is 3"),
        ({"budget": "lots"}, "budget is 'lots'"),
        ({"model": None}, "model is None"),
    ],
)
def test_every_door_refuses_what_is_wrong_when_it_is_made(door: Door, how: dict[str, Any], wrong: str) -> None:
    model = ScriptedModel(script=lambda _: message("never asked"))
    with pytest.raises(ConfigurationError, match=wrong):
        door(**{"model": model, **how})
