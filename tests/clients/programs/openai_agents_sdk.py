"""openai-agents: by the Responses API, which is its default, by chat completions, and streamed."""

from __future__ import annotations

import asyncio
from typing import Any

from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from common import KEY, MODEL, QUESTION, URL, add, tell
from openai import AsyncOpenAI


async def main() -> None:
    set_tracing_disabled(disabled=True)
    said: dict[str, Any] = {}
    async with AsyncOpenAI(base_url=URL, api_key=KEY) as client:
        for name, kind in (("responses", OpenAIResponsesModel), ("chat", OpenAIChatCompletionsModel)):
            agent = Agent(name="adder", tools=[function_tool(add)], model=kind(MODEL, client))
            said[name] = (await Runner.run(agent, QUESTION)).final_output
            streamed = Runner.run_streamed(agent, QUESTION)
            async for _ in streamed.stream_events():
                pass
            said[f"{name} streamed"] = streamed.final_output
    tell(said)


asyncio.run(main())
