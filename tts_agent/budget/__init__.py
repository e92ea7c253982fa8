"""One ledger for everything a task spends: reserve before a call, settle after it, never above the limit."""

from tts_agent.budget.amount import Amount, Ask
from tts_agent.budget.ledger import Budget, BudgetView, Busy, Reservation

__all__ = ["Amount", "Ask", "Budget", "BudgetView", "Busy", "Reservation"]
