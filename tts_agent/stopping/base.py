"""The contract of a stopping rule."""

from __future__ import annotations

from typing import Protocol

from tts_agent.voting import Tally


class StoppingRule(Protocol):
    """A frozen value; it sees votes only, never texts, models or ledgers.

    A rule whose answer depends on the counts and on the number drawn only says so by a class attribute
    `order_matters: ClassVar[bool] = False`; replays then ask it once per state instead of once per sequence.
    Absent means True, which is always safe.
    """

    def still_needed(self, votes: Tally) -> int:
        """How many samples are worth drawing now, in one parallel batch; 0 to stop.

        A batch instead of "one more?" buys the same decision in far fewer serial rounds.
        """
        ...
