"""Sequential refinement by price: how many more rounds are worth their tokens.

A round makes a wrong answer right with probability f_t (fix rate) and a right one wrong with probability r
(break rate): a two-state Markov chain with limit f / (f + r). It gains (1 - p) f_t - p r, so a rate of right
answers above the limit only falls. Rounds get dearer, because each one reads what was said before.

Where a verifier says whether the answer at hand is right (external feedback), refinement stops at success and
the value of round t after failures is

    V_t = max{ F, f_t + (1 - f_t) V_(t+1) - c_t },   F = max(0, fallback)

Without one nobody knows when to stop, the chain runs blindly, and the best number of rounds is fixed beforehand:
n maximizing p_n - sum of c_t. Both look ahead to the horizon: a first round that mostly explores (schemas, files)
can be worth its price for the sake of the third.
Source: the chain is this project's; that refinement without feedback does not pay, Huang et al., arXiv 2310.01798.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping.outlook import Outlook


def round_tokens(prompt: float, answer: float, feedback: float, rounds: int) -> tuple[float, ...]:
    """Tokens of rounds 1, 2, ... `rounds`: the prompt, every attempt and feedback so far, and a new attempt."""
    if min(prompt, answer, feedback) < 0.0:
        raise ConfigurationError("token counts must be >= 0")
    return tuple(prompt + t * (answer + feedback) + answer for t in range(1, rounds + 1))


def limit(fix: float, broken: float) -> float:
    """The rate of right answers that a chain with constant rates comes to; 0 where nothing ever changes."""
    return fix / (fix + broken) if fix + broken > 0.0 else 0.0


def advance(right: float, fix: float, broken: float) -> float:
    """P(right) after one round."""
    return right + (1.0 - right) * fix - right * broken


@dataclass(frozen=True, slots=True)
class Refinement:
    """When to stop refining. Rounds are numbered from 0: `fixes[t]` is the rate of round t + 1."""

    fixes: tuple[float, ...]
    """P(a wrong answer is right after this round), for every round of the horizon."""
    costs: tuple[float, ...]
    """Price of each round in units of one correct answer (price per token x tokens / v)."""
    breaks: float = 0.0
    """P(a right answer is wrong after a round); matters only where nobody knows that it was right."""
    fallback: float = 0.0
    """Worth of giving up on a wrong answer: what a bigger model or a person would bring, less its price."""

    def __post_init__(self) -> None:
        if len(self.fixes) != len(self.costs):
            raise ConfigurationError(f"{len(self.fixes)} rounds cannot have {len(self.costs)} prices")
        if not all(0.0 <= rate <= 1.0 for rate in (*self.fixes, self.breaks)):
            raise ConfigurationError("fix and break rates must be between 0 and 1")
        if not (all(cost >= 0.0 for cost in self.costs) and self.fallback <= 1.0):
            raise ConfigurationError("prices of rounds must be >= 0 and the fallback at most 1")

    def still_needed(self, failures: int) -> int:
        """1 while another round pays after `failures` rounds that fixed nothing, else 0."""
        return int(self.outlook(failures).move == "go_on")

    def outlook(self, failures: int = 0) -> Outlook:
        """The best plan for an answer known to be wrong, after `failures` rounds that fixed nothing."""
        worst = max(0.0, self.fallback)
        ahead = Outlook("escalate" if self.fallback > 0.0 else "give_up", worst, 0.0, 0.0, 0)
        end = ahead
        for fix, cost in zip(reversed(self.fixes[failures:]), reversed(self.costs[failures:]), strict=True):
            value = fix + (1.0 - fix) * ahead.value - cost
            if value > worst:
                success = fix + (1.0 - fix) * ahead.success
                ahead = Outlook("go_on", value, success, cost + (1.0 - fix) * ahead.spent, ahead.most + 1)
            else:
                ahead = end
        return ahead

    def blind(self, right: float, done: int = 0) -> Outlook:
        """The best plan for an answer that is right with probability `right`, where nobody can tell.

        Rounds run to the planned number, whatever they say. The fallback is not considered: nothing is known
        to have failed.
        """
        value, best_value = right, right
        best = Outlook("give_up", right, right, 0.0, 0)
        spent = accumulate(self.costs[done:])
        for rounds, (fix, cost) in enumerate(zip(self.fixes[done:], spent, strict=True), start=1):
            right = advance(right, fix, self.breaks)
            value = right - cost
            if value > best_value:
                best_value, best = value, Outlook("go_on", value, right, cost, rounds)
        return best
