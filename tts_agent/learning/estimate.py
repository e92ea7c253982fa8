"""What labelling would cost, before a call is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tts_agent.budget import Amount, Ask, Tariff
from tts_agent.learning.enough import Enough
from tts_agent.learning.item import Item

BYTES_A_TOKEN = 4
"""Of English text, about. Code and other languages have fewer."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Calls, tokens and money of the samples that are still missing. The verifier's own calls come on top."""

    questions: int
    least: Amount
    """Every question stops at the low end, with replies as long as the expected one."""
    most: Amount
    """Every question goes to the high end, with replies of `max_tokens`."""
    prompt_tokens: int
    """Mean of the questions: a quarter of their bytes."""
    reply_tokens: int
    """Expected of a reply: the mean of what the store has, else half of `max_tokens`."""
    measured: bool
    """Whether that is a mean."""


def estimate(
    items: Sequence[Item],
    have: Sequence[int],
    enough: Enough,
    *,
    max_tokens: int,
    mean_reply: float | None = None,
    tariff: Tariff | None = None,
) -> Estimate:
    """What is still to be drawn.

    Args:
        have: samples that each item has already.
        mean_reply: output tokens of a reply, where it was measured.
    """
    reply = max(1, round(max_tokens / 2 if mean_reply is None else mean_reply))
    prompts = [max(1, sum(len(turn.content.encode()) for turn in item.messages) // BYTES_A_TOKEN) for item in items]
    least = most = Amount()
    for prompt, samples in zip(prompts, have, strict=True):
        if samples < enough.low:
            n = enough.low - samples
            least += Ask(prompt, n, reply, tariff=tariff).cost(n, reply)
        if samples < enough.high:
            n = enough.high - samples
            most += Ask(prompt, n, max_tokens, tariff=tariff).cost(n, max_tokens)
    return Estimate(len(items), least, most, round(sum(prompts) / len(prompts)), reply, mean_reply is not None)
