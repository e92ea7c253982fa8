"""Adaptive reasoning inside the graphs and agents that people already have.

All but the middleware needs LangGraph alone; `AdaptiveReasoning` loads LangChain when it is first asked for.
"""

from typing import TYPE_CHECKING

from tts_agent.exceptions import MissingExtraError
from tts_agent.lazy import lazy_exports

try:
    import langchain_core  # noqa: F401 - only whether they are there
    import langgraph.graph  # noqa: F401
except ImportError as error:
    raise MissingExtraError("tts_agent.nodes", "langgraph") from error

from tts_agent.nodes.budgets import RUN_BUDGET
from tts_agent.nodes.chat_model import ChatModelSampler
from tts_agent.nodes.errors import BudgetExceededError
from tts_agent.nodes.node import adaptive_node
from tts_agent.nodes.replies import METADATA_KEY

if TYPE_CHECKING:
    from tts_agent.nodes.middleware import AdaptiveReasoning

__all__ = [
    "AdaptiveReasoning",
    "adaptive_node",
    "BudgetExceededError",
    "ChatModelSampler",
    "METADATA_KEY",
    "RUN_BUDGET",
]

__getattr__ = lazy_exports(__name__, {"AdaptiveReasoning": "middleware"})
