"""One ledger for everything a task spends: reserve before a call, settle after it, never above the limit."""

from tts_agent.budget.amount import Amount, Ask
from tts_agent.budget.asynchronous import AsyncBudget
from tts_agent.budget.book import Busy
from tts_agent.budget.ledger import Budget
from tts_agent.budget.notice import notice
from tts_agent.budget.reservation import Reservation
from tts_agent.budget.steps import Pacer, Progress, Steps
from tts_agent.budget.stores import RedisStore, SqliteStore, Store
from tts_agent.budget.tariffs import LIST_PRICES, Tariff
from tts_agent.budget.view import BudgetView

__all__ = [
    "Budget",
    "AsyncBudget",
    "BudgetView",
    "notice",
    "Amount",
    "Ask",
    "Reservation",
    "Pacer",
    "Progress",
    "Steps",
    "Busy",
    "LIST_PRICES",
    "Tariff",
    "RedisStore",
    "SqliteStore",
    "Store",
]
