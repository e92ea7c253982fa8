"""Test-time scaling for agents: spend model calls on each step where they pay, under a hard token budget.

("tts" is test-time scaling, not text-to-speech.) Importing this package loads no framework; see the extras.
"""

from tts_agent.budget import Budget
from tts_agent.exceptions import BudgetExhausted, ConfigurationError, SamplerError, TTSAgentError
from tts_agent.reasoner import AdaptiveReasoner, Result
from tts_agent.step import Outcome, Step

__version__ = "0.1.0"

__all__ = [
    "AdaptiveReasoner",
    "Budget",
    "BudgetExhausted",
    "ConfigurationError",
    "Outcome",
    "Result",
    "SamplerError",
    "Step",
    "TTSAgentError",
]
