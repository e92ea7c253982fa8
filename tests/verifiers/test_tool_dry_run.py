"""Tool calls, checked without being run."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.verifiers.by_hand import judged
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import ToolCall, user
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.testing.conformance import check_verifier
from tts_agent.verifiers import ToolDryRun, Verdict

PARAMETERS = {
    "type": "object",
    "properties": {"path": {"type": "string"}, "lines": {"type": "integer"}},
    "required": ["path"],
    "additionalProperties": False,
}
READ = {"type": "function", "function": {"name": "read", "parameters": PARAMETERS}}
STEP = Step((user("Read it."),), tools=(READ, {"name": "list", "input_schema": {}}, {"name": "stop"}))


def calls(*calls: tuple[str, str]) -> Sample:
    return Sample("", "tool_calls", tuple(ToolCall(name, arguments) for name, arguments in calls))


@pytest.mark.parametrize(
    "sample",
    [
        calls(("read", '{"path": "a"}')),
        calls(("read", '{"path": "a", "lines": 3}'), ("list", '{"anything": 1}'), ("stop", "")),
        Sample("No tool is needed."),
    ],
)
def test_calls_that_fit_are_accepted(sample: Sample) -> None:
    assert judged(ToolDryRun(), STEP, sample) == [Verdict(1.0, accepted=True)]


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ("{}", "'path' is a required property (at $)"),
        ('{"path": 1}', "1 is not of type 'string' (at $.path)"),
        ('{"path": "a", "line": 1}', "Additional properties are not allowed ('line' was unexpected) (at $)"),
        ("[1]", "its arguments are not a JSON object"),
        (
            "{",
            "its arguments are not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        ("[" * 100_000, "its arguments are nested too deeply"),
    ],
)
def test_the_feedback_says_what_is_wrong(arguments: str, wrong: str) -> None:
    (verdict,) = judged(ToolDryRun(), STEP, calls(("stop", "{}"), ("read", arguments)))
    assert verdict == Verdict(0.0, wrong_at=2, feedback=f"The call of read is wrong: {wrong}")


def test_a_tool_that_is_not_there_is_named() -> None:
    (verdict,) = judged(ToolDryRun(), STEP, calls(("write", "{}")))
    assert verdict.feedback == "The call of write is wrong: there is no such tool; there are: read, list, stop"


def test_a_call_can_be_required() -> None:
    assert not judged(ToolDryRun(required=True), STEP, Sample("No tool is needed."))[0].accepted


def test_a_check_of_ones_own_sees_calls_that_fit_and_no_others() -> None:
    seen = []

    def check(name: str, arguments: Mapping[str, Any]) -> str | None:
        seen.append((name, arguments))
        return "there is no such file" if arguments["path"] == "b" else None

    verdicts = judged(
        ToolDryRun(check), STEP, *(calls(("read", text)) for text in ('{"path": "a"}', '{"path": "b"}', "{}"))
    )
    assert [verdict.accepted for verdict in verdicts] == [True, False, False]
    assert verdicts[1].feedback == "The call of read is wrong: there is no such file"
    assert seen == [("read", {"path": "a"}), ("read", {"path": "b"})]


def test_a_tool_whose_schema_is_none_is_refused() -> None:
    step = Step((user("Go."),), tools=({"name": "go", "parameters": {"type": "nothing"}},))
    with pytest.raises(ConfigurationError, match="no JSON schema"):
        judged(ToolDryRun(), step, calls(("go", "{}")))


def test_it_keeps_the_contract() -> None:
    check_verifier(ToolDryRun)
    check_verifier(lambda: ToolDryRun(required=True))
