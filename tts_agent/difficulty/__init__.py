"""The difficulty estimator: text (and a first sample) in, a Beta over pass@1 out.

Importing this package loads no numerical library; the estimator itself does, and needs the extra `difficulty`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tts_agent.difficulty.base import Classifier, Estimator, SampleSignals, StepText
from tts_agent.difficulty.labels import Label, leave_one_out, read_labels, write_labels
from tts_agent.exceptions import MissingExtraError

if TYPE_CHECKING:
    from tts_agent.difficulty.card import PredictorCard
    from tts_agent.difficulty.classifying import ClassifyingEstimator
    from tts_agent.difficulty.encoder import Encoder, SentenceEncoder
    from tts_agent.difficulty.estimator import DifficultyEstimator

__all__ = [
    "Estimator",
    "Classifier",
    "StepText",
    "SampleSignals",
    "Label",
    "leave_one_out",
    "read_labels",
    "write_labels",
    "DifficultyEstimator",
    "ClassifyingEstimator",
    "PredictorCard",
    "Encoder",
    "SentenceEncoder",
]

_LAZY = {
    "ClassifyingEstimator": "classifying",
    "DifficultyEstimator": "estimator",
    "PredictorCard": "card",
    "Encoder": "encoder",
    "SentenceEncoder": "encoder",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{__name__}.{name}", "difficulty") from error
