"""Names of verifiers that grade, as typed for `tts-agent label --verifier`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from tts_agent import answers
from tts_agent.answers import AnswerKey
from tts_agent.cli import resolve
from tts_agent.exceptions import ConfigurationError
from tts_agent.learning import grading
from tts_agent.learning.grading import Grading
from tts_agent.learning.item import Item
from tts_agent.verifiers import Verifier

KEYS: Mapping[str, AnswerKey] = {
    "number": answers.number,
    "choice": answers.choice,
    "text": answers.text,
    "json": answers.json_value,
    "final": answers.final_answer,
}
NAMES = "exact, exact:KEY, math, regex, regex:PATTERN, schema, schema:FILE, tests, programs, judge, judge:RUBRIC"


def grader(name: str) -> Grading:
    """The grading that a name means.

    exact: says the reference answer (compared by KEY: number, choice, text, json, final). math: equals it as
    mathematics. regex, schema: fits a pattern or a JSON schema, which the name gives or the reference is. tests: code
    passes the Python tests that are the reference. programs: prints what its pairs of input and output say. judge: a
    model finds it right. module:function: your own, of (question, reply, reference). Else it is any name that
    `tts-agent verifiers` lists.

    Raises:
        ConfigurationError: no verifier has that name.
    """
    kind, _, rest = name.partition(":")
    if kind == "exact" and rest:
        if rest not in KEYS:
            raise ConfigurationError(f"--verifier {name}: the key is one of {', '.join(KEYS)}")
        return Grading(name, grading.exact(KEYS[rest]), KEYS[rest])
    plain: dict[str, Callable[[Item], Verifier]] = {
        "exact": grading.exact(),
        "math": grading.math,
        "regex": grading.regex(rest or None),
        "tests": grading.unit_tests,
        "programs": grading.programs,
        "judge": grading.judge(rest or None),
    }
    if kind == "schema":
        return Grading(name, grading.schema(_schema(rest) if rest else None))
    if kind in plain:
        if rest and kind in ("math", "tests", "programs"):
            raise ConfigurationError(f"--verifier {name}: {kind} takes nothing after a colon")
        return Grading(name, plain[kind])
    if kind and rest:
        return Grading(name, grading.checked_by(_function(kind, rest)))
    found = resolve.verifier(name)
    return Grading(name, lambda item: found)


def _schema(file: str) -> Mapping[str, Any]:
    try:
        value = json.loads(Path(file).read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"--verifier schema:{file}: the file cannot be read as JSON: {error}") from None
    if not isinstance(value, dict):
        raise ConfigurationError(f"--verifier schema:{file}: a JSON schema is an object")
    return value


def _function(module: str, name: str) -> grading.Check:
    if (here := str(Path.cwd())) not in sys.path:  # as `python -m` has it
        sys.path.insert(0, here)
    try:
        function = getattr(import_module(module), name, None)
    except ImportError as error:
        raise ConfigurationError(f"--verifier {module}:{name}: the module cannot be imported: {error}") from None
    if not callable(function):
        raise ConfigurationError(f"--verifier {module}:{name}: the module has no such function")
    check: grading.Check = function
    return check
