"""What is said to the model and by it: the same words for a tiny model that learned nothing else and for a large one.

Three kinds of steps, each a conversation of its own::

    plan : who is the mayor of the origin of karin ritter ?
        birthplace of karin ritter ; mayor of it
    find : birthplace of karin ritter
        search karin ritter born
            [48] karin ritter : ...  [7] ...
        found selby [48]                          or another search, or "found nothing"
    write : <question> notes : birthplace of karin ritter is selby [48] . ...
        answer mona thorn . birthplace of karin ritter is selby [48] . mayor of selby is mona thorn [121] .
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from examples.deep_research.corpus import Page
from examples.deep_research.world import RELATIONS

IT = "it"
FOUND = "found"
NOTHING = "nothing"
UNKNOWN = "unknown"
NO_PAGES = "no pages"
PENDING = "no pages yet"
"""Said in place of the results of a search that is still to be made, so that the next one asks in other words."""
ENOUGH = "No more searches: answer now."
"""Said with the last results, when there is to be no further search."""

_HOP = re.compile(r"(?:\d+[.)] |- )?(\w+) of (.+)")
_FOUND = re.compile(r"(?:found )?(.+?) ?\[ ?(\d+) ?\]\.?")
_REPORT = re.compile(r"answer:? (.+?) ?\.(.*)")
_CLAIM = re.compile(r"(\w+) of (.+) is (.+?) ?\[ ?(\d+) ?\]")
_PAGE = re.compile(r"\[ ?(\d+) ?\] (?:[^:\[]+ : )?(.*?)(?= \[ ?\d+ ?\]|$)")


@dataclass(frozen=True, slots=True)
class Hop:
    """One thing to find out."""

    relation: str
    subject: str
    """A name, or `IT` for what the hop before it finds."""

    def __str__(self) -> str:
        return f"{self.relation} of {self.subject}"


@dataclass(frozen=True, slots=True)
class Note:
    """What came out of one hop."""

    hop: Hop
    """With the name of its subject."""
    value: str
    page: int

    def __str__(self) -> str:
        return f"{self.hop} is {self.value} [{self.page}]"


def plan_prompt(question: str) -> str:
    """Asks for the hops of a question."""
    return f"plan : {question}"


def plan_text(hops: Sequence[Hop]) -> str:
    """The reply to it."""
    return " ; ".join(str(hop) for hop in hops)


def read_plan(text: str) -> list[Hop] | None:
    """The hops of a reply; None where it is no plan: an unknown relation, a first hop from nowhere."""
    hops: list[Hop] = []
    for part in re.split(r"[;\n]", text.strip()):
        said = _HOP.fullmatch(_plain(part).rstrip("."))
        if not said or said[1] not in RELATIONS or (said[2] == IT) != bool(hops):
            return None
        hops.append(Hop(said[1], said[2]))
    return hops


def find_prompt(hop: Hop) -> str:
    """Asks for one fact."""
    return f"find : {hop}"


def search_text(subject: str, word: str) -> str:
    """A call of the search, as the tiny model writes it."""
    return f"search {subject} {word}"


def read_search(text: str) -> str | None:
    """The query of a call; None where the text is none."""
    words = text.split()
    return " ".join(words[1:]) if len(words) > 1 and words[0] == "search" else None


def read_query(arguments: str) -> str:
    """The query of a call's arguments, whatever they are; empty where there is none."""
    try:
        query = json.loads(arguments or "{}").get("query", "")
    except (ValueError, AttributeError):
        return ""
    return query if isinstance(query, str) else ""


def results_text(pages: Sequence[Page]) -> str:
    """What the search gives back."""
    return " ".join(page.shown() for page in pages) or NO_PAGES


def read_results(text: str) -> dict[int, str]:
    """What each page said that the search gave back, by number."""
    pages: dict[int, str] = {}
    for number, said in _PAGE.findall(_plain(text)):
        pages[int(number)] = f"{pages.get(int(number), '')} {said}".strip()
    return pages


def found_text(value: str | None, page: int | None) -> str:
    """The end of a search."""
    return f"{FOUND} {NOTHING}" if value is None else f"{FOUND} {value} [{page}]"


def read_found(text: str) -> tuple[str, int] | None:
    """Value and page of a reply, which stand on its last line; None where nothing was found."""
    said = _FOUND.fullmatch(_plain(text.strip().rpartition("\n")[2]))
    return (said[1], int(said[2])) if said else None


def write_prompt(question: str, notes: Sequence[Note]) -> str:
    """Asks for the report."""
    listed = " . ".join(str(note) for note in notes) if notes else NOTHING
    return f"write : {question} notes : {listed} ."


def report_text(answer: str | None, notes: Sequence[Note], missing: Hop | None = None) -> str:
    """The report: the answer, what it rests on, and what was not found."""
    parts = [f"answer {answer or UNKNOWN}", *map(str, notes)]
    if missing is not None:
        parts.append(f"{missing} is {UNKNOWN}")
    return " . ".join(parts) + " ."


def read_report(text: str) -> tuple[str, list[Note]] | None:
    """Answer and claims of a report; None where the text is none."""
    said = _REPORT.fullmatch(_plain(text))
    if not said:
        return None
    claims = map(_CLAIM.fullmatch, (part.strip() for part in f"{said[2]} ".split(". ")))
    return said[1], [Note(Hop(claim[1], claim[2]), claim[3], int(claim[4])) for claim in claims if claim]


def _plain(text: str) -> str:
    """Lower case, and one space wherever there is some."""
    return " ".join(text.casefold().split())
