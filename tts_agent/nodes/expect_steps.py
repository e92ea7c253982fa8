"""What a node that plans tells the pace of its run."""

from __future__ import annotations

from tts_agent.exceptions import ConfigurationError
from tts_agent.nodes.arguments import whole
from tts_agent.nodes.metering import installed


def expect_steps(ahead: int) -> None:
    """So many steps are to come: for a node that made a plan, or looks at what is left of one.

        def plan(state):
            ...
            expect_steps(len(questions) + 1)  # one for each, and the report

    It holds for the innermost `token_budget` around, whose ledger keeps it: other processes on it go by it, and so does
    a resumed run whose ledger is in a store. Every step that ends leaves one less; said again, it holds anew.

    Raises:
        ConfigurationError: that is no number of steps, or there is no `token_budget` around.
    """
    budget = installed()
    if budget is None:
        raise ConfigurationError("expect_steps() is said inside a token_budget, and there is none around this code")
    budget.expect(whole(ahead, "ahead", least=0))
