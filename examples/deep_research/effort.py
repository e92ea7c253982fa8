"""How much is spent on a step of the research, and who decides it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from examples.deep_research.checks import checked, readable
from tts_agent.budget import Pacer
from tts_agent.probability import Beta
from tts_agent.stopping import FixedSize, StoppingRule, UntilAccepted
from tts_agent.strategies import BestOfN, SelfConsistency, Strategy
from tts_agent.verifiers import Verifier
from tts_agent.voting import Tally

Kind = Literal["plan", "find", "write"]
CLASSES: Mapping[Kind, str] = {"plan": "plan", "find": "query writing", "write": "synthesis"}
"""Class of the step (`StepKinds`) that each begins with: a search is priced whole, when its queries are written."""


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
    queries: int = 1
    """Searches that a search for a fact begins with, at once and in different words."""
    pages: int = 3
    """That one search shows."""
    strict: bool = False
    """Whether it shows those of them alone that have every word of the query."""
    searches: int = 4
    """At most; then the model has to answer."""
    checks: int = 0
    """Further searches, one after another, where what was seen has been otherwise before: is there something later?"""

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
    """Tokens for this step and those ahead, the final reserve left out."""
    todo: int
    """Facts still to be found, the one at hand included; when the plan is made, as many as are to be expected."""
    last: Effort | None = None
    """With which the fact at hand was looked for in vain."""
    report: int = 0
    """Tokens that the model's report on all of them may need beyond the final reserve."""
    price: float = 0.0
    """Of a token, in units of a right step, as the budget's pace asks for; 0 where it has none."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a step may do."""

    effort: Effort
    tokens: int | None = None
    """At most; None leaves it what is left."""
    price: float = 0.0
    """Of a token, at which it was chosen."""


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

    @property
    def least(self) -> int:
        """Tokens of the smallest budget that is worth beginning with."""
        ...

    def reserve(self, tokens: int, report: int) -> int:
        """Tokens to keep for the report alone, of so many; it may need `report` even where nothing is found."""
        ...

    def pace(self, reserve: int) -> Pacer | None:
        """What prices the tokens of the run; None leaves them unpriced."""
        ...

    def ahead(self, kind: Kind, outlook: Outlook) -> Mapping[str, int]:
        """Steps to come by class, the one that begins included: what the pace goes by."""
        ...

    def grant(self, kind: Kind, outlook: Outlook) -> Grant | None:
        """For the step that begins. None gives it up."""
        ...


@dataclass(frozen=True, slots=True)
class Unpriced:
    """What a conduct without a price does."""

    @property
    def least(self) -> int:
        return 1

    def reserve(self, tokens: int, report: int) -> int:
        return min(report, tokens - 1)

    def pace(self, reserve: int) -> Pacer | None:
        return None

    def ahead(self, kind: Kind, outlook: Outlook) -> Mapping[str, int]:
        return {}


@dataclass(frozen=True, slots=True)
class Plain(Unpriced):
    """The same effort for every step of a kind, as long as there is something left."""

    effort: Effort = PLAIN
    verifies: bool = False
    goes_on: bool = False
    always_reports: bool = False

    def grant(self, kind: Kind, outlook: Outlook) -> Grant | None:
        return None if outlook.last else Grant(self.effort)
