"""What can be checked of a step without asking anybody: the plan, what was found, and the report.

The checks read what the model was shown, and nothing else. None of them knows an answer: a wrong plan may be a plan,
and an outdated fact stands on a page like any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from examples.deep_research import language
from examples.deep_research.language import UNKNOWN, Hop, Note
from examples.deep_research.world import RELATIONS
from tts_agent import answers
from tts_agent.answers import AnswerKey
from tts_agent.sampling import Sample
from tts_agent.verifiers import FunctionVerifier, Verdict

ALWAYS = 9999
"""The year of what is told without one: it has never been otherwise."""

_TELLS = r"(?:since (\d+) |^|(?<=\. )){}(?= ?\.|$)"
"""A sentence, with or without the year since which it holds."""


def starts_somewhere(question: str, plan: Sequence[Hop] | None) -> bool:
    """Whether a plan begins with something that the question names."""
    return plan is not None and f" {plan[0].subject} " in f" {' '.join(question.casefold().replace('?', ' ').split())} "


@dataclass(frozen=True, slots=True)
class Told:
    """That a page says something about the fact that is looked for."""

    year: int
    value: str
    page: int


def told(pages: Mapping[int, str], hop: Hop) -> list[Told]:
    """What pages say about a fact, in any of the ways in which such facts are told."""
    found: list[Told] = []
    ways = RELATIONS[hop.relation].sentences if hop.relation in RELATIONS else ()
    for way, _ in ways:
        sentence = re.escape(way).replace(r"\{s\}", re.escape(hop.subject)).replace(r"\{o\}", "([a-z ]+?)")
        pattern = re.compile(_TELLS.format(sentence))
        for page, text in pages.items():
            found += [Told(int(said[1] or ALWAYS), said[2], page) for said in pattern.finditer(text)]
    return found


@dataclass(frozen=True, slots=True)
class Reading:
    """A search for one fact, as far as it came: what is asked, and what was seen."""

    hop: Hop
    queries: tuple[str, ...]
    pages: Mapping[int, str]

    @property
    def dated(self) -> bool:
        """Whether what was seen of the fact has been otherwise: another page may know of a later change."""
        said = told(self.pages, self.hop)
        return bool(said) and all(each.year != ALWAYS for each in said)

    def judge(self, sample: Sample) -> Verdict:
        """Accepted: a find that a page proves and none contradicts; and, as long as no page says what always held, a
        search that was not made before, or that nothing was found."""
        said = told(self.pages, self.hop)
        if sample.tool_calls:
            queries = [language.read_query(call.arguments).strip() for call in sample.tool_calls]
            new = all(query and query not in self.queries for query in queries)
            return Verdict(0.5 if new else 0.1, accepted=new and all(each.year != ALWAYS for each in said))
        found = language.read_found(sample.text)
        if found is None:
            nothing = language.NOTHING in sample.text.casefold()
            return Verdict(0.3 if nothing else 0.0, accepted=nothing and not said)
        why = self.objection(found[0])
        return Verdict(0.2, feedback=why) if why else Verdict(1.0, accepted=True)

    def objection(self, value: str) -> str | None:
        """What speaks against a value; None where a page that was shown says it, and none something later."""
        said = told(self.pages, self.hop)
        years = [each.year for each in said if each.value == value]
        if not years:
            return "no page proves what was found"
        return "what was found is out of date" if max(each.year for each in said) > max(years) else None

    def page(self, value: str, cited: int) -> int:
        """The page to cite for a value without objection: the one that was cited, if it says so."""
        pages = [each.page for each in told(self.pages, self.hop) if each.value == value]
        return cited if cited in pages else pages[0]


@dataclass(frozen=True, slots=True)
class Writing:
    """A report about to be written from notes."""

    notes: tuple[Note, ...]
    complete: bool
    """Whether the last note answers the question."""

    @property
    def answer(self) -> str:
        """What the report should answer."""
        return self.notes[-1].value if self.complete and self.notes else UNKNOWN

    def accepts(self, text: str) -> bool:
        """Whether it is the report that these notes make."""
        return self.judge(Sample(text)).accepted

    def judge(self, sample: Sample) -> Verdict:
        """A report that claims what the notes say, with their pages, and answers from the last."""
        said = language.read_report(sample.text)
        if said is None:
            return Verdict(0.0, feedback="This is not a report.")
        answer, claims = said
        if any(claim not in self.notes for claim in claims):
            return Verdict(0.1, feedback="It claims what no note says.")
        told = sum(note in claims for note in self.notes) / len(self.notes) if self.notes else 1.0
        return Verdict(0.2 + 0.4 * told + 0.4 * (answer == self.answer), accepted=answer == self.answer and told == 1.0)


def plan_key(question: str) -> AnswerKey:
    """Plans vote when they can be followed from something that the question names."""

    def key(sample: Sample) -> Hashable | None:
        plan = language.read_plan(sample.text)
        return tuple(plan) if plan and starts_somewhere(question, plan) else None

    return key


def find_key(sample: Sample) -> Hashable | None:
    """Turns of a search vote by their queries, or by the value that they found."""
    if sample.tool_calls:
        return tuple(language.read_query(call.arguments) for call in sample.tool_calls)
    found = language.read_found(sample.text)
    return found[0] if found else answers.text(sample)


def report_key(sample: Sample) -> Hashable | None:
    """Reports vote by their answers."""
    said = language.read_report(sample.text)
    return said and said[0]


def readable(sample: Sample) -> Verdict:
    """What a plain agent insists on: a reply that is one of the forms it asked for."""
    text = sample.text
    read = sample.tool_calls or language.read_plan(text) or language.read_found(text) or language.read_report(text)
    return Verdict(1.0, accepted=True) if read or language.NOTHING in text.casefold() else Verdict(0.0)


def checked(judge: Callable[[Sample], Verdict]) -> FunctionVerifier:
    """A check as a verifier."""
    return FunctionVerifier(lambda step, sample: judge(sample), name="check")
