"""LlamaIndex's agent that calls functions; it streams its model by default."""

from __future__ import annotations

import asyncio

from common import KEY, MODEL, QUESTION, URL, add, tell
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.llms.openai_like import OpenAILike


async def main() -> None:
    model = OpenAILike(model=MODEL, api_base=URL, api_key=KEY, is_chat_model=True, is_function_calling_model=True)
    said = {}
    for name, streaming in (("run", False), ("streamed", True)):
        agent = FunctionAgent(tools=[add], llm=model, streaming=streaming)
        said[name] = str(await agent.run(QUESTION))
    tell({**said, "completed": str(model.complete(QUESTION))})


asyncio.run(main())
