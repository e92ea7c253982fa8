"""LangChain's agent on langchain-openai's chat model, sync, async and streamed, and structured output."""

from __future__ import annotations

import asyncio
from typing import Any

from common import KEY, MODEL, QUESTION, URL, add, tell
from langchain.agents import create_agent
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, SecretStr


class Person(BaseModel):
    name: str
    age: int


def main() -> None:
    model = ChatOpenAI(model=MODEL, base_url=URL, api_key=SecretStr(KEY))
    agent: Any = create_agent(model, [add])
    asked: Any = {"messages": [("user", QUESTION)]}
    tell(
        {
            "invoked": agent.invoke(asked)["messages"][-1].text,
            "awaited": asyncio.run(agent.ainvoke(asked))["messages"][-1].text,
            "streamed": "".join(chunk.text for chunk in model.stream(QUESTION)),
            "structured": model.with_structured_output(Person).invoke("Who wrote the first program?").model_dump(),
        }
    )


main()
