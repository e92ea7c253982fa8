"""pydantic-ai: by chat completions and by the Responses API, streamed, and with a typed answer."""

from __future__ import annotations

import asyncio
from typing import Any

from common import KEY, MODEL, QUESTION, URL, add, tell
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider


class Person(BaseModel):
    name: str
    age: int


async def main() -> None:
    provider = OpenAIProvider(base_url=URL, api_key=KEY)
    said: dict[str, Any] = {}
    for name, kind in (("chat", OpenAIChatModel), ("responses", OpenAIResponsesModel)):
        model = kind(MODEL, provider=provider)
        said[name] = (await Agent(model, tools=[add]).run(QUESTION)).output
        async with Agent(model, tools=[add]).run_stream(QUESTION) as stream:
            said[f"{name} streamed"] = await stream.get_output()
        typed = await Agent(model, output_type=NativeOutput(Person)).run("Who wrote the first program?")
        said[f"{name} typed"] = typed.output.model_dump()
    tell(said)


asyncio.run(main())
