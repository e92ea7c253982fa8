"""Policies: from a belief about difficulty, a price and a budget to a strategy."""

from tts_agent.routing.base import Decision, Policy
from tts_agent.routing.fixed import Fixed
from tts_agent.routing.marginal_value import MarginalValue
from tts_agent.routing.profile import ClassProfile
from tts_agent.routing.thresholds import Thresholds

__all__ = ["ClassProfile", "Decision", "Fixed", "MarginalValue", "Policy", "Thresholds"]
