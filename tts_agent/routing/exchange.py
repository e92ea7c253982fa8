"""What a call of one model buys in calls of another: by compute and by price, which seldom agree.

A forward pass takes about 2 N FLOPs a token for N active parameters, prompt and output alike (attention to long
contexts not counted; a cached prompt token takes none), and training 6 N a token (Kaplan et al., arXiv 2001.08361).
Prices follow demand, so a comparison at equal FLOPs may say the opposite of one at equal dollars: `report` shows both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tts_agent.budget import Tariff
from tts_agent.exceptions import ConfigurationError
from tts_agent.sampling import Usage


@dataclass(frozen=True, slots=True)
class CallCost:
    """A typical call of one arm."""

    name: str
    parameters: float
    """Active ones: of a mixture of experts, those that one token goes through."""
    tariff: Tariff
    usage: Usage
    """Tokens of the call, reasoning included."""

    def __post_init__(self) -> None:
        if not self.parameters > 0.0 or self.usage.total < 1:
            raise ConfigurationError(f"a call needs parameters and tokens above 0: {self}")

    @property
    def flops(self) -> float:
        """Of the whole call."""
        return 2.0 * self.parameters * (self.usage.total - self.usage.cached_input_tokens)

    @property
    def dollars(self) -> float:
        """By the tariff."""
        return self.tariff.cost(self.usage) / 1e15


def report(calls: Sequence[CallCost]) -> str:
    """A Markdown table: what a call costs, and how many of it one call of the last arm buys."""
    lines = [
        "| arm | tokens | TFLOPs | dollars per 1,000 calls | calls for one of the last, by FLOPs | by price |",
        "|---|---|---|---|---|---|",
    ]
    for call in calls:
        by_price = f"{calls[-1].dollars / call.dollars:.1f}" if call.dollars else "any number"
        lines.append(
            f"| {call.name} | {call.usage.total:,} | {call.flops / 1e12:,.1f} | {1000.0 * call.dollars:,.3f} "
            f"| {calls[-1].flops / call.flops:.1f} | {by_price} |"
        )
    return "\n".join(lines) + "\n"


def matched_inference(size: float, trained_on: float, served: float) -> float:
    """How many times the tokens a small model may spend at inference, for the FLOPs of a model `size` times larger.

    Training included: size + 3 (trained_on / served) (size - 1), from 6 N tokens of training and 2 N of inference.
    Where few tokens are ever served, the small model has room for a great deal of search; where many are, for `size`
    times as much. Source: Snell et al., arXiv 2408.03314, section 7.

    Args:
        size: parameters of the larger model over those of the smaller.
        trained_on: tokens that both were trained on.
        served: tokens that the larger model would write over its lifetime.

    Raises:
        ConfigurationError: `size` is below 1, or `served` is not above 0.
    """
    if size < 1.0 or served <= 0.0 or trained_on < 0.0:
        raise ConfigurationError("a larger model is at least as large, and tokens are served")
    return size + 3.0 * trained_on / served * (size - 1.0)
