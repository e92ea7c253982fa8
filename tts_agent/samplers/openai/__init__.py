"""Any OpenAI-compatible chat endpoint, through OpenAI's own client (extra `openai`)."""

from importlib.util import find_spec

from tts_agent.exceptions import MissingExtraError

if find_spec("openai") is None:
    raise MissingExtraError("OpenAISampler", "openai")

from tts_agent.samplers.openai.sampler import OpenAISampler

__all__ = ["OpenAISampler"]
