"""Strategies: how a step is answered. Each is one frozen dataclass whose `run` is a flow."""

from tts_agent.strategies.base import Strategy
from tts_agent.strategies.best_of_n import BestOfN
from tts_agent.strategies.self_consistency import SelfConsistency
from tts_agent.strategies.sequential_refinement import SequentialRefinement
from tts_agent.strategies.single import Single

__all__ = ["BestOfN", "SelfConsistency", "SequentialRefinement", "Single", "Strategy"]
