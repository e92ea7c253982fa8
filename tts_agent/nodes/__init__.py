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

from tts_agent.nodes.adaptive_chat_model import AdaptiveChatModel
from tts_agent.nodes.adaptive_step import create_adaptive_step
from tts_agent.nodes.budgets import RUN_BUDGET
from tts_agent.nodes.chat_model import ChatModelSampler
from tts_agent.nodes.errors import BudgetExceededError
from tts_agent.nodes.expect_steps import expect_steps
from tts_agent.nodes.node import adaptive_node
from tts_agent.nodes.replies import METADATA_KEY
from tts_agent.nodes.retrieval import passages_of
from tts_agent.nodes.route_by_difficulty import route_by_difficulty
from tts_agent.nodes.step_kinds import StepKinds
from tts_agent.nodes.token_budget import token_budget
from tts_agent.nodes.wind_down import has_room, last_words
from tts_agent.nodes.worth_fanning_out import worth_fanning_out

if TYPE_CHECKING:
    from tts_agent.nodes.middleware import AdaptiveReasoning

__all__ = [
    "AdaptiveChatModel",
    "AdaptiveReasoning",
    "adaptive_node",
    "BudgetExceededError",
    "ChatModelSampler",
    "create_adaptive_step",
    "expect_steps",
    "has_room",
    "last_words",
    "METADATA_KEY",
    "passages_of",
    "route_by_difficulty",
    "RUN_BUDGET",
    "StepKinds",
    "token_budget",
    "worth_fanning_out",
]

__getattr__ = lazy_exports(__name__, {"AdaptiveReasoning": "middleware"})
