"""A run of the research in a process of its own, which is killed as a reply comes in: see `test_run.py`."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from examples.deep_research import scripted
from examples.deep_research.agent import search_tool
from examples.deep_research.corpus import write_pages
from examples.deep_research.index import Index
from examples.deep_research.pace import Priced
from examples.deep_research.run import research
from examples.deep_research.state import Research
from examples.deep_research.turns import Turns
from examples.deep_research.world import make_world
from tts_agent.budget import Amount
from tts_agent.sampling import SampleBatch, SampleRequest
from tts_agent.testing.scripted import ScriptedSampler


@dataclass(frozen=True)
class Life:
    """What a run needs to know."""

    question: str
    cap: int
    keep: Path
    bills: Path
    """Where the provider writes down what it bills."""
    conduct: Priced
    dies_at: int | None = None
    """Number of the call, from 1, whose reply the process does not live to see settled."""

    def live(self) -> tuple[Research, Amount]:
        """Run, or go on with, the research."""
        pages = write_pages(make_world(7), 7)
        turns = Turns(_Billed(self), search_tool(Index(pages)))
        return research(self.question, self.cap, turns, self.conduct, keep=self.keep)

    def billed(self) -> list[int]:
        """The provider's own bills."""
        return [int(line) for line in self.bills.read_text().split()]


class _Billed(ScriptedSampler):
    def __init__(self, life: Life) -> None:
        super().__init__(scripted.reply)
        self._life = life

    async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
        batch = await super().sample(request, n)
        with self._life.bills.open("a") as file:
            file.write(f"{batch.usage.total}\n")
        if len(self.calls) == self._life.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return batch
