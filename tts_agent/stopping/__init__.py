"""Stopping rules: given the votes so far, how many more samples are worth drawing, together."""

from tts_agent.stopping.adaptive_consistency import AdaptiveConsistency
from tts_agent.stopping.answer_population import AnswerPopulation
from tts_agent.stopping.base import StoppingRule
from tts_agent.stopping.dirichlet_consistency import DirichletConsistency
from tts_agent.stopping.extending_window import ExtendingWindow
from tts_agent.stopping.fixed import FixedSize
from tts_agent.stopping.mode_certification import ModeCertification
from tts_agent.stopping.population_prior import PopulationPrior
from tts_agent.stopping.price import PriceRule
from tts_agent.stopping.prices import Prices
from tts_agent.stopping.supermajority import Supermajority
from tts_agent.stopping.until_accepted import UntilAccepted
from tts_agent.stopping.window import Window

__all__ = [
    "AdaptiveConsistency",
    "AnswerPopulation",
    "DirichletConsistency",
    "ExtendingWindow",
    "FixedSize",
    "ModeCertification",
    "PopulationPrior",
    "PriceRule",
    "Prices",
    "StoppingRule",
    "Supermajority",
    "UntilAccepted",
    "Window",
]
