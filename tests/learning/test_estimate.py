"""What labelling would cost."""

from __future__ import annotations

from tts_agent.budget import Tariff
from tts_agent.learning.enough import Enough
from tts_agent.learning.estimate import estimate
from tts_agent.learning.item import Item
from tts_agent.messages import user

ITEMS = [Item("a", (user("x" * 40),)), Item("b", (user("x" * 80),))]


def test_it_lies_between_short_replies_to_few_samples_and_long_ones_to_many() -> None:
    found = estimate(ITEMS, [0, 0], Enough(4, 8), max_tokens=100, tariff=Tariff(1.0, 2.0))
    assert (found.least.calls, found.most.calls) == (8, 16)
    assert found.least.tokens == 4 * (10 + 50) + 4 * (20 + 50)
    assert found.most.tokens == 8 * (10 + 100) + 8 * (20 + 100)
    assert round(found.most.dollars * 1e6) == 8 * (10 + 200) + 8 * (20 + 200)
    assert not found.measured


def test_what_is_there_already_costs_nothing_and_tells_how_long_replies_are() -> None:
    found = estimate(ITEMS, [6, 8], Enough(4, 8), max_tokens=100, mean_reply=30.0)
    assert (found.least.calls, found.most.calls) == (0, 2)
    assert (found.reply_tokens, found.measured) == (30, True)
