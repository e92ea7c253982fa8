"""OpenAI's own client, 2.x or 3.x: everything that its users do with it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import openai
from common import KEY, MODEL, QUESTION, TOOLS, URL, add, tell
from pydantic import BaseModel

QUESTIONS: Any = [{"role": "user", "content": QUESTION}]


class Person(BaseModel):
    name: str
    age: int


def chat(client: openai.OpenAI) -> str | None:
    return client.chat.completions.create(model=MODEL, messages=QUESTIONS).choices[0].message.content


def several(client: openai.OpenAI) -> int:
    return len(client.chat.completions.create(model=MODEL, messages=QUESTIONS, n=2).choices)


async def chat_async() -> str | None:
    async with openai.AsyncOpenAI(base_url=URL, api_key=KEY) as client:
        reply = await client.chat.completions.create(model=MODEL, messages=QUESTIONS)
    return reply.choices[0].message.content


async def streamed_async() -> str:
    async with openai.AsyncOpenAI(base_url=URL, api_key=KEY) as client:
        stream = await client.chat.completions.create(model=MODEL, messages=QUESTIONS, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])


def streamed(client: openai.OpenAI) -> dict[str, Any]:
    options: Any = {"include_usage": True}
    with client.chat.completions.stream(model=MODEL, messages=QUESTIONS, stream_options=options) as stream:
        final = stream.get_final_completion()
    assert final.usage
    return {"text": final.choices[0].message.content, "billed": final.usage.total_tokens > 0}


def tools(client: openai.OpenAI) -> str | None:
    """The loop that every agent is: call, run the tool, call again."""
    messages: Any = list(QUESTIONS)
    while True:
        message = client.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS).choices[0].message
        if not message.tool_calls:
            return message.content
        messages.append(message)
        for call in message.tool_calls:
            result = str(add(**json.loads(call.function.arguments)))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})


def parsed(client: openai.OpenAI) -> dict[str, Any]:
    asked: Any = [{"role": "user", "content": "Who wrote the first program?"}]
    reply = client.chat.completions.parse(model=MODEL, messages=asked, response_format=Person)
    person = reply.choices[0].message.parsed
    assert person
    return person.model_dump()


def responses(client: openai.OpenAI) -> str:
    return client.responses.create(model=MODEL, input=QUESTION).output_text


def responses_streamed(client: openai.OpenAI) -> str:
    with client.responses.stream(model=MODEL, input=QUESTION) as stream:
        return stream.get_final_response().output_text


def responses_tools(client: openai.OpenAI) -> str:
    offered: Any = [{"type": "function", **TOOLS[0]["function"], "strict": False}]
    turns: Any = [{"role": "user", "content": QUESTION}]
    while True:
        reply = client.responses.create(model=MODEL, input=turns, tools=offered)
        calls = [item for item in reply.output if item.type == "function_call"]
        if not calls:
            return reply.output_text
        turns += reply.output
        for call in calls:
            result = str(add(**json.loads(call.arguments)))
            turns.append({"type": "function_call_output", "call_id": call.call_id, "output": result})


def responses_parsed(client: openai.OpenAI) -> dict[str, Any]:
    reply = client.responses.parse(model=MODEL, input="Who wrote the first program?", text_format=Person)
    assert reply.output_parsed
    return reply.output_parsed.model_dump()


def exhausted(client: openai.OpenAI) -> dict[str, Any]:
    """A task without budget: one answer, 402, and no second try."""
    try:
        client.with_options(max_retries=5).chat.completions.create(
            model=MODEL, messages=QUESTIONS, extra_headers={"X-TTS-Task": "poor", "X-TTS-Budget": "1"}
        )
    except openai.APIStatusError as error:
        return {"status": error.status_code, "code": error.code}
    raise AssertionError("a task of one token got an answer")


def main() -> None:
    with openai.OpenAI(base_url=URL, api_key=KEY) as client:
        steps = (chat, several, streamed, tools, parsed, responses, responses_streamed, responses_tools)
        said = {step.__name__: step(client) for step in (*steps, responses_parsed, exhausted)}
    said |= {"chat_async": asyncio.run(chat_async()), "streamed_async": asyncio.run(streamed_async())}
    tell({"version": openai.__version__, **said})


main()
