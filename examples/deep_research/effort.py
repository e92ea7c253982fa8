"""How much is spent on a step of the research, and who decides it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from examples.deep_research.checks import checked, readable
from tts_agent.probability import Beta
from tts_agent.stopping import FixedSize, StoppingRule, UntilAccepted
from tts_agent.strategies import BestOfN, SelfConsistency, Strategy
from tts_agent.verifiers import Verifier
from tts_agent.voting import Tally

Kind = Literal["plan", "find", "write"]


@dataclass(frozen=True, slots=True)
class Effort:
    """How one step is answered, and of a search how far it goes."""

    manner: Literal["retry", "vote", "check"]
    """retry: until a reply can be read, as plain agents do. vote: all samples, and the majority's. check: votes for
    plans and first searches, and until the check accepts for what is read and written."""
    draws: int = 1
    """Samples of a step, at most."""
    votes: int = 1
    """For `check`: votes that settle a plan or a first search."""
    pages: int = 3
    """That one search shows."""
    searches: int = 4
    """At most; then the model has to answer."""

    def choose(self) -> Strategy:
        """The strategy of a step whose replies vote."""
        if self.manner == "check":
            return SelfConsistency(FirstTo(self.votes, self.draws))
        return SelfConsistency(FixedSize(self.draws)) if self.manner == "vote" else self._until(checked(readable))

    def produce(self, verifier: Verifier) -> Strategy:
        """The strategy of a step whose replies can be checked."""
        return self._until(verifier) if self.manner == "check" else self.choose()

    def _until(self, verifier: Verifier) -> Strategy:
        return BestOfN(verifier, one_at_a_time(self.draws))


PLAIN = Effort("retry", draws=3)
"""One sample a step, asked again while it cannot be read, and as many searches as the model makes up to a limit."""


def one_at_a_time(most: int) -> StoppingRule:
    """Further samples as long as none is accepted: they cost no more than they must."""
    return UntilAccepted(Beta(1.0, 1.0), cost=0.0, max_samples=most)


@dataclass(frozen=True, slots=True)
class FirstTo:
    """Draw until an answer has so many votes."""

    order_matters: ClassVar[bool] = False

    votes: int
    most: int
    """Samples."""

    def still_needed(self, votes: Tally) -> int:
        return max(0, min(self.votes - votes.top()[0], self.most - votes.drawn))


@dataclass(frozen=True, slots=True)
class Outlook:
    """Where a run stands when a step begins."""

    left: int
    """Tokens for this step and those ahead, the report's left out."""
    todo: int
    """Facts still to be found, the one at hand included; when the plan is made, as many as are to be expected."""
    last: Effort | None = None
    """With which the fact at hand was looked for in vain."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a step may do."""

    effort: Effort
    tokens: int | None = None
    """At most; None leaves it what is left."""


class Conduct(Protocol):
    """Decides how a budget is spent."""

    @property
    def verifies(self) -> bool:
        """Whether what was found counts only if a page that was shown proves it."""
        ...

    @property
    def goes_on(self) -> bool:
        """Whether the run goes on to its report when the budget refuses a step; else it ends with the error."""
        ...

    @property
    def always_reports(self) -> bool:
        """Whether a report is put together from the notes where the model's does not say what they say."""
        ...

    def grant(self, kind: Kind, outlook: Outlook) -> Grant | None:
        """For the step that begins. None gives it up."""
        ...


@dataclass(frozen=True, slots=True)
class Plain:
    """The same effort for every step of a kind, as long as there is something left."""

    effort: Effort = PLAIN
    verifies: bool = False
    goes_on: bool = False
    always_reports: bool = False

    def grant(self, kind: Kind, outlook: Outlook) -> Grant | None:
        return None if outlook.last else Grant(self.effort)
