"""One ledger for each run of an agent, found again by every step of it, and after a resume."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables.config import ensure_config
from langgraph.runtime import Runtime

from tts_agent.budget import Amount, Budget
from tts_agent.budget.amount import UNLIMITED
from tts_agent.exceptions import BudgetExhausted
from tts_agent.nodes.budgets import ledger, run_budget
from tts_agent.nodes.metering import installed
from tts_agent.nodes.middleware.run_state import spent

MOST_RUNS = 10_000
"""Runs whose ledgers are remembered. Those of longer ago are made again from what their state says they spent."""


@dataclass(frozen=True, slots=True)
class RunLedger:
    """What one run spends."""

    budget: Budget
    before: Amount
    """What the run had spent when the budget was made, where the budget does not know."""
    own: bool
    """Whether the budget is a number of tokens for this run alone."""

    @property
    def spent(self) -> Amount:
        """What the run spent in all."""
        return self.before + self.budget.spent

    @property
    def capped(self) -> bool:
        """Whether the tokens that a call may take matter."""
        return self.budget.view().remaining.tokens < UNLIMITED // 2

    @property
    def limit(self) -> int:
        """Tokens that the run may spend."""
        return self.budget.limit.tokens

    def leaving(self, tokens: int) -> Budget:
        """A budget for a step that leaves these tokens for later.

        Raises:
            BudgetExhausted: that leaves nothing for the step.
        """
        left = self.limit - self.budget.spent.tokens
        if left <= tokens:
            raise BudgetExhausted(f"{left} tokens of the budget are left, and the last answer may need {tokens}")
        return self.budget.child(left - tokens)


class RunLedgers:
    """The ledgers of an agent's runs.

    Args:
        own: the middleware's budget; a number of tokens is one for each run.
    """

    def __init__(self, own: Budget | int | None) -> None:
        self._own = own
        self._known: OrderedDict[str, tuple[object, RunLedger]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, run: Mapping[str, Any], runtime: Runtime[Any]) -> RunLedger:
        """The ledger of a run.

        Of what its state and the ledger say was spent, the larger holds: the state survives this process, and the
        ledger knows of steps that failed or were undone.

        Raises:
            ConfigurationError: the run brought a budget that is none.
        """
        config = ensure_config()
        source = run_budget(config, runtime), installed()
        with self._lock:
            known = self._known.get(run["id"])
            if known is None or known[0] != source:
                known = source, self._opened(ledger(self._own, config, runtime), source, spent(run))
                self._known[run["id"]] = known
                while len(self._known) > MOST_RUNS:
                    self._known.popitem(last=False)
        found = known[1]
        if found.own:
            found.budget.at_least(spent(run))
        return found

    def _opened(self, budget: Budget, source: tuple[object, ...], known: Amount) -> RunLedger:
        if any(budget is shared for shared in (self._own, *source)):
            return RunLedger(budget.child(), known, own=False)
        if budget.limit.tokens == UNLIMITED:
            return RunLedger(budget, known, own=False)
        return RunLedger(budget, Amount(), own=True)
