"""A JSON schema as a verifier."""

import sys

import pytest

from tests.verifiers.by_hand import judged
from tts_agent.exceptions import ConfigurationError, MissingExtraError
from tts_agent.messages import user
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.testing.conformance import check_verifier
from tts_agent.verifiers import JsonSchemaVerifier, Verdict

STEP = Step((user("Where and when?"),))
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "year": {"type": "integer", "minimum": 0}},
    "required": ["city"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("text", ['{"city": "Bern"}', ' {"year": 3, "city": ""}\n', '```json\n{"city": "Bern"}\n```'])
def test_what_fits_is_accepted(text: str) -> None:
    assert judged(JsonSchemaVerifier(SCHEMA), STEP, Sample(text)) == [Verdict(1.0, accepted=True)]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('{"year": 3}', "'city' is a required property (at $)"),
        ('{"city": "Bern", "year": -1}', "-1 is less than the minimum of 0 (at $.year)"),
        ('{"city": 7}', "7 is not of type 'string' (at $.city)"),
        ("[]", "[] is not of type 'object' (at $)"),
        ("Bern", "The reply is not JSON: Expecting value: line 1 column 1 (char 0)"),
        ("[" * 100_000, "The reply is nested too deeply."),
    ],
)
def test_the_feedback_says_what_does_not_fit(text: str, wrong: str) -> None:
    assert judged(JsonSchemaVerifier(SCHEMA), STEP, Sample(text)) == [Verdict(0.0, feedback=wrong)]


def test_a_recursive_schema_bears_deep_values() -> None:
    lists = {"$defs": {"list": {"type": "array", "items": {"$ref": "#/$defs/list"}}}, "$ref": "#/$defs/list"}
    shallow, deep = judged(JsonSchemaVerifier(lists), STEP, Sample("[[]]"), Sample("[" * 900 + "]" * 900))
    assert shallow.accepted
    assert deep == Verdict(0.0, feedback="The value is nested too deeply.")


def test_what_is_no_schema_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"this is no JSON schema: .* \(at \$\.type\)"):
        JsonSchemaVerifier({"type": "text"})


def test_a_reference_to_somewhere_else_is_not_followed() -> None:
    with pytest.raises(ConfigurationError, match="refers to what is not in it"):
        judged(JsonSchemaVerifier({"$ref": "http://127.0.0.1:9/schema.json"}), STEP, Sample("1"))


def test_without_the_package_it_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    with pytest.raises(MissingExtraError, match="verify"):
        JsonSchemaVerifier(SCHEMA)


def test_it_keeps_the_contract() -> None:
    check_verifier(lambda: JsonSchemaVerifier(SCHEMA))
