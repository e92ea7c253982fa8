"""Test-time scaling for agents: spend model calls on each step where they pay, under a hard token budget.

("tts" is test-time scaling, not text-to-speech.) Importing this package loads no framework, see the extras; its names
load when they are first asked for.
"""

from typing import TYPE_CHECKING

from tts_agent.lazy import lazy_exports

if TYPE_CHECKING:
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

__getattr__ = lazy_exports(
    __name__,
    {
        "AdaptiveReasoner": "reasoner",
        "Budget": "budget",
        "BudgetExhausted": "exceptions",
        "ConfigurationError": "exceptions",
        "Outcome": "step",
        "Result": "reasoner",
        "SamplerError": "exceptions",
        "Step": "step",
        "TTSAgentError": "exceptions",
    },
)
