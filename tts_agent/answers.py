"""Answer keys: what counts as the same answer when samples vote.

An answer key maps a sample to a hashable value, or to None when the sample has no answer to vote with.
Truncated, filtered and unparseable samples never vote (`Sample.valid`); that is checked in one place, `vote`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Hashable
from decimal import Decimal

from tts_agent.messages import canonical_json
from tts_agent.sampling import Sample

AnswerKey = Callable[[Sample], Hashable | None]


def vote(sample: Sample, key: AnswerKey) -> Hashable | None:
    """The sample's vote, or None when it may not vote."""
    return key(sample) if sample.valid else None


def text(sample: Sample) -> Hashable | None:
    """The whole text, case and spacing ignored."""
    return " ".join(sample.text.split()).casefold() or None


def final_answer(sample: Sample) -> Hashable | None:
    r"""What stands in the last `\boxed{...}`, else after the last "answer" of the text, normalized.

    "... so the answer is 1,024.", "\boxed{1024.0}" and "The answer is 1024 because ..." vote alike, and so do "(B)",
    "B" and "(B) Paris". An explanation is recognized by a few unmistakable words; other prose stays in the vote.
    """
    found = _boxed(sample.text) or _after_answer(sample.text)
    return (normalize(found) or None) if found else None


def number(sample: Sample) -> Hashable | None:
    """The last number of the text."""
    found = _NUMBER.findall(sample.text)
    return normalize(found[-1]) if found else None


def choice(sample: Sample) -> Hashable | None:
    """The last stand-alone letter A to J of the text, as in multiple choice; not the I of "I think"."""
    found = re.findall(r"(?<![A-Za-z])([A-HJ]|I(?! ?['\u2019\w]))(?![A-Za-z])", sample.text)
    return found[-1] if found else None


def json_value(sample: Sample) -> Hashable | None:
    """The text as JSON, key order and spacing ignored; None when it is not JSON."""
    body = re.sub(r"^\s*```(?:json)?|```\s*$", "", sample.text).strip()
    try:
        return canonical_json(json.loads(body))
    except (ValueError, RecursionError):  # the latter: a model that loops writes thousands of brackets
        return None


def tool_calls(ignore: Collection[str] = ()) -> AnswerKey:
    """A key of tool calls: names and normalized arguments in order, without ids and the `ignore`d arguments.

    A sample that calls no tool votes with its `final_answer` or, failing that, its text.
    """
    ignored = frozenset(ignore)

    def key(sample: Sample) -> Hashable | None:
        if not sample.tool_calls:
            return auto(sample)
        calls = []
        for call in sample.tool_calls:
            try:
                arguments = json.loads(call.arguments or "{}")
            except (ValueError, RecursionError):
                return None
            if isinstance(arguments, dict):
                arguments = {name: value for name, value in arguments.items() if name not in ignored}
            calls.append((call.name, canonical_json(arguments)))
        return tuple(calls)

    return key


def auto(sample: Sample) -> Hashable | None:
    """Tool calls if there are any, else the final answer if one is marked, else the whole text."""
    if sample.tool_calls:
        return _TOOL_CALLS(sample)
    marked = final_answer(sample)
    return text(sample) if marked is None else marked


def normalize(answer: str) -> str:
    """One spelling per answer: no outer punctuation, lower case, numbers without separators or zeros."""
    plain = " ".join(answer.strip().strip(".,;:!$*` ").split()).casefold()
    digits = plain.replace(",", "") if re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?", plain) else plain
    if re.fullmatch(r"[-+]?\d+(\.\d+)?", digits):
        value = f"{Decimal(digits):f}"  # exact at any length: a model that loops writes thousands of digits
        value = value.rstrip("0").rstrip(".") if "." in value else value
        return "0" if value == "-0" else value
    return plain


_NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?")
_ANSWER = re.compile(r"answer(?:\s+is\b)?\s*[:=]?\s*", re.IGNORECASE)


def _after_answer(body: str) -> str | None:
    ends = [found.end() for found in _ANSWER.finditer(body)]
    return _bare(body[ends[-1] :].partition("\n")[0]) or None if ends else None


_EXPLANATION = re.compile(
    r",? (?i:because|since) "
    r"|, (?i:which|as|so) "
    r"| \((?i:because|since|as|which|i\.e\.|see) "
    r"|(?<=[a-z0-9)*$%])\. (?=(?:Because|Hence|It|Since|So|That|The|Therefore|This|Thus|We) )"
)
"""Where it begins. A full stop ends an answer only before such a word: "Mr. Smith", "U.S. Army" and "E.T. The
Extra-Terrestrial" are one."""

_BEFORE_PROSE = re.compile(r"([*`$]*(?:[$€£]?[-+]?\d[\d,]*(?:\.\d+)?%?|\(?[A-J]\)?)[*`$]*) (?:as|so|which) ")
"""A number or a letter needs no comma before its explanation."""

_CHOICE = re.compile(r"[*`]*(?:\(([A-J])\)|([A-J])[):])[*`]*(?: (?!.*\b[A-J]\b).*)?")
"""A letter marked as a choice, and nothing after it that could be a second one."""


def _bare(said: str) -> str:
    """What was said without the explanation that follows it, and a choice without its wording."""
    answer = " ".join(said.split())
    if explained := _EXPLANATION.search(answer, 1):
        answer = answer[: explained.start()]
    if prose := _BEFORE_PROSE.match(answer):
        answer = prose[1]
    chosen = _CHOICE.fullmatch(answer.rstrip(".,;!* "))
    return chosen[1] or chosen[2] if chosen else answer


def _boxed(body: str) -> str | None:
    start = body.rfind(r"\boxed{")
    if start < 0:
        return None
    depth, begin = 0, start + len(r"\boxed")
    for position in range(begin, len(body)):
        depth += {"{": 1, "}": -1}.get(body[position], 0)
        if depth == 0:
            return body[begin + 1 : position]
    return None


_TOOL_CALLS = tool_calls()
