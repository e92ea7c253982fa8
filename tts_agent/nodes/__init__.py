"""LangGraph nodes: adaptive reasoning inside graphs that people already have."""

from tts_agent.exceptions import MissingExtraError

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

__all__ = ["adaptive_node", "BudgetExceededError", "ChatModelSampler", "METADATA_KEY", "RUN_BUDGET"]
