"""The difficulty estimator: text (and a first sample) in, a Beta over pass@1 out."""

from tts_agent.difficulty.base import Estimator, SampleSignals, StepText

__all__ = ["Estimator", "SampleSignals", "StepText"]
