"""AG2's agent with a tool: by chat completions, streamed, and by the Responses API."""

from __future__ import annotations

import asyncio

from ag2 import Agent
from ag2.config import OpenAIConfig, OpenAIResponsesConfig
from ag2.tools import tool
from common import KEY, MODEL, QUESTION, URL, add, tell


async def main() -> None:
    configs = {
        "chat": OpenAIConfig(model=MODEL, base_url=URL, api_key=KEY),
        "streamed": OpenAIConfig(model=MODEL, base_url=URL, api_key=KEY, streaming=True),
        "responses": OpenAIResponsesConfig(model=MODEL, base_url=URL, api_key=KEY),
    }
    said = {}
    for name, config in configs.items():
        reply = await Agent("adder", prompt="You add.", config=config, tools=[tool(add)]).ask(QUESTION)
        said[name] = reply.body
    tell(said)


asyncio.run(main())
