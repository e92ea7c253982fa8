"""Stopping rules: given the votes so far, how many more samples are worth drawing, together."""

from tts_agent.stopping.adaptive_consistency import AdaptiveConsistency
from tts_agent.stopping.answer_population import AnswerPopulation
from tts_agent.stopping.base import StoppingRule
from tts_agent.stopping.dirichlet_consistency import DirichletConsistency
from tts_agent.stopping.extending_window import ExtendingWindow
from tts_agent.stopping.fix_rates import FixRates, RoundCounts
from tts_agent.stopping.fixed import FixedSize
from tts_agent.stopping.mode_certification import ModeCertification
from tts_agent.stopping.outlook import Outlook
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
