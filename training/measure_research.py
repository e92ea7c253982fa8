"""Measures the research model on worlds it was not trained on: ``python -m training.measure_research``.

Every effort of every kind of step, each step by itself: the plan alone, one fact alone, the report from right notes.
With ``--profile`` what comes out is written beside the model, where the example's agent reads it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from examples.deep_research import language
from examples.deep_research.agent import build, search_tool
from examples.deep_research.corpus import write_pages
from examples.deep_research.effort import PLAIN, Effort, Grant, Kind, Outlook, Unpriced
from examples.deep_research.index import Index
from examples.deep_research.language import Hop, Note
from examples.deep_research.pace import LADDERS, Measured, write_profile
from examples.deep_research.questions import Question, ask_many
from examples.deep_research.state import Research, Run, note_data, notes_of
from examples.deep_research.tiny import MODEL_FOLDER, PROFILE, TEMPERATURE, research_sampler
from examples.deep_research.turns import Turns
from examples.deep_research.world import make_world
from training.research import hops_of
from tts_agent.nodes import token_budget
from tts_agent.samplers.shared import SharedDraws

FIRST_WORLD = 500
"""Seeds of worlds: those of the benchmark are lower, those of the training much higher."""


@dataclass(frozen=True)
class One(Unpriced):
    """A conduct for one kind of step alone."""

    kind: Kind = "find"
    effort: Effort = PLAIN
    goes_on: bool = True
    always_reports: bool = False

    @property
    def verifies(self) -> bool:
        """Whatever is checked must be proven."""
        return self.effort.manner == "check"

    def grant(self, kind: Kind, outlook: Outlook) -> Grant | None:
        """Once, for the kind that is measured."""
        return Grant(self.effort) if kind == self.kind and outlook.last is None else None


Case = tuple[Research, Callable[[Research], bool]]
"""Where a step begins, and whether it came out right."""


def plans(question: Question) -> Iterator[Case]:
    """The plan of a question."""
    right = list(map(str, hops_of(question)))
    yield {"question": question.text}, lambda state: state["plan"] == right


def finds(question: Question) -> Iterator[Case]:
    """Each fact of its path."""
    for fact in question.path:
        hop = str(Hop(fact.relation, fact.subject))
        yield {"question": question.text, "plan": [hop]}, partial(_found, fact.object)


def _found(value: str, state: Research) -> bool:
    return [note.value for note in notes_of(state)] == [value]


def writes(question: Question) -> Iterator[Case]:
    """The report, from right notes."""
    notes = [
        Note(Hop(fact.relation, fact.subject), fact.object, pages[0] if pages else 1)
        for fact, pages in zip(question.path, question.sources, strict=True)
    ]
    begun: Research = {"question": question.text, "plan": list(map(str, hops_of(question)))}
    begun["notes"] = list(map(note_data, notes))
    yield begun, lambda state: language.read_report(state["report"]) == (question.answer, notes)


CASES: Mapping[Kind, Callable[[Question], Iterator[Case]]] = {"plan": plans, "find": finds, "write": writes}


def main() -> None:
    """Measure the model of a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=MODEL_FOLDER)
    parser.add_argument("--questions", type=int, default=100, help="half of them about each of two worlds")
    parser.add_argument("--temperature", type=float, default=TEMPERATURE)
    parser.add_argument("--profile", action="store_true", help=f"write {PROFILE} beside the model")
    arguments = parser.parse_args()
    sampler = SharedDraws(research_sampler(arguments.folder))
    graphs = []
    for seed in (FIRST_WORLD, FIRST_WORLD + 1):
        world = make_world(seed)
        pages = write_pages(world, seed)
        graph = build(Turns(sampler, search_tool(Index(pages)), temperature=arguments.temperature))
        graphs.append((graph, ask_many(world, pages, arguments.questions // 2, seed)))
    found: dict[Kind, list[Measured]] = {}
    for kind, cases in CASES.items():
        for effort in (PLAIN, *LADDERS[kind]):
            tokens, right = [], []
            for graph, questions in graphs:
                for begun, is_right in (case for question in questions for case in cases(question)):
                    with token_budget(None) as budget:
                        state = graph.invoke(begun, context=Run(budget, One(kind, effort)))
                    tokens.append(budget.spent.tokens)
                    right.append(is_right(state))
            measured = Measured(effort, sum(tokens) / len(tokens), sum(right) / len(right))
            print(f"{kind:5} {measured.success:.3f} right, {measured.cost:6.1f} tokens, {len(right)} times: {effort}")
            if effort != PLAIN:
                found.setdefault(kind, []).append(measured)
    if arguments.profile:
        write_profile(arguments.folder / PROFILE, found)


if __name__ == "__main__":
    main()
