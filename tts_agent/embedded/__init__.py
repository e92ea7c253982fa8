"""The tiny language model that makes the first command work with no key and no network.

Importing this package loads neither numpy nor the weights: the names below arrive on first use.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from tts_agent.lazy import lazy_exports

if TYPE_CHECKING:
    from tts_agent.embedded.sampler import EmbeddedSampler

MODEL_FOLDER = Path(__file__).parent / "model"
"""A Hugging Face folder: ``transformers.AutoModelForCausalLM`` loads it unchanged."""
ESTIMATOR_FOLDER = Path(__file__).parent / "estimator"
"""The difficulty estimator fitted for this model."""

__all__ = ["ESTIMATOR_FOLDER", "MODEL_FOLDER", "EmbeddedSampler"]

__getattr__ = lazy_exports(__name__, {"EmbeddedSampler": "sampler"})
