"""Policies: from a belief about difficulty, a price and a budget to a strategy.

Each is a file of its own, which loads when its name is first asked for.
"""

from typing import TYPE_CHECKING

from tts_agent.lazy import lazy_exports

if TYPE_CHECKING:
    from tts_agent.routing.base import Decision, Policy
    from tts_agent.routing.call_price import CallPrice
    from tts_agent.routing.curves import TabulatedCurve
    from tts_agent.routing.difficulty_ranking import DifficultyRanking
    from tts_agent.routing.dual_price import DualPrice
    from tts_agent.routing.fan_out import FanOut
    from tts_agent.routing.fixed import Fixed
    from tts_agent.routing.horizon import GivenHorizon, LearnedHorizon, StepMix
    from tts_agent.routing.known_pass_rate import KnownPassRate
    from tts_agent.routing.length_router import LengthRouter
    from tts_agent.routing.marginal_value import MarginalValue
    from tts_agent.routing.pace import Pace
    from tts_agent.routing.pacing import Pacing, Plan, TaskPace, Work
    from tts_agent.routing.predicted_gain import PredictedGain
    from tts_agent.routing.profile import ClassProfile
    from tts_agent.routing.random_router import RandomRouter
    from tts_agent.routing.static_size import StaticSize
    from tts_agent.routing.thresholds import Thresholds

_MODULES = {
    "CallPrice": "call_price",
    "ClassProfile": "profile",
    "Decision": "base",
    "DifficultyRanking": "difficulty_ranking",
    "DualPrice": "dual_price",
    "FanOut": "fan_out",
    "Fixed": "fixed",
    "GivenHorizon": "horizon",
    "KnownPassRate": "known_pass_rate",
    "LearnedHorizon": "horizon",
    "LengthRouter": "length_router",
    "MarginalValue": "marginal_value",
    "Pace": "pace",
    "Pacing": "pacing",
    "Plan": "pacing",
    "Policy": "base",
    "PredictedGain": "predicted_gain",
    "RandomRouter": "random_router",
    "StaticSize": "static_size",
    "StepMix": "horizon",
    "TabulatedCurve": "curves",
    "TaskPace": "pacing",
    "Thresholds": "thresholds",
    "Work": "pacing",
}

__all__ = [
    "CallPrice",
    "ClassProfile",
    "Decision",
    "DifficultyRanking",
    "DualPrice",
    "FanOut",
    "Fixed",
    "GivenHorizon",
    "KnownPassRate",
    "LearnedHorizon",
    "LengthRouter",
    "MarginalValue",
    "Pace",
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

__getattr__ = lazy_exports(__name__, _MODULES)
