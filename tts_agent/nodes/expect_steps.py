"""What a node that plans tells the pace of its run."""

from __future__ import annotations

from collections.abc import Mapping

from tts_agent.exceptions import ConfigurationError
from tts_agent.nodes.arguments import whole
from tts_agent.nodes.metering import installed


def expect_steps(ahead: int | Mapping[str, int]) -> None:
    """So many steps are to come: for a node that made a plan, or looks at what is left of one.

        def plan(state):
            ...
            expect_steps(len(questions) + 1)  # one for each, and the report

    By class it says more, where classes differ in what they cost: `expect_steps({"reading": len(questions),
    "synthesis": 1})`. Steps of classes that it does not name are then no part of the plan.

    It holds for the innermost `token_budget` around, whose ledger keeps it: other processes on it go by it, and so does
    a resumed run whose ledger is in a store. Every step that ends leaves one less; said again, it holds anew.

    Raises:
        ConfigurationError: that is no number of steps, or there is no `token_budget` around.
    """
    budget = installed()
    if budget is None:
        raise ConfigurationError("expect_steps() is said inside a token_budget, and there is none around this code")
    for steps in ahead.values() if isinstance(ahead, Mapping) else (ahead,):
        whole(steps, "ahead", least=0)
    budget.expect(ahead)
