"""CrewAI: a crew of one agent with one tool."""

from __future__ import annotations

from common import KEY, MODEL, QUESTION, URL, add, tell
from crewai import LLM, Agent, Crew, Task
from crewai.tools import tool


def main() -> None:
    model = LLM(model=f"openai/{MODEL}", base_url=URL, api_key=KEY)
    agent = Agent(role="adder", goal="add", backstory="You add.", tools=[tool("add")(add)], llm=model)
    task = Task(description=QUESTION, expected_output="the sum", agent=agent)
    tell({"run": Crew(agents=[agent], tasks=[task]).kickoff().raw})


main()
