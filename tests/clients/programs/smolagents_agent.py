"""smolagents' agent that calls tools."""

from __future__ import annotations

from common import KEY, MODEL, QUESTION, URL, add, tell
from smolagents import OpenAIModel, ToolCallingAgent, tool


def main() -> None:
    model = OpenAIModel(model_id=MODEL, api_base=URL, api_key=KEY)
    agent = ToolCallingAgent(tools=[tool(add)], model=model, verbosity_level=0)
    streaming = ToolCallingAgent(tools=[tool(add)], model=model, stream_outputs=True, verbosity_level=0)
    tell({"run": str(agent.run(QUESTION)), "streamed": str(streaming.run(QUESTION))})


main()
