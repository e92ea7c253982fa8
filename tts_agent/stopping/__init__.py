"""Stopping rules: given the votes so far, how many more samples are worth drawing, together."""

from tts_agent.stopping.adaptive_consistency import AdaptiveConsistency
from tts_agent.stopping.base import StoppingRule
from tts_agent.stopping.fixed import FixedSize
from tts_agent.stopping.price import PriceRule
from tts_agent.stopping.until_accepted import UntilAccepted
from tts_agent.stopping.window import Window

__all__ = ["AdaptiveConsistency", "FixedSize", "PriceRule", "StoppingRule", "UntilAccepted", "Window"]
