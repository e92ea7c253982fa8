"""Adaptive reasoning as middleware of LangChain's agents."""

from tts_agent.exceptions import MissingExtraError

try:
    import langchain.agents.middleware  # noqa: F401 - only whether it is there
except ImportError as error:
    raise MissingExtraError("AdaptiveReasoning", "langchain") from error

from tts_agent.nodes.middleware.adaptive_reasoning import AdaptiveReasoning

__all__ = ["AdaptiveReasoning"]
