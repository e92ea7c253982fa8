"""Policies: from a belief about difficulty, a price and a budget to a strategy."""

from tts_agent.routing.base import Decision, Policy
from tts_agent.routing.call_price import CallPrice
from tts_agent.routing.curves import TabulatedCurve
from tts_agent.routing.difficulty_ranking import DifficultyRanking
from tts_agent.routing.dual_price import DualPrice
from tts_agent.routing.fixed import Fixed
from tts_agent.routing.horizon import GivenHorizon, LearnedHorizon, StepMix
from tts_agent.routing.known_pass_rate import KnownPassRate
from tts_agent.routing.length_router import LengthRouter
from tts_agent.routing.marginal_value import MarginalValue
from tts_agent.routing.pacing import Pacing, Plan, TaskPace, Work
from tts_agent.routing.predicted_gain import PredictedGain
from tts_agent.routing.profile import ClassProfile
from tts_agent.routing.random_router import RandomRouter
from tts_agent.routing.static_size import StaticSize
from tts_agent.routing.thresholds import Thresholds

__all__ = [
    "CallPrice",
    "ClassProfile",
    "Decision",
    "DifficultyRanking",
    "DualPrice",
    "Fixed",
    "GivenHorizon",
    "KnownPassRate",
    "LearnedHorizon",
    "LengthRouter",
    "MarginalValue",
    "Pacing",
    "Plan",
    "Policy",
    "PredictedGain",
    "RandomRouter",
    "StaticSize",
    "StepMix",
    "TabulatedCurve",
    "TaskPace",
    "Thresholds",
    "Work",
]
