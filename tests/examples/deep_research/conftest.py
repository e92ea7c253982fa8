"""A world to ask about, and the research on it by rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from examples.deep_research.agent import search_tool
from examples.deep_research.corpus import Page, write_pages
from examples.deep_research.index import Index
from examples.deep_research.pace import LADDERS, Ladder, Measured, Priced
from examples.deep_research.questions import Question, ask_many
from examples.deep_research.turns import Turns
from examples.deep_research.world import make_world
from tts_agent.sampling import Sample, SampleRequest
from tts_agent.testing.scripted import ScriptedSampler

COSTS = {"plan": 150.0, "find": 300.0, "write": 150.0}
"""Words of a step at its cheapest, about: what a scripted model bills."""

Script = Callable[[SampleRequest, int], Sample]


@dataclass(frozen=True)
class Desk:
    """What there is to read, and what can be asked."""

    index: Index
    questions: list[Question]

    def turns(self, script: Script) -> tuple[Turns, ScriptedSampler]:
        """The turns of a scripted model, and the model."""
        model = ScriptedSampler(script)
        return Turns(model, search_tool(self.index)), model


@pytest.fixture(scope="session")
def desk() -> Desk:
    world = make_world(7)
    pages: list[Page] = write_pages(world, 7)
    return Desk(Index(pages), ask_many(world, pages, 15, 7))


@pytest.fixture(scope="session")
def priced() -> Priced:
    """A conduct from a profile that nobody measured: each further effort costs as much again, and brings less."""
    return Priced(
        {
            kind: Ladder(
                tuple(
                    Measured(effort, COSTS[kind] * (1 + place), 1.0 - 0.5 ** (1 + place))
                    for place, effort in enumerate(efforts)
                )
            )
            for kind, efforts in LADDERS.items()
        }
    )
