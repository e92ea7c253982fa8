"""A JSON schema as a verifier, on the `jsonschema` package."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from tts_agent.effects import Flow
from tts_agent.exceptions import ConfigurationError, MissingExtraError
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.verifiers.base import Verdict
from tts_agent.verifiers.function import FunctionVerifier

Check = Callable[[Any], str | None]
"""Says what is wrong with a value; None where nothing is."""


@dataclass(frozen=True, slots=True)
class JsonSchemaVerifier:
    """Accepts a reply that is one JSON value, fenced or not, and fits the schema. The feedback says what does not fit.

    Raises:
        ConfigurationError: at construction, when the schema is none.
        MissingExtraError: at construction, without the extra `verify`.
    """

    needs: ClassVar[tuple[str, ...]] = ("extra verify",)
    source: ClassVar[str] = "JSON Schema 2020-12"

    schema: Mapping[str, Any]
    name: str = "json_schema"

    def __post_init__(self) -> None:
        schema_check(self.schema)

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        check = schema_check(self.schema)
        return (yield from FunctionVerifier(lambda step, sample: _judge(check, sample)).verify(step, samples))


def _judge(check: Check, sample: Sample) -> Verdict:
    fenced = re.fullmatch(r"\s*```(?:json)?\s*\n(.*)```\s*", sample.text, re.DOTALL)
    try:
        value = json.loads(fenced[1] if fenced else sample.text)
    except ValueError as error:
        return Verdict(0.0, feedback=f"The reply is not JSON: {error}")
    except RecursionError:
        return Verdict(0.0, feedback="The reply is nested too deeply.")
    wrong = check(value)
    return Verdict(1.0, accepted=True) if wrong is None else Verdict(0.0, feedback=wrong)


def schema_check(schema: Mapping[str, Any]) -> Check:
    """A check of values against a JSON schema. References in it are never fetched from anywhere.

    Raises:
        ConfigurationError: the schema is none.
        MissingExtraError: without the extra `verify`.
    """
    try:
        from jsonschema import exceptions, validators
        from referencing import Registry
        from referencing.exceptions import Unresolvable
    except ImportError:
        raise MissingExtraError("checking JSON schemas", "verify") from None
    kind = validators.validator_for(schema, default=validators.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except exceptions.SchemaError as error:
        raise ConfigurationError(f"this is no JSON schema: {error.message} (at {error.json_path})") from None
    validator = kind(schema, registry=Registry())

    def check(value: Any) -> str | None:
        try:
            worst = exceptions.best_match(validator.iter_errors(value))
        except RecursionError:
            return "The value is nested too deeply."
        except Unresolvable as error:
            raise ConfigurationError(f"the schema refers to what is not in it: {error}") from None
        return None if worst is None else f"{worst.message[:500]} (at {worst.json_path})"

    return check
