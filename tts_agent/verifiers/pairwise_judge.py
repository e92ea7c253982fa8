"""A language model as judge of two replies at a time, each pair in both orders."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, ClassVar, Literal

from tts_agent.effects import Flow, generate, together
from tts_agent.exceptions import ConfigurationError
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.verifiers.base import Verdict
from tts_agent.verifiers.judge import RUBRIC
from tts_agent.verifiers.judge_prompt import closing_line, judge_request
from tts_agent.verifiers.replies import reply_text

_TASK = (
    "Which of the two responses is better by this rubric: {rubric}\n"
    "Neither the order nor the length of the responses counts. Compare them first. Then end with a line that holds the "
    "verdict alone, one of:\nBetter: 1\nBetter: 2\nBetter: tie"
)
_CHOICE = re.compile(r"[\s*_#]*better[\s*_]*:[\s*_]*(1|2|tie)[\s*_.]*", re.IGNORECASE)
_POINTS = {"1": 1.0, "2": 0.0, "tie": 0.5}


@dataclass(frozen=True, slots=True)
class OrderBias:
    """What a judge said of pairs in both orders. Counts of further pairs are added with `+`."""

    consistent: int = 0
    """Pairs of which both orders say the same."""
    first: int = 0
    """Pairs of which the orders disagree in favour of what was shown first."""
    second: int = 0
    """... of what was shown second."""
    unread: int = 0
    """Pairs with an order that has no verdict."""

    def __add__(self, other: OrderBias) -> OrderBias:
        return OrderBias(
            self.consistent + other.consistent,
            self.first + other.first,
            self.second + other.second,
            self.unread + other.unread,
        )

    def __str__(self) -> str:
        pairs = self.consistent + self.first + self.second + self.unread
        return (
            f"of {pairs} pairs {self.consistent} judged alike in both orders, {self.first} for the first shown, "
            f"{self.second} for the second, {self.unread} without a verdict"
        )


@dataclass(frozen=True, slots=True)
class PairwiseJudge:
    """Ranks replies by comparing them; it accepts none, since the better of two may be wrong.

    Each pair is judged in both orders; where these disagree, or one has no verdict, the pair is a tie. "round_robin"
    compares all pairs, n (n - 1) calls for n different replies, and scores the share of points won; "knockout" makes
    2 (n - 1) calls, in about log2(n) rounds of pairs, and scores the share of rounds survived (a tie goes to the
    earlier sample). A reply without rivals scores 1/2, a truncated or unparseable one 0.
    Source: Zheng et al., arXiv 2306.05685 (position swap, section 3.4); knockout: arXiv 2411.19477.
    """

    needs: ClassVar[tuple[str, ...]] = ("model",)
    source: ClassVar[str] = "arXiv 2306.05685"

    rubric: str = RUBRIC
    matches: Literal["round_robin", "knockout"] = "round_robin"
    max_tokens: int = 512
    """Most output tokens of a comparison."""
    temperature: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    """Passed on to the endpoint, as `Judge.options`."""
    name: str = "pairwise_judge"

    def __post_init__(self) -> None:
        if not self.rubric.strip():
            raise ConfigurationError("a judge needs a rubric")
        if self.max_tokens < 1:
            raise ConfigurationError(f"max_tokens is {self.max_tokens}: at least 1 is needed")
        if self.matches not in ("round_robin", "knockout"):
            raise ConfigurationError(f"matches is {self.matches!r}: it must be 'round_robin' or 'knockout'")

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        replies = _different(samples)
        if len(replies) < 2:
            scores = dict.fromkeys(replies, 0.5)
        elif self.matches == "knockout":
            scores = yield from self._knockout(step, replies)
        else:
            scores = yield from self._round_robin(step, replies)
        return [Verdict(scores[reply_text(sample)] if sample.valid else 0.0) for sample in samples]

    def order_bias(self, step: Step, samples: Sequence[Sample]) -> Flow[OrderBias]:
        """Compare all pairs of different replies, and count what the order did."""
        pairs = combinations(_different(samples), 2)
        seen = yield from together(*(self._both_orders(step, *pair) for pair in pairs))
        return sum(map(_bias, seen), OrderBias())

    def _round_robin(self, step: Step, replies: Sequence[str]) -> Flow[dict[str, float]]:
        pairs = list(combinations(replies, 2))
        seen = yield from together(*(self._both_orders(step, *pair) for pair in pairs))
        points = dict.fromkeys(replies, 0.0)
        for (one, other), orders in zip(pairs, seen, strict=True):
            won = _points(*orders)
            points[one] += won
            points[other] += 1.0 - won
        return {reply: won / (len(replies) - 1) for reply, won in points.items()}

    def _knockout(self, step: Step, replies: Sequence[str]) -> Flow[dict[str, float]]:
        survived, standing, rounds = dict.fromkeys(replies, 0), list(replies), 0
        while len(standing) > 1:
            pairs = list(zip(standing[::2], standing[1::2], strict=False))
            seen = yield from together(*(self._both_orders(step, *pair) for pair in pairs))
            winners = [pair[_points(*orders) < 0.5] for pair, orders in zip(pairs, seen, strict=True)]
            standing = winners + standing[2 * len(pairs) :]
            rounds += 1
            survived |= dict.fromkeys(standing, rounds)
        return {reply: won / rounds for reply, won in survived.items()}

    def _both_orders(self, step: Step, one: str, other: str) -> Flow[tuple[float | None, ...]]:
        """What each order gives to the reply shown first in it: 1, 1/2, 0, or None without a verdict."""
        return (yield from together(self._first_shown(step, one, other), self._first_shown(step, other, one)))

    def _first_shown(self, step: Step, first: str, second: str) -> Flow[float | None]:
        request = judge_request(
            step,
            [first, second],
            _TASK.format(rubric=self.rubric),
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            options=self.options,
        )
        batch = yield from generate(request, 1, final=step.final)
        said = batch.samples[0] if batch.samples else Sample("", "unknown")
        found = _CHOICE.fullmatch(closing_line(said))
        return _POINTS[found[1].lower()] if found else None


def _different(samples: Sequence[Sample]) -> list[str]:
    return list(dict.fromkeys(reply_text(sample) for sample in samples if sample.valid))


def _points(forward: float | None, backward: float | None) -> float:
    """Of the first reply of a pair, from what both orders give to what they show first."""
    return forward if forward is not None and backward is not None and forward == 1.0 - backward else 0.5


def _bias(orders: tuple[float | None, ...]) -> OrderBias:
    forward, backward = orders
    if forward is None or backward is None:
        return OrderBias(unread=1)
    if forward == 1.0 - backward:
        return OrderBias(consistent=1)
    return OrderBias(first=1) if forward + backward > 1.0 else OrderBias(second=1)
