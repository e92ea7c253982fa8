"""Stopping rules: given the votes so far, how many more samples are worth drawing, together.

Each is a file of its own, which loads when its name is first asked for.
"""

from typing import TYPE_CHECKING

from tts_agent.lazy import lazy_exports

if TYPE_CHECKING:
    from tts_agent.stopping.adaptive_consistency import AdaptiveConsistency
    from tts_agent.stopping.answer_population import AnswerPopulation
    from tts_agent.stopping.base import StoppingRule
    from tts_agent.stopping.dirichlet_consistency import DirichletConsistency
    from tts_agent.stopping.extending_window import ExtendingWindow
    from tts_agent.stopping.fix_rates import FixRates, RoundCounts
    from tts_agent.stopping.fixed import FixedSize
    from tts_agent.stopping.mode_certification import ModeCertification
    from tts_agent.stopping.outlook import Outlook
    from tts_agent.stopping.overthinking import Overthinking
    from tts_agent.stopping.pandora import Pandora
    from tts_agent.stopping.population_prior import PopulationPrior
    from tts_agent.stopping.price import PriceRule
    from tts_agent.stopping.prices import Prices
    from tts_agent.stopping.refinement import Refinement
    from tts_agent.stopping.scores import NormalBelief, NormalScores, RecordedScores
    from tts_agent.stopping.signalled_refinement import SignalledRefinement, SignalRates
    from tts_agent.stopping.supermajority import Supermajority
    from tts_agent.stopping.until_accepted import UntilAccepted
    from tts_agent.stopping.window import Window

_MODULES = {
    "AdaptiveConsistency": "adaptive_consistency",
    "AnswerPopulation": "answer_population",
    "DirichletConsistency": "dirichlet_consistency",
    "ExtendingWindow": "extending_window",
    "FixRates": "fix_rates",
    "FixedSize": "fixed",
    "ModeCertification": "mode_certification",
    "NormalBelief": "scores",
    "NormalScores": "scores",
    "Outlook": "outlook",
    "Overthinking": "overthinking",
    "Pandora": "pandora",
    "PopulationPrior": "population_prior",
    "PriceRule": "price",
    "Prices": "prices",
    "RecordedScores": "scores",
    "Refinement": "refinement",
    "RoundCounts": "fix_rates",
    "SignalRates": "signalled_refinement",
    "SignalledRefinement": "signalled_refinement",
    "StoppingRule": "base",
    "Supermajority": "supermajority",
    "UntilAccepted": "until_accepted",
    "Window": "window",
}

__all__ = [
    "AdaptiveConsistency",
    "AnswerPopulation",
    "DirichletConsistency",
    "ExtendingWindow",
    "FixRates",
    "FixedSize",
    "ModeCertification",
    "NormalBelief",
    "NormalScores",
    "Outlook",
    "Overthinking",
    "Pandora",
    "PopulationPrior",
    "PriceRule",
    "Prices",
    "RecordedScores",
    "Refinement",
    "RoundCounts",
    "SignalRates",
    "SignalledRefinement",
    "StoppingRule",
    "Supermajority",
    "UntilAccepted",
    "Window",
]

__getattr__ = lazy_exports(__name__, _MODULES)
