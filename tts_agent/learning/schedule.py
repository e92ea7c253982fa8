"""Which question gets the next call: every question gets its first before any gets a second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heappop, heappush

from tts_agent.learning.draws import Draw
from tts_agent.learning.enough import Enough
from tts_agent.learning.item import Item


class Schedule:
    """What is left to draw, those questions first that have the fewest samples.

    So labelling that ends early (by its budget, by its user) leaves counts for all questions rather than many for some.
    At most one call of a question is in flight at a time.

    Args:
        done: outcomes that are known already, by question and number of the sample; None is a number without outcome.
        batch: most samples of one call.
    """

    def __init__(
        self, items: Sequence[Item], done: Mapping[int, Mapping[int, bool | None]], enough: Enough, batch: int
    ) -> None:
        self._items = items
        self._enough = enough
        self._batch = batch
        self._outcomes = {question: dict(found) for question, found in done.items()}
        self._ready: list[tuple[int, int]] = []
        self.finished = 0
        """Questions that have enough samples."""
        self.samples = 0
        """With an outcome, over all questions."""
        self._samples_of_finished = 0
        for question in range(len(items)):
            self.samples += len(self._passed(question))
            self.put_back(question)

    def __len__(self) -> int:
        """Questions that wait for a call."""
        return len(self._ready)

    @property
    def samples_left(self) -> int:
        """How many samples may still be needed: each question as many as those that have finished took."""
        typical = max(self._enough.low, self._samples_of_finished / self.finished if self.finished else 0.0)
        unfinished = len(self._items) - self.finished
        return max(unfinished, round(unfinished * typical) - (self.samples - self._samples_of_finished))

    def next(self) -> Draw:
        """Take the next call."""
        _, question = heappop(self._ready)
        taken = self._outcomes.get(question, {})
        missing = self._enough.target(self._passed(question)) - len(self._passed(question))
        number = max(taken, default=-1) + 1
        return Draw(self._items[question], question, number, min(self._batch, missing))

    def note(self, question: int, outcomes: Mapping[int, bool | None]) -> None:
        """Samples came back, by number."""
        self._outcomes.setdefault(question, {}).update(outcomes)
        self.samples += sum(outcome is not None for outcome in outcomes.values())

    def put_back(self, question: int) -> None:
        """Let a question wait for its next call, if it still needs one."""
        passed = self._passed(question)
        if len(passed) >= self._enough.target(passed):
            self.finished += 1
            self._samples_of_finished += len(passed)
        else:
            heappush(self._ready, (len(passed), question))

    def _passed(self, question: int) -> list[bool]:
        found = self._outcomes.get(question, {})
        return [outcome for _, outcome in sorted(found.items()) if outcome is not None]
