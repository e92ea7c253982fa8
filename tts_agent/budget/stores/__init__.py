"""Where a budget is kept so that several processes share it."""

from tts_agent.budget.stores.base import Store
from tts_agent.budget.stores.redis import RedisStore
from tts_agent.budget.stores.sqlite import SqliteStore

__all__ = ["RedisStore", "SqliteStore", "Store"]
