"""One ledger for each run of an agent, found again by every step of it, and after a resume."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables.config import ensure_config
from langgraph.runtime import Runtime

from tts_agent.budget import Amount, Budget, BudgetView, Pacer, Steps
from tts_agent.budget.amount import UNLIMITED
from tts_agent.exceptions import BudgetExhausted
from tts_agent.nodes.budgets import ledger, run_budget
from tts_agent.nodes.metering import installed

MOST_RUNS = 10_000
"""Runs whose ledgers are remembered. Those of longer ago are made again from what their state says they spent."""


@dataclass(frozen=True, slots=True)
class Funds:
    """What a run has at the beginning of a step."""

    view: BudgetView

    @property
    def capped(self) -> bool:
        """Whether the tokens that a call may take matter."""
        return min(self.view.remaining.tokens, self.view.remaining.money) < UNLIMITED // 2

    @property
    def limit(self) -> int:
        """Tokens that the run's budget began with."""
        return self.view.limit.tokens

    @property
    def left(self) -> int:
        """Tokens of it that are left."""
        return self.view.limit.tokens - self.view.spent.tokens

    def leaving(self, tokens: int) -> int:
        """The tokens for a step that leaves so many for later.

        Raises:
            BudgetExhausted: there are none.
        """
        if self.left <= tokens:
            raise BudgetExhausted(f"{self.left} tokens of the budget are left, and the last answer may need {tokens}")
        return self.left - tokens


@dataclass(frozen=True, slots=True)
class RunLedger:
    """What one run spends."""

    budget: Budget
    own: bool
    """Whether the budget is a number of tokens for this run alone."""

    def funds(self, spent: Amount, steps: Steps | None = None) -> Funds:
        """What there is, given that at least this much is known to be spent, on these steps.

        The larger of that and of what the ledger says holds: the state that it comes from survives this process, and
        the ledger knows of steps that failed or were undone.
        """
        if spent.calls:
            self.budget.at_least(spent, steps)
        return Funds(self.budget.view())


class RunLedgers:
    """The ledgers of an agent's runs. Safe to share between threads.

    Args:
        own: the middleware's budget; a number of tokens is one for each run.
        pace: of each run.
    """

    def __init__(self, own: Budget | int | None, pace: Pacer | None = None) -> None:
        self._own = own
        self._pace = pace
        self._known: OrderedDict[str, tuple[object, RunLedger]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, run: str, runtime: Runtime[Any] | None) -> RunLedger:
        """The ledger of a run. Where the run is resumed under other budgets than before, it is a new one.

        Raises:
            ConfigurationError: the run brought a budget that is none.
        """
        config = ensure_config()
        source = run_budget(config, runtime), installed()
        with self._lock:
            known = self._known.get(run)
            if known is None or known[0] != source:
                known = source, self._opened(ledger(self._own, config, runtime), *source)
                self._known[run] = known
                while len(self._known) > MOST_RUNS:
                    self._known.popitem(last=False)
            return known[1]

    def _opened(self, budget: Budget, *shared: object) -> RunLedger:
        if any(budget is other for other in (self._own, *shared)):
            return RunLedger(budget.child(pace=self._pace), own=False)
        tokens = budget.limit.tokens if budget.limit.tokens < UNLIMITED else None
        return RunLedger(budget.child(tokens, pace=self._pace) if self._pace else budget, own=tokens is not None)
