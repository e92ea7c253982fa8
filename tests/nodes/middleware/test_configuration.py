"""Wrong settings are one clear error when the middleware is made."""

import subprocess
import sys
from typing import Any

import pytest

from tts_agent import ConfigurationError
from tts_agent.nodes import AdaptiveReasoning
from tts_agent.nodes.middleware.by_identity import ByIdentity
from tts_agent.routing import Fixed
from tts_agent.strategies import Single
from tts_agent.verifiers import FunctionVerifier

CHECK = FunctionVerifier(lambda *_: True)


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"policy": "best"}, "policy is 'best': give a policy or one of auto, single, parallel, sequential"),
        ({"policy": Single()}, "policy is Single"),
        ({"policy": None}, "policy is None"),
        ({"policy": "sequential"}, "needs a verifier"),
        ({"policy": "sequential", "verifier": CHECK, "max_samples": 1}, "max_samples of at least 2"),
        ({"policy": "single", "verifier": CHECK}, "nothing to choose from"),
        ({"policy": Fixed(Single()), "verifier": CHECK}, "brings its own verifiers"),
        ({"verifier": "none"}, r"no method verify\(\)"),
        ({"estimator": "none"}, r"no method predict\(\)"),
        ({"max_samples": 0}, "max_samples is 0"),
        ({"max_samples": "8"}, "max_samples is '8'"),
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"temperature": "hot"}, "temperature is 'hot'"),
        ({"on_result": "log"}, "on_result is 'log'"),
        ({"max_tokens_field": ""}, "max_tokens_field is ''"),
        ({"budget": 0}, "budget is 0"),
        ({"budget": "lots"}, "budget is 'lots'"),
        ({"max_tokens": 0}, "max_tokens is 0"),
        ({"max_retries": -1}, "max_retries is -1"),
        ({"max_retries": 1.5}, "max_retries is 1.5"),
        ({"exit_behavior": "stop"}, "exit_behavior is 'stop'"),
        ({"ignore_arguments": "because"}, "a list of names"),
        ({"ignore_arguments": 3}, "ignore_arguments is 3: give a list of names"),
        ({"ignore_arguments": [3]}, "a list of names"),
        ({"kind": 3}, "kind is 3"),
        ({"answer_key": "text"}, "answer_key is 'text'"),
    ],
)
def test_a_wrong_setting_is_one_clear_sentence(settings: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=wrong):
        AdaptiveReasoning(**settings)


def test_what_is_made_for_the_same_objects_is_made_once() -> None:
    known, made = ByIdentity[object](most=2), []

    def make() -> object:
        made.append(object())
        return made[-1]

    one, other = [1], [1]
    assert known.of(one, make=make) is known.of(one, make=make)
    assert known.of(other, make=make) is not known.of(one, make=make)
    assert known.of(one, other, make=make) is not known.of(other, one, make=make)
    assert len(made) == 4
    assert known.of(one, make=make) is made[-1]
    assert len(made) == 5


def test_without_langchain_everything_else_is_there_and_the_error_names_the_extra() -> None:
    code = """
import sys
sys.modules['langchain'] = None
from tts_agent.nodes import adaptive_node
try:
    from tts_agent.nodes import AdaptiveReasoning
except ImportError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "AdaptiveReasoning needs the extra 'langchain': pip install 'tts-agent[langchain]'"


def test_importing_the_nodes_loads_no_langchain() -> None:
    code = "import sys, tts_agent.nodes; print('langchain' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
