"""The tiny language model that makes the first command work with no key and no network.

Importing this package loads neither numpy nor the weights: the names below arrive on first use.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tts_agent.embedded.sampler import EmbeddedSampler

MODEL_FOLDER = Path(__file__).parent / "model"
"""A Hugging Face folder: ``transformers.AutoModelForCausalLM`` loads it unchanged."""
ESTIMATOR_FOLDER = Path(__file__).parent / "estimator"
"""The difficulty estimator fitted for this model."""

__all__ = ["ESTIMATOR_FOLDER", "MODEL_FOLDER", "EmbeddedSampler"]


def __getattr__(name: str) -> Any:
    if name == "EmbeddedSampler":
        from tts_agent.embedded.sampler import EmbeddedSampler

        return EmbeddedSampler
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
