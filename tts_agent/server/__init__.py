"""An OpenAI-compatible endpoint with adaptive reasoning and caps, for all with a base URL to set (extra `server`)."""

from importlib.util import find_spec

from tts_agent.exceptions import MissingExtraError

if not all(map(find_spec, ("aiohttp", "prometheus_client", "starlette", "uvicorn"))):
    raise MissingExtraError("the server", "server")

from tts_agent.server.app import create_app
from tts_agent.server.process import Process
from tts_agent.server.settings import Settings
from tts_agent.server.source import Embedded
from tts_agent.server.upstream import Upstream

__all__ = ["create_app", "Embedded", "Process", "Settings", "Upstream"]
