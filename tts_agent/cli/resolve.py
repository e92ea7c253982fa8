"""From names on the command line to objects: the one place where that happens."""

from __future__ import annotations

import sys
from pathlib import Path

from tts_agent.difficulty import Estimator
from tts_agent.exceptions import ConfigurationError
from tts_agent.sampling import Sampler

EMBEDDED = "embedded"


def sampler(model: str, base_url: str | None) -> Sampler:
    """The embedded model, or a model behind an OpenAI-compatible endpoint."""
    if model == EMBEDDED:
        if base_url is not None:
            raise ConfigurationError("--base-url needs --model: name the model that the endpoint serves")
        from tts_agent.embedded import EmbeddedSampler

        return EmbeddedSampler()
    from tts_agent.samplers.openai import OpenAISampler

    return OpenAISampler(model, base_url=base_url)


def estimator(choice: str, model: str) -> Estimator | None:
    """`none`, `auto` (the shipped one, for the embedded model only) or the folder of a saved estimator."""
    if choice == "none" or (choice == "auto" and model != EMBEDDED):
        return None
    from tts_agent.difficulty.estimator import DifficultyEstimator

    if choice == "auto":
        from tts_agent.embedded import ESTIMATOR_FOLDER

        return DifficultyEstimator.load(ESTIMATOR_FOLDER)
    return DifficultyEstimator.load(Path(choice))


def question(argument: str) -> str:
    """The question as typed, or read from standard input for "-".

    Raises:
        ConfigurationError: it is not UTF-8, or empty.
    """
    try:
        if argument == "-":
            text = sys.stdin.buffer.read().decode("utf-8")
        else:
            text = argument.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"the question is not UTF-8 text (byte {error.start + 1})") from None
    if not text.strip():
        raise ConfigurationError("the question is empty: there is nothing to answer")
    return text
